# The sign of life: every file of RAW calls a dead-man's switch outside of AWS, which raises its own
# alarm when it hears nothing. A file of an hour, which `archive` alone writes, stands for poller, stream, archive and S3 at once; the rest of
# the way has its alarms. Nothing of the file's name or contents goes out.

locals {
  heartbeats = nonsensitive(var.heartbeat_url) == "" ? 0 : 1
}

resource "aws_cloudwatch_event_rule" "raw" {
  count = local.heartbeats

  name        = "${var.common.environment}-heartbeat"
  description = "A file of RAW was written"
  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [var.raw_bucket] }
      object = { key = [{ wildcard = "raw/payloads/*/hour=*" }] } # not a day's, made of these
    }
  })
}

resource "aws_cloudwatch_event_connection" "outside" {
  count = local.heartbeats

  name               = "${var.common.environment}-heartbeat"
  authorization_type = "API_KEY"

  # Such services know the caller by the address itself; EventBridge wants a header all the same.
  auth_parameters {
    api_key {
      key   = "X-Atalaia"
      value = var.common.environment
    }
  }
}

resource "aws_cloudwatch_event_api_destination" "outside" {
  count = local.heartbeats

  name                             = "${var.common.environment}-heartbeat"
  connection_arn                   = aws_cloudwatch_event_connection.outside[0].arn
  invocation_endpoint              = var.heartbeat_url
  http_method                      = "POST"
  invocation_rate_limit_per_second = 1
}

data "aws_iam_policy_document" "heartbeat_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.common.account]
    }
  }
}

resource "aws_iam_role" "heartbeat" {
  count = local.heartbeats

  name               = "${var.common.environment}-heartbeat"
  assume_role_policy = data.aws_iam_policy_document.heartbeat_trust.json
}

data "aws_iam_policy_document" "heartbeat" {
  count = local.heartbeats

  statement {
    sid       = "Call"
    actions   = ["events:InvokeApiDestination"]
    resources = [aws_cloudwatch_event_api_destination.outside[0].arn]
  }
}

resource "aws_iam_role_policy" "heartbeat" {
  count = local.heartbeats

  name   = "call"
  role   = aws_iam_role.heartbeat[0].id
  policy = data.aws_iam_policy_document.heartbeat[0].json
}

resource "aws_cloudwatch_event_target" "outside" {
  count = local.heartbeats

  rule     = aws_cloudwatch_event_rule.raw[0].name
  arn      = aws_cloudwatch_event_api_destination.outside[0].arn
  role_arn = aws_iam_role.heartbeat[0].arn
  input    = jsonencode({ from = "atalaia" })

  retry_policy {
    maximum_event_age_in_seconds = 300
    maximum_retry_attempts       = 3
  }
}
