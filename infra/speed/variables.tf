variable "common" {
  description = "What all functions share; function/variables.tf describes it."
  type        = any
}

variable "packages" {
  description = "The zips, by name."
  type        = map(object({ bucket = string, key = string, hash = string }))
}

variable "channel_secrets" {
  description = "Names of the channels' secrets, without the environment."
  type        = list(string)
}

variable "sources" {
  description = "Sources that are expected to answer."
  type        = list(string)
}

variable "access" {
  description = "Statements about tables and keys, by what they are for; access.tf describes them."
  type        = any
}

variable "stream" {
  description = "The stream; ingest/outputs.tf describes it."
  type        = any
}

variable "people_key" {
  description = "ARN of the people's key."
  type        = string
}

variable "deliver_at_once" {
  type = number
}

variable "email_domain" {
  type = string
}

variable "protect" {
  type = bool
}
