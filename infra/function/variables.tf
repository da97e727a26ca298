variable "common" {
  description = "What all functions share."
  type = object({
    environment          = string
    account              = string
    data_key             = string # ARN
    reserved_concurrency = map(number)
    variables            = map(string) # of the environment
  })
}

variable "name" {
  description = "Without the environment; the handler is called the same, with _ for -."
  type        = string
}

variable "package" {
  description = "Where the zip lies, and what is in it (base64 of its SHA-256)."
  type        = object({ bucket = string, key = string, hash = string })
}

variable "statements" {
  description = "What the function may do besides writing its log."
  type = list(object({
    sid       = string
    effect    = optional(string, "Allow")
    actions   = list(string)
    resources = list(string)
    conditions = optional(list(object({
      test     = string
      variable = string
      values   = list(string)
    })), [])
  }))
}

variable "timeout_s" {
  type = number
}

variable "memory_mb" {
  description = "With it comes the share of a processor: 1,769 MB are one whole."
  type        = number
}

variable "disk_mb" {
  type    = number
  default = 512
}

variable "variables" {
  description = "Of the environment, of this function alone."
  type        = map(string)
  default     = {}
}

variable "schedule" {
  description = "When the clock starts it, such as rate(5 minutes); empty: something else does."
  type        = string
  default     = ""
}
