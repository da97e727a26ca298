# Ingest: the clock asks the sources, and what they answer goes into the stream as it came.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

# The one truth. On Kinesis it grows with its load by itself, and keeps a week, as the embedded stream
# does.
resource "aws_kinesis_stream" "readings" {
  count = var.stream == "kinesis" ? 1 : 0

  name             = "${var.common.environment}-readings"
  retention_period = 168
  encryption_type  = "KMS"
  kms_key_id       = var.common.data_key

  stream_mode_details {
    stream_mode = "ON_DEMAND"
  }
}

# In a table it costs what is written: its changes are read for nothing by Lambda, for a day; its rows
# stay for a week (homes/aws/table_stream.py).
resource "aws_dynamodb_table" "readings" {
  #checkov:skip=CKV_AWS_28:rows of a week, of which RAW has a copy within minutes
  count = var.stream == "table" ? 1 : 0

  name                        = "${var.common.environment}-readings"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.protect
  stream_enabled              = true
  stream_view_type            = "NEW_IMAGE"

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  ttl {
    attribute_name = "until"
    enabled        = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.common.data_key
  }
}

locals {
  kinesis = [for one in aws_kinesis_stream.readings : {
    arn        = one.arn
    patience_s = 518400 # less a day for a person to come and look
    filters    = []
    append     = { sid = "Append", resources = [one.arn], actions = ["kinesis:PutRecord", "kinesis:PutRecords"] }
    read = { sid = "Stream", resources = [one.arn], actions = [
      "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords",
      "kinesis:GetShardIterator", "kinesis:ListShards",
    ] }
  }]
  table = [for one in aws_dynamodb_table.readings : {
    arn        = one.stream_arn
    patience_s = 86400
    filters    = [jsonencode({ eventName = ["INSERT"] })] # rows that go are no news
    append     = { sid = "Append", resources = [one.arn], actions = ["dynamodb:PutItem"] }
    read = { sid = "Stream", resources = [one.stream_arn], actions = [
      "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator",
      "dynamodb:ListStreams",
    ] }
  }]
  stream = concat(local.kinesis, local.table)[0]
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
  variables = {
    ATALAIA_SECRETS = aws_secretsmanager_secret.tomorrow.name
  }

  statements = concat(var.access.watch, [
    local.stream.append,
    {
      sid       = "Tomorrow"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [aws_secretsmanager_secret.tomorrow.arn]
    },
  ])
}
