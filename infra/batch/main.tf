# Batch: the stream and the logs into RAW as they came, RAW into GOLD.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

module "raw" {
  source = "../bucket"

  name          = "${var.common.environment}-raw-${var.common.account}"
  key           = var.common.data_key
  force_destroy = !var.protect

  # RAW is read within the hour, when a closed day's files are made one (`refine`, a week after it),
  # and then only where GOLD is made anew. Days count from then: before that a file is under 128 KB,
  # and S3 moves none of these.
  transitions = [
    { days = 30, storage_class = "STANDARD_IA" },
    { days = 180, storage_class = "GLACIER_IR" }, # read as any other: by a rebuild, and by Athena
  ]
}

module "gold" {
  source = "../bucket"

  name          = "${var.common.environment}-gold-${var.common.account}"
  key           = var.common.data_key
  force_destroy = !var.protect

  # A partition is replaced as a whole: a day's older versions are of no more use than a week's.
  old_versions_days = 7
}

# Each file of RAW is announced; the heartbeat lives on it (module watch).
resource "aws_s3_bucket_notification" "raw" {
  bucket      = module.raw.name
  eventbridge = true
}

module "archive" {
  source = "../function"

  common    = var.common
  name      = "archive"
  package   = var.package
  timeout_s = 120
  memory_mb = 1024

  statements = concat(var.access.watch, [
    var.stream.read,
    {
      sid       = "Raw"
      actions   = ["s3:PutObject"]
      resources = ["${module.raw.arn}/raw/payloads/*"]
    },
    {
      sid       = "Failed"
      actions   = ["sqs:SendMessage"]
      resources = [var.queues["dead"]]
    },
  ])
}

# Five minutes of records make few files. What RAW loses is lost, so it is tried for as long as the
# stream has it.
resource "aws_lambda_event_source_mapping" "archive" {
  event_source_arn                   = var.stream.arn
  function_name                      = module.archive.arn
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = 5000
  maximum_batching_window_in_seconds = 300
  parallelization_factor             = 1
  bisect_batch_on_function_error     = true
  maximum_retry_attempts             = 10000
  maximum_record_age_in_seconds      = var.stream.patience_s
  function_response_types            = ["ReportBatchItemFailures"]

  dynamic "filter_criteria" {
    for_each = length(var.stream.filters) == 0 ? [] : [var.stream.filters]
    content {
      dynamic "filter" {
        for_each = filter_criteria.value
        content {
          pattern = filter.value
        }
      }
    }
  }

  destination_config {
    on_failure {
      destination_arn = var.queues["dead"]
    }
  }
}

# What detect gave up, from RAW through the stream once more; an operator starts it (docs/aws.md).
module "recover" {
  source = "../function"

  common    = var.common
  name      = "recover"
  package   = var.package
  timeout_s = 900
  memory_mb = 1024

  statements = concat(var.access.watch, [
    var.stream.append,
    {
      sid       = "Raw"
      actions   = ["s3:GetObject"]
      resources = ["${module.raw.arn}/raw/payloads/*"]
    },
    {
      sid       = "List"
      actions   = ["s3:ListBucket"]
      resources = [module.raw.arn]
    },
  ])
}

module "refine" {
  source = "../function"

  common    = var.common
  name      = "refine"
  package   = var.package
  timeout_s = 900
  memory_mb = 3008
  disk_mb   = 4096 # parts of RAW on their way, and what DuckDB spills
  schedule  = "rate(15 minutes)"

  statements = concat(var.access.watch, var.access.outbox, var.access.keys, [
    {
      sid       = "Raw"
      actions   = ["s3:GetObject"]
      resources = ["${module.raw.arn}/raw/*"]
    },
    {
      sid       = "Gold"
      actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
      resources = ["${module.gold.arn}/gold/*", "${module.gold.arn}/damaged/*"]
    },
    {
      sid       = "List"
      actions   = ["s3:ListBucket"]
      resources = [module.raw.arn, module.gold.arn]
    },
    {
      sid       = "Logs" # the alert log, what could not be read, what became of deliveries
      actions   = ["s3:PutObject"]
      resources = [for log in ["alerts", "deliveries", "rejects"] : "${module.raw.arn}/raw/${log}/*"]
    },
    {
      sid       = "OldAlerts" # a closed day's parts are made one
      actions   = ["s3:DeleteObject"]
      resources = ["${module.raw.arn}/raw/alerts/*"]
    },
    {
      sid       = "OldPayloads" # so too here; a part of an hour it can remove, and never write
      actions   = ["s3:PutObject"]
      resources = ["${module.raw.arn}/raw/payloads/source=*/date=????-??-??/part-*-*"]
    },
    {
      sid       = "MadeOne"
      actions   = ["s3:DeleteObject"]
      resources = ["${module.raw.arn}/raw/payloads/*"]
    },
    {
      sid     = "Swept" # who was erased, and what is old, goes from the parts that hold it
      actions = ["s3:DeleteObject", "s3:PutObject"]
      resources = [
        "${module.raw.arn}/raw/deliveries/*", "${module.raw.arn}/raw/payloads/source=station/*",
      ]
    },
  ])
}
