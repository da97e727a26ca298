# SQS only wakes somebody up: what is to be sent stands in the outbox's table, so that a wake-up which
# comes to nothing goes by itself. `dead` takes what was given up, `poison` records of the stream that
# nobody can read; both are for a person to see.

locals {
  visibility_s = 6 * local.deliver_timeout_s # as AWS advises: a slow batch is not given out twice
}

resource "aws_sqs_queue" "dead" {
  name                      = "${var.common.environment}-dead"
  policy                    = data.aws_iam_policy_document.tls["dead"].json
  message_retention_seconds = 1209600
  kms_master_key_id         = var.common.data_key
}

resource "aws_sqs_queue" "poison" {
  name                      = "${var.common.environment}-poison"
  policy                    = data.aws_iam_policy_document.tls["poison"].json
  message_retention_seconds = 1209600
  kms_master_key_id         = var.common.data_key
}

resource "aws_sqs_queue" "wake" {
  for_each = toset(["urgent", "normal"])

  name                       = "${var.common.environment}-${each.key}"
  policy                     = data.aws_iam_policy_document.tls[each.key].json
  visibility_timeout_seconds = local.visibility_s
  message_retention_seconds  = 86400 # the outbox remembers longer, and wakes again
  receive_wait_time_seconds  = 20
  kms_master_key_id          = var.common.data_key
}

locals {
  queues = merge(aws_sqs_queue.wake, { dead = aws_sqs_queue.dead, poison = aws_sqs_queue.poison })
  sqs    = "arn:${data.aws_partition.this.partition}:sqs:${data.aws_region.this.name}:${var.common.account}"
}

data "aws_iam_policy_document" "tls" {
  for_each = toset(["urgent", "normal", "dead", "poison"])

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = ["${local.sqs}:${var.common.environment}-${each.key}"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}
