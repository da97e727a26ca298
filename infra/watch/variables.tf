variable "common" {
  description = "What all functions share; function/variables.tf describes it."
  type        = any
}

variable "namespace" {
  description = "Of the program's own metrics."
  type        = string
}

variable "functions" {
  description = "Names without the environment."
  type        = list(string)
}

variable "job" {
  description = "Glue's job, without the environment."
  type        = string
}

variable "listeners" {
  description = "ARNs of clusters whose task is always there; none: nobody listens."
  type        = list(string)
}

variable "tables" {
  description = "Names of DynamoDB's tables without the environment."
  type        = list(string)
}

variable "sources" {
  description = "Sources that are expected to answer."
  type        = list(string)
}

variable "raw_bucket" {
  type = string
}

variable "bucket_arns" {
  type = map(string)
}

variable "alarm_email" {
  type = string
}

variable "heartbeat_url" {
  type      = string
  sensitive = true
}

variable "monthly_budget_usd" {
  type = number
}

variable "sms_monthly_usd" {
  type = number
}

variable "protect" {
  type = bool
}
