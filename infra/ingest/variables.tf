variable "common" {
  description = "What all functions share; function/variables.tf describes it."
  type        = any
}

variable "package" {
  description = "The zip of this layer's functions."
  type        = object({ bucket = string, key = string, hash = string })
}

variable "access" {
  description = "Statements about tables and keys, by what they are for; access.tf describes them."
  type        = any
}

variable "tomorrow_secret" {
  type = string
}

variable "poll_every" {
  type = string
}

variable "stream" {
  description = "kinesis or table."
  type        = string
}

variable "protect" {
  type = bool
}
