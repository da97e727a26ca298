variable "common" {
  description = "What all functions share; function/variables.tf describes it."
  type        = any
}

variable "queues" {
  description = "ARNs of the queues, by name without the environment."
  type        = map(string)
}

variable "package" {
  description = "The zip of this layer's functions."
  type        = object({ bucket = string, key = string, hash = string })
}

variable "access" {
  description = "Statements about tables and keys, by what they are for; access.tf describes them."
  type        = any
}

variable "stream" {
  description = "ARN of the stream."
  type        = string
}

variable "protect" {
  type = bool
}
