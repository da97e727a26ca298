# Each alarm says what is wrong and where to look. Its metric has the name that it has in /metrics.

locals {
  tell = [aws_sns_topic.alarms.arn]

  # Functions that run once in a quarter of an hour or less: two failed runs are never near each other.
  seldom = ["recover", "refine", "retention", "returns"]
}

# Missing data are the alarm here: a poller that died counts nothing at all.
resource "aws_cloudwatch_metric_alarm" "silent" {
  for_each = toset(var.sources)

  alarm_name          = "${var.common.environment}-silent-${each.key}"
  alarm_description   = "${each.key} gave no useful answer for an hour. People are told by cannot_see. See the log of ${var.common.environment}-poll."
  namespace           = var.namespace
  metric_name         = "atalaia_payloads_total"
  dimensions          = { source = each.key, outcome = "answer" }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 12
  datapoints_to_alarm = 12
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = local.tell
  ok_actions          = local.tell
}

resource "aws_cloudwatch_metric_alarm" "late" {
  for_each = { detect = 60, fan-out = 60, archive = 3600 } # seconds that the oldest record may wait

  alarm_name          = "${var.common.environment}-late-${each.key}"
  alarm_description   = "${each.key} is behind its stream: what it makes comes late. See its log, and its errors."
  namespace           = "AWS/Lambda"
  metric_name         = "IteratorAge"
  dimensions          = { FunctionName = "${var.common.environment}-${each.key}" }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value * 1000
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.tell
  ok_actions          = local.tell
}

# What the functions say of each other with every run. Who says nothing is no better: missing data are
# the alarm, too.
resource "aws_cloudwatch_metric_alarm" "waiting" {
  for_each = {
    entry   = { period_s = 300, limit_s = 180, runs = 2, look = "fan-out tells nobody of new alerts. See the log of ${var.common.environment}-fan-out." }
    message = { period_s = 300, limit_s = 300, runs = 2, look = "deliver does not send what is due. See the log of ${var.common.environment}-deliver." }
    payload = { period_s = 3600, limit_s = 10800, runs = 1, look = "RAW does not come into GOLD. See the log of ${var.common.environment}-refine." }
  }

  alarm_name          = "${var.common.environment}-waiting-${each.key}"
  alarm_description   = "The oldest ${each.key} waits too long, or nobody says: ${each.value.look}"
  namespace           = var.namespace
  metric_name         = "atalaia_waiting_seconds"
  dimensions          = { what = each.key }
  statistic           = "Maximum"
  period              = each.value.period_s
  evaluation_periods  = each.value.runs
  datapoints_to_alarm = each.value.runs
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.limit_s
  treat_missing_data  = "breaching"
  alarm_actions       = local.tell
  ok_actions          = local.tell
}

# An entry is young when its lag begins to grow: the number says it sooner than the age.
resource "aws_cloudwatch_metric_alarm" "behind" {
  alarm_name          = "${var.common.environment}-behind-fan-out"
  alarm_description   = "fan-out is 500 entries of the alert log behind for five minutes. See its log."
  namespace           = var.namespace
  metric_name         = "atalaia_consumer_lag"
  dimensions          = { consumer = "fan-out" }
  statistic           = "Minimum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = 500
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.tell
  ok_actions          = local.tell
}

resource "aws_cloudwatch_metric_alarm" "letters" {
  for_each = {
    dead   = "a batch, a run or a wake-up was given up"
    poison = "a record of the stream could not be read"
  }

  alarm_name          = "${var.common.environment}-letters-${each.key}"
  alarm_description   = "In the queue ${var.common.environment}-${each.key}: ${each.value}. docs/aws.md says how to look and send again."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = "${var.common.environment}-${each.key}" }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.tell
  ok_actions          = local.tell
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  for_each = toset(var.functions)

  alarm_name          = "${var.common.environment}-errors-${each.key}"
  alarm_description   = "More than one in twenty runs of ${each.key} fail. See its log."
  evaluation_periods  = 3
  datapoints_to_alarm = contains(local.seldom, each.key) ? 1 : 2
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.tell
  ok_actions          = local.tell

  metric_query {
    id          = "rate"
    expression  = "IF(runs > 0, 100 * (errors + throttles) / runs, 0)"
    label       = "failed, %"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { errors = "Errors", throttles = "Throttles", runs = "Invocations" }
    content {
      id = metric_query.key
      metric {
        namespace   = "AWS/Lambda"
        metric_name = metric_query.value
        dimensions  = { FunctionName = "${var.common.environment}-${each.key}" }
        stat        = "Sum"
        period      = 300
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "quota" {
  count = contains(var.sources, "tomorrow-io") ? 1 : 0

  alarm_name          = "${var.common.environment}-tomorrow-io-quota"
  alarm_description   = "Tomorrow.io allows fewer than 25 calls more today: watch fewer places, or poll less often."
  namespace           = var.namespace
  metric_name         = "atalaia_budget_calls_left"
  dimensions          = { source = "tomorrow-io", window = "day" }
  statistic           = "Minimum"
  period              = 900
  evaluation_periods  = 1
  comparison_operator = "LessThanThreshold"
  threshold           = 25
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.tell
  ok_actions          = local.tell
}

# Spending as a whole is the budget's (main.tf); SMS have a limit of their own, at which SNS stops.
resource "aws_cloudwatch_metric_alarm" "sms" {
  alarm_name          = "${var.common.environment}-sms-spend"
  alarm_description   = "SMS of this month cost 80 % of what the account allows; at 100 % none goes out."
  namespace           = "AWS/SNS"
  metric_name         = "SMSMonthToDateSpentUSD"
  statistic           = "Maximum"
  period              = 3600
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0.8 * var.sms_monthly_usd
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.tell
  ok_actions          = local.tell
}

# Glue's runs have no metric that an alarm could count: one that ends badly is told as it happens.
resource "aws_cloudwatch_event_rule" "job" {
  name        = "${var.common.environment}-errors-${var.job}"
  description = "A run of the job ${var.common.environment}-${var.job} came to no end. See its log."
  event_pattern = jsonencode({
    source      = ["aws.glue"]
    detail-type = ["Glue Job State Change"]
    detail = {
      jobName = ["${var.common.environment}-${var.job}"]
      state   = ["FAILED", "TIMEOUT"]
    }
  })
}

resource "aws_cloudwatch_event_target" "job" {
  rule = aws_cloudwatch_event_rule.job.name
  arn  = aws_sns_topic.alarms.arn
}

# Nor has a task a metric without figures that cost more than itself: one that stops is told, and is started
# again by its service.
resource "aws_cloudwatch_event_rule" "listen" {
  count = length(var.listeners)

  name        = "${var.common.environment}-stopped-listen"
  description = "The task ${var.common.environment}-listen has ended; it is started again. See its log."
  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Task State Change"]
    detail = {
      clusterArn = [var.listeners[count.index]]
      lastStatus = ["STOPPED"]
    }
  })
}

resource "aws_cloudwatch_event_target" "listen" {
  count = length(var.listeners)

  rule = aws_cloudwatch_event_rule.listen[count.index].name
  arn  = aws_sns_topic.alarms.arn
}
