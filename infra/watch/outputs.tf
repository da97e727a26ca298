output "dashboard" {
  value = aws_cloudwatch_dashboard.this.dashboard_name
}

output "topic" {
  value = aws_sns_topic.alarms.arn
}
