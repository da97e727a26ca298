# One function: its role, what the role may do, its log, its limits. Nothing here says which
# function it is: each layer names its own, with the statements that it needs and no others.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

locals {
  always = [{
    sid        = "Key" # its variables, and whatever it reads and writes, are encrypted with it
    effect     = "Allow"
    actions    = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources  = [var.common.data_key]
    conditions = []
  }]
}

resource "aws_iam_role" "this" {
  name               = "${var.common.environment}-${var.name}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "this" {
  #checkov:skip=CKV_AWS_356:a phone number has no ARN: deliver's sns:Publish is the one statement that names "*", and the next one takes every topic away again
  #checkov:skip=CKV_AWS_111:the same statement
  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:log-stream:*"]
  }

  dynamic "statement" {
    for_each = concat(local.always, var.statements)
    content {
      sid       = statement.value.sid
      effect    = statement.value.effect
      actions   = statement.value.actions
      resources = statement.value.resources
      dynamic "condition" {
        for_each = statement.value.conditions
        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }
}

resource "aws_iam_role_policy" "this" {
  name   = "needs"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.common.environment}-${var.name}"
  retention_in_days = 365
  kms_key_id        = var.common.data_key
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_115:only where a provider's quota, a whole file or strangers need it (variable reserved_concurrency); what the rest may use is bounded by shards and queues
  #checkov:skip=CKV_AWS_116:what a stream brings fails into its event source mapping's destination, and what a queue or the clock brings comes again: a letter would say nothing
  #checkov:skip=CKV_AWS_117:it talks to public providers and to AWS; in a VPC it would need a NAT gateway and reach nothing more
  #checkov:skip=CKV_AWS_272:the package is built and applied by one command from one checkout; a signing profile would sign what the same hands made
  #checkov:skip=CKV_AWS_50:lag by stage is a metric of its own; X-Ray's permissions cannot name a resource
  function_name                  = "${var.common.environment}-${var.name}"
  role                           = aws_iam_role.this.arn
  runtime                        = "python3.12"
  architectures                  = ["arm64"]
  handler                        = "atalaia.run.aws.${replace(var.name, "-", "_")}.handle"
  s3_bucket                      = var.package.bucket
  s3_key                         = var.package.key
  source_code_hash               = var.package.hash
  timeout                        = var.timeout_s
  memory_size                    = var.memory_mb
  reserved_concurrent_executions = lookup(var.common.reserved_concurrency, var.name, -1)
  kms_key_arn                    = var.common.data_key

  ephemeral_storage {
    size = var.disk_mb
  }

  environment {
    variables = merge(var.common.variables, var.variables)
  }

  logging_config {
    log_format = "Text" # the program writes its own JSON, and EMF must stand alone on its line
    log_group  = aws_cloudwatch_log_group.this.name
  }

  depends_on = [aws_iam_role_policy.this]
}

# What the clock starts is not tried again: the next tick comes, and repeats what was left. So there is
# nothing to keep of it; a run that fails, or is turned away, is counted by its alarm.
resource "aws_lambda_function_event_invoke_config" "this" {
  count = var.schedule == "" ? 0 : 1

  function_name                = aws_lambda_function.this.function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 60
}

data "aws_iam_policy_document" "clock_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.common.account]
    }
  }
}

resource "aws_iam_role" "clock" {
  count = var.schedule == "" ? 0 : 1

  name               = "${var.common.environment}-${var.name}-clock"
  assume_role_policy = data.aws_iam_policy_document.clock_trust.json
}

data "aws_iam_policy_document" "clock" {
  statement {
    sid       = "Start"
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_function.this.arn]
  }
  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt"]
    resources = [var.common.data_key]
  }
}

resource "aws_iam_role_policy" "clock" {
  count = var.schedule == "" ? 0 : 1

  name   = "start"
  role   = aws_iam_role.clock[0].id
  policy = data.aws_iam_policy_document.clock.json
}

resource "aws_scheduler_schedule" "this" {
  count = var.schedule == "" ? 0 : 1

  name                = "${var.common.environment}-${var.name}"
  schedule_expression = var.schedule
  kms_key_arn         = var.common.data_key

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_function.this.arn
    role_arn = aws_iam_role.clock[0].arn
    input    = jsonencode({ tick = "<aws.scheduler.scheduled-time>" })

    retry_policy {
      maximum_event_age_in_seconds = 60
      maximum_retry_attempts       = 0
    }
  }
}
