output "stream" {
  value = aws_kinesis_stream.readings.arn
}

output "secrets" {
  value = { (aws_secretsmanager_secret.tomorrow.name) = aws_secretsmanager_secret.tomorrow.arn }
}

output "functions" {
  value = { poll = module.poll }
}
