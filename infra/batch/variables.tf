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

variable "job" {
  description = <<-EOT
    The job on Spark: where its script and its wheels lie, how many workers it has (one of them leads),
    and when it learns the climate.
  EOT
  type = object({
    bucket        = string
    bucket_arn    = string
    script        = string
    wheels        = string
    region        = string
    workers       = number
    climate_every = string
  })
}

variable "access" {
  description = "Statements about tables and keys, by what they are for; access.tf describes them."
  type        = any
}

variable "stream" {
  description = "The stream; ingest/outputs.tf describes it."
  type        = any
}

variable "protect" {
  type = bool
}
