variable "name" {
  type = string
}

variable "key" {
  description = "ARN of the KMS key that objects are encrypted with."
  type        = string
}

variable "transitions" {
  description = "To cheaper storage, after so many days."
  type        = list(object({ days = number, storage_class = string }))
  default     = []
}

variable "expires_after_days" {
  description = "Objects are removed after so many days; null: never."
  type        = number
  default     = null
}

variable "old_versions_days" {
  description = "How long a replaced or deleted object can be brought back."
  type        = number
  default     = 30
}

variable "force_destroy" {
  description = "Whether the bucket goes with everything in it."
  type        = bool
}

variable "policy" {
  description = "More statements of the bucket's policy, as JSON; null: none."
  type        = string
  default     = null
}
