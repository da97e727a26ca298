# Ingest: the clock asks the sources, and what they answer goes into the stream as it came.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

# The one truth: grows with its load by itself, and keeps a week, as the embedded stream does.
resource "aws_kinesis_stream" "readings" {
  name             = "${var.common.environment}-readings"
  retention_period = 168
  encryption_type  = "KMS"
  kms_key_id       = var.common.data_key

  stream_mode_details {
    stream_mode = "ON_DEMAND"
  }
}

# Made without a value, so that no key is ever in a variable, a plan or the state: the operator puts
# it in (docs/aws.md). Seven days in which a removed one can be brought back.
resource "aws_secretsmanager_secret" "tomorrow" {
  #checkov:skip=CKV2_AWS_57:Tomorrow.io has no way to give a new key by program; docs/aws.md says how to change it by hand
  name                    = "${var.common.environment}-${var.tomorrow_secret}"
  description             = "Tomorrow.io's key: {\"TOMORROW_API_KEY\": \"…\"}"
  kms_key_id              = var.common.data_key
  recovery_window_in_days = 7
}

module "poll" {
  source = "../function"

  common    = var.common
  name      = "poll"
  package   = var.package
  timeout_s = 55 # less than a minute, the least between two ticks
  memory_mb = 512
  schedule  = "rate(${var.poll_every})"
  failures  = var.failures
  variables = {
    ATALAIA_SECRETS = aws_secretsmanager_secret.tomorrow.name
  }

  statements = concat(var.access.watch, [
    {
      sid       = "Append"
      actions   = ["kinesis:PutRecord", "kinesis:PutRecords"]
      resources = [aws_kinesis_stream.readings.arn]
    },
    {
      sid       = "Tomorrow"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [aws_secretsmanager_secret.tomorrow.arn]
    },
  ])
}
