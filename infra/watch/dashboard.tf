# One page: is it seeing, is it quick, what did it say, did it arrive, what does it cost.

locals {
  region = data.aws_region.this.name

  found = { # widgets that find their series by name, so that a new source or channel is there by itself
    "Useful answers by source"                 = ["source,outcome", "atalaia_payloads_total", "Sum"]
    "Calls that a source still allows"         = ["source,window", "atalaia_budget_calls_left", "Minimum"]
    "Parts that could not be read"             = ["source,reason", "atalaia_rejects_total", "Sum"]
    "The oldest waits, seconds"                = ["what", "atalaia_waiting_seconds", "Maximum"]
    "Alerts by level"                          = ["hazard,level,type", "atalaia_alerts_total", "Sum"]
    "Deliveries by outcome"                    = ["channel,outcome", "atalaia_delivery_tries_total", "Sum"]
    "Decision to provider's yes, seconds, p95" = ["channel", "atalaia_delivery_seconds", "p95"]
  }
  search = [for title, asked in local.found : {
    type = "metric"
    properties = {
      title  = title
      region = local.region
      view   = "timeSeries"
      period = 300
      metrics = [[{
        expression = "SEARCH('{${var.namespace},${asked[0]}} MetricName=\"${asked[1]}\"', '${asked[2]}', 300)"
      }]]
    }
  }]

  plain = [
    {
      title = "Observed to delivered, by stage: seconds"
      stat  = "p95"
      metrics = [
        [var.namespace, "atalaia_step_seconds"],
        ["AWS/Lambda", "IteratorAge", "FunctionName", "${var.common.environment}-detect", { label = "stream to detect, ms" }],
        ["AWS/Lambda", "IteratorAge", "FunctionName", "${var.common.environment}-fan-out", { label = "log to fan-out, ms" }],
        ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "${var.common.environment}-urgent", { label = "urgent, waiting" }],
        ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "${var.common.environment}-normal", { label = "normal, waiting" }],
      ]
    },
    {
      title = "Dead letters"
      stat  = "Maximum"
      metrics = [
        for queue in ["dead", "poison"] :
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${var.common.environment}-${queue}"]
      ]
    },
    {
      title   = "Failed runs"
      stat    = "Sum"
      metrics = [for name in var.functions : ["AWS/Lambda", "Errors", "FunctionName", "${var.common.environment}-${name}"]]
    },
    {
      title   = "Cost: seconds of compute"
      stat    = "Sum"
      metrics = [for name in var.functions : ["AWS/Lambda", "Duration", "FunctionName", "${var.common.environment}-${name}"]]
    },
    {
      title = "Cost: bytes through the stream, units of the tables, SMS this month"
      stat  = "Sum"
      metrics = concat(
        [
          ["AWS/Kinesis", "IncomingBytes", "StreamName", "${var.common.environment}-readings"],
          ["AWS/SNS", "SMSMonthToDateSpentUSD", { stat = "Maximum", label = "SMS, US$" }],
        ],
        [for table in var.tables : ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", "${var.common.environment}-${table}"]],
      )
    },
    {
      title   = "Cost: bytes that Athena read"
      stat    = "Sum"
      metrics = [for group in ["", "-people"] : ["AWS/Athena", "ProcessedBytes", "WorkGroup", "${var.common.environment}${group}"]]
    },
  ]

  widgets = concat(local.search, [for one in local.plain : {
    type = "metric"
    properties = {
      title   = one.title
      region  = local.region
      view    = "timeSeries"
      period  = 300
      stat    = one.stat
      metrics = one.metrics
    }
  }])
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = "${var.common.environment}-atalaia"
  dashboard_body = jsonencode({
    widgets = [for i, widget in local.widgets : merge(widget, {
      x = 8 * (i % 3), y = 6 * floor(i / 3), width = 8, height = 6
    })]
  })
}
