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

variable "stream" {
  description = "The stream; ingest/outputs.tf describes it."
  type        = any
}

variable "queues" {
  description = "ARNs of the queues, by name without the environment."
  type        = map(string)
}

variable "edge" {
  description = "The root's."
  type        = object({ is_on = bool, word = number, domain = string, certificate = string })
}

variable "secrets" {
  description = "ARNs of the channels' secrets, by whole name."
  type        = map(string)
}

variable "buckets" {
  description = "Names of the buckets raw and gold."
  type        = map(string)
}

variable "bucket_arns" {
  type = map(string)
}

variable "sources" {
  description = "Names of sources: their folders in GOLD and RAW."
  type        = list(string)
}

variable "first_day" {
  description = "The first day that queries look for; earlier, if older history was imported."
  type        = string
  default     = "2020-01-01"
}

variable "most_bytes_a_query" {
  description = "A query that would read more is stopped: 10 GB are about 0.09 US$ in São Paulo."
  type        = number
  default     = 10000000000
}

variable "analysts" {
  type = list(string)
}

variable "outreach_analysts" {
  type = list(string)
}
