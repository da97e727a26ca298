# Speed: from a payload in the stream to a message at a person's phone. detect reads the stream and
# writes the alert log; fan-out reads the log and fills the outbox; deliver empties it.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  deliver_timeout_s = 60
  tables            = { for name, table in aws_dynamodb_table.this : name => table.arn }
  secrets = length(var.channel_secrets) == 0 ? {} : {
    ATALAIA_SECRETS = join(",", [for secret in aws_secretsmanager_secret.channels : secret.name])
  }
  tokens = length(var.channel_secrets) == 0 ? [] : [{
    sid       = "Tokens"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [for secret in aws_secretsmanager_secret.channels : secret.arn]
  }]
}

# What the channels need to speak as us; made without values (docs/aws.md).
resource "aws_secretsmanager_secret" "channels" {
  #checkov:skip=CKV2_AWS_57:tokens are given by Telegram and Meta in person, and cannot be changed by program
  for_each = toset(var.channel_secrets)

  name                    = "${var.common.environment}-${each.key}"
  kms_key_id              = var.common.data_key
  recovery_window_in_days = 7
}

module "detect" {
  source = "../function"

  common    = var.common
  name      = "detect"
  package   = var.packages["watch"]
  timeout_s = 60
  memory_mb = 1769

  # It must know that Tomorrow.io is asked, to see it fall silent; the key is not its business.
  variables = contains(var.sources, "tomorrow-io") ? { TOMORROW_API_KEY = "not-for-detect" } : {}

  statements = concat(var.access.watch, var.access.norms, var.access.keys, [
    var.stream.read,
    {
      sid       = "Poison" # what it cannot read; and what Lambda gives up
      actions   = ["sqs:SendMessage"]
      resources = [aws_sqs_queue.poison.arn, aws_sqs_queue.dead.arn]
    },
  ])
}

# What cannot be read the function itself puts into `poison`, and what breaks its code it puts aside with
# the rejects: what fails here is AWS, a deployment or the function's memory, and nothing is given up for
# that while it is news. After a day Lambda puts its place in the stream into `dead`; `recover` brings it
# back.
resource "aws_lambda_event_source_mapping" "stream" {
  event_source_arn                   = var.stream.arn
  function_name                      = module.detect.arn
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = 100
  maximum_batching_window_in_seconds = 1
  parallelization_factor             = 1 # a place's readings stay in their order
  bisect_batch_on_function_error     = true
  maximum_retry_attempts             = 10000
  maximum_record_age_in_seconds      = 86400
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
      destination_arn = aws_sqs_queue.dead.arn
    }
  }
}

module "fan_out" {
  source = "../function"

  common    = var.common
  name      = "fan-out"
  package   = var.packages["people"]
  timeout_s = 120
  memory_mb = 1024
  schedule  = "rate(1 minute)" # what a wake-up missed

  # It must know which channels there are; their tokens are deliver's.
  variables = { for name in var.channel_secrets : "ATALAIA_CHANNELS_${upper(name)}_TOKEN" => "not-for-fan-out" }

  statements = concat(var.access.watch, var.access.people, var.access.outbox, var.access.recipients, var.access.keeps_recipients, [
    {
      sid = "LogStream"
      actions = [
        "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
      ]
      resources = [aws_dynamodb_table.this["log"].stream_arn]
    },
    {
      sid       = "Wake"
      actions   = ["sqs:SendMessage"]
      resources = concat([for queue in aws_sqs_queue.wake : queue.arn], [aws_sqs_queue.dead.arn])
    },
  ])
}

# A wake-up says nothing: the function looks into the log itself, so that a batch fails as a whole.
resource "aws_lambda_event_source_mapping" "log" {
  event_source_arn               = aws_dynamodb_table.this["log"].stream_arn
  function_name                  = module.fan_out.arn
  starting_position              = "TRIM_HORIZON"
  batch_size                     = 100
  parallelization_factor         = 1
  bisect_batch_on_function_error = true
  maximum_retry_attempts         = 10000
  maximum_record_age_in_seconds  = 86400

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.dead.arn
    }
  }
}

module "deliver" {
  source = "../function"

  common    = var.common
  name      = "deliver"
  package   = var.packages["people"]
  timeout_s = local.deliver_timeout_s
  memory_mb = 512
  schedule  = "rate(1 minute)" # what is to be tried again, and whose turn it is next
  variables = local.secrets

  statements = concat(var.access.watch, var.access.people, var.access.outbox, [
    {
      sid = "Awake"
      actions = [
        "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage", "sqs:SendMessage",
      ]
      resources = [for queue in aws_sqs_queue.wake : queue.arn]
    },
    {
      sid       = "Sms"
      actions   = ["sns:CheckIfPhoneNumberIsOptedOut", "sns:Publish"]
      resources = ["*"] # a phone number has no ARN
    },
    {
      sid       = "NoTopic"
      effect    = "Deny"
      actions   = ["sns:Publish"]
      resources = ["arn:${data.aws_partition.this.partition}:sns:*:*:*"]
    },
    ], local.tokens, var.email_domain == "" ? [] : [
    {
      sid       = "Email"
      actions   = ["ses:SendEmail", "ses:SendRawEmail"]
      resources = [aws_sesv2_email_identity.sender[0].arn]
    },
  ])
}

resource "aws_lambda_event_source_mapping" "wake" {
  for_each = aws_sqs_queue.wake

  event_source_arn                   = each.value.arn
  function_name                      = module.deliver.arn
  batch_size                         = 10
  maximum_batching_window_in_seconds = each.key == "urgent" ? 0 : 5

  scaling_config {
    maximum_concurrency = var.deliver_at_once
  }
}

# What was kept of people for long enough is let go.
module "retention" {
  source = "../function"

  common    = var.common
  name      = "retention"
  package   = var.packages["people"]
  timeout_s = 900
  memory_mb = 512
  schedule  = "rate(6 hours)"

  statements = concat(var.access.settings, var.access.people, var.access.outbox)
}

resource "aws_sesv2_email_identity" "sender" {
  count = var.email_domain == "" ? 0 : 1

  email_identity = var.email_domain
}

# Mails that came back: SES tells a topic, and the topic a function, which ends the contact.
module "returns" {
  source = "../function"
  count  = var.email_domain == "" ? 0 : 1

  common    = var.common
  name      = "returns"
  package   = var.packages["people"]
  timeout_s = 60
  memory_mb = 512

  statements = concat(var.access.settings, var.access.people, [
    {
      sid       = "GivenUp"
      actions   = ["sqs:SendMessage"]
      resources = [aws_sqs_queue.dead.arn]
    },
  ])
}

# Lambda tries twice more; what is given up then is in `dead`.
resource "aws_lambda_function_event_invoke_config" "returns" {
  count = length(module.returns)

  function_name          = module.returns[0].name
  maximum_retry_attempts = 2

  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead.arn
    }
  }
}

# What is in its messages is somebody's address: it is encrypted with people's key.
resource "aws_sns_topic" "returns" {
  count = length(module.returns)

  name              = "${var.common.environment}-returns"
  kms_master_key_id = var.people_key
}

data "aws_iam_policy_document" "returns" {
  count = length(module.returns)

  statement {
    sid       = "Ses"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.returns[0].arn]
    principals {
      type        = "Service"
      identifiers = ["ses.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.common.account]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_sesv2_email_identity.sender[0].arn]
    }
  }
}

resource "aws_sns_topic_policy" "returns" {
  count = length(module.returns)

  arn    = aws_sns_topic.returns[0].arn
  policy = data.aws_iam_policy_document.returns[0].json
}

resource "aws_ses_identity_notification_topic" "returns" {
  for_each = length(module.returns) == 0 ? toset([]) : toset(["Bounce", "Complaint"])

  identity          = aws_sesv2_email_identity.sender[0].email_identity
  notification_type = each.key
  topic_arn         = aws_sns_topic.returns[0].arn

  depends_on = [aws_sns_topic_policy.returns]
}

resource "aws_lambda_permission" "returns" {
  count = length(module.returns)

  action        = "lambda:InvokeFunction"
  function_name = module.returns[0].name
  principal     = "sns.amazonaws.com"
  source_arn    = aws_sns_topic.returns[0].arn
}

resource "aws_sns_topic_subscription" "returns" {
  count = length(module.returns)

  topic_arn = aws_sns_topic.returns[0].arn
  protocol  = "lambda"
  endpoint  = module.returns[0].arn

  depends_on = [aws_lambda_permission.returns]
}
