output "tables" {
  description = "ARNs by name without the environment."
  value       = local.tables
}

output "queues" {
  description = "ARNs by name without the environment."
  value       = { for name, queue in local.queues : name => queue.arn }
}

output "channel_secrets" {
  description = "ARNs by whole name."
  value       = { for secret in aws_secretsmanager_secret.channels : secret.name => secret.arn }
}

output "email_dns" {
  description = "CNAME records that show SES whose domain it is: NAME._domainkey → NAME.dkim.amazonses.com."
  value       = try(aws_sesv2_email_identity.sender[0].dkim_signing_attributes[0].tokens, [])
}

output "functions" {
  value = merge(
    { detect = module.detect, fan-out = module.fan_out, deliver = module.deliver, retention = module.retention },
    { for function in module.returns : "returns" => function },
  )
}
