output "stream" {
  description = "Its ARN for who is woken by it, for how long RAW's records are tried, what of it is of interest, and the statements of who appends and who reads."
  value       = local.stream
}

output "secrets" {
  value = { (aws_secretsmanager_secret.tomorrow.name) = aws_secretsmanager_secret.tomorrow.arn }
}

output "functions" {
  value = { poll = module.poll }
}
