# The batch work that is too large for a function, on Spark: GOLD from RAW anew, by hand; and the
# climate once a week, which ends at once where no rule goes by it.

locals {
  rebuild = "${var.common.environment}-rebuild"
  # Glue's own way of naming the logs of a job with a security configuration.
  logs = "/aws-glue/${var.common.environment}"
}

data "aws_iam_policy_document" "rebuild_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["glue.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.common.account]
    }
  }
}

resource "aws_iam_role" "rebuild" {
  name               = local.rebuild
  assume_role_policy = data.aws_iam_policy_document.rebuild_trust.json
}

data "aws_iam_policy_document" "rebuild" {
  statement {
    sid       = "Log"
    actions   = ["logs:AssociateKmsKey", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [for group in aws_cloudwatch_log_group.rebuild : "${group.arn}:*"]
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.common.data_key]
  }

  statement {
    sid       = "Code"
    actions   = ["s3:GetObject"]
    resources = [for key in [var.job.script, var.job.wheels] : "${var.job.bucket_arn}/${key}"]
  }

  statement {
    sid       = "Raw"
    actions   = ["s3:GetObject"]
    resources = ["${module.raw.arn}/raw/*"]
  }

  statement {
    sid       = "Gold"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${module.gold.arn}/gold/*", "${module.gold.arn}/damaged/*"]
  }

  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = [module.raw.arn, module.gold.arn]
  }

  dynamic "statement" {
    for_each = concat(var.access.watch, var.access.outbox, var.access.keys)
    content {
      sid       = statement.value.sid
      actions   = statement.value.actions
      resources = statement.value.resources
      dynamic "condition" {
        for_each = try(statement.value.conditions, [])
        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }
}

resource "aws_iam_role_policy" "rebuild" {
  name   = "needs"
  role   = aws_iam_role.rebuild.id
  policy = data.aws_iam_policy_document.rebuild.json
}

resource "aws_cloudwatch_log_group" "rebuild" {
  for_each = toset(["error", "output"])

  name              = "${local.logs}/${local.rebuild}-role/${local.rebuild}/${each.key}"
  retention_in_days = 365
  kms_key_id        = var.common.data_key
}

resource "aws_glue_security_configuration" "rebuild" {
  name = local.rebuild

  encryption_configuration {
    cloudwatch_encryption {
      cloudwatch_encryption_mode = "SSE-KMS"
      kms_key_arn                = var.common.data_key
    }
    job_bookmarks_encryption {
      job_bookmarks_encryption_mode = "CSE-KMS"
      kms_key_arn                   = var.common.data_key
    }
    s3_encryption {
      s3_encryption_mode = "SSE-KMS"
      kms_key_arn        = var.common.data_key
    }
  }
}

resource "aws_glue_job" "rebuild" {
  name                   = local.rebuild
  role_arn               = aws_iam_role.rebuild.arn
  glue_version           = "5.0" # Spark 3.5, Python 3.11
  worker_type            = "G.1X"
  number_of_workers      = var.job.workers
  timeout                = 480
  max_retries            = 0
  security_configuration = aws_glue_security_configuration.rebuild.name

  execution_property {
    max_concurrent_runs = 1 # two would wait for each other's hold on GOLD
  }

  command {
    name            = "glueetl"
    python_version  = "3"
    script_location = "s3://${var.job.bucket}/${var.job.script}"
  }

  default_arguments = merge(
    {
      "--job-language"                    = "python"
      "--job-bookmark-option"             = "job-bookmark-disable"
      "--additional-python-modules"       = "s3://${var.job.bucket}/${var.job.wheels}"
      "--python-modules-installer-option" = "--no-index" # the locked wheels, and no registry
      "--custom-logGroup-prefix"          = local.logs
      "--AWS_DEFAULT_REGION"              = var.job.region
    },
    { for name, value in var.common.variables : "--${name}" => value },
  )

  depends_on = [aws_iam_role_policy.rebuild]
}

resource "aws_glue_trigger" "climate" {
  name     = "${var.common.environment}-climate"
  type     = "SCHEDULED"
  schedule = var.job.climate_every

  actions {
    job_name = aws_glue_job.rebuild.name
    arguments = {
      "--work"          = "climate"
      "--only-if-named" = "true"
    }
  }
}
