variable "common" {
  description = "What all functions share; function/variables.tf describes it."
  type        = any
}

variable "access" {
  description = "Statements about tables and keys, by what they are for; access.tf describes them."
  type        = any
}

variable "stream" {
  description = "The stream, with the statement of who appends; ingest/outputs.tf describes it."
  type        = any
}

variable "image" {
  description = "The image of the task, by its digest."
  type        = string
}

variable "ports" {
  description = "TCP ports of brokers besides 443 and 8883."
  type        = list(number)
}
