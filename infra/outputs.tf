output "api_url" {
  description = "Where people, feeds and webhooks find the API."
  value       = module.serving.url
}

output "edge" {
  description = "Where people find the page and the feeds by way of the edge; a domain of yours needs a CNAME to the first."
  value       = module.serving.edge
}

output "secrets" {
  description = "Secrets that wait for a value (docs/aws.md): ARNs by name."
  value       = merge(module.ingest.secrets, module.serving.secrets, module.speed.channel_secrets, module.listen[*].secrets...)
}

output "email_dns" {
  description = "Three CNAME records for email_domain: TOKEN._domainkey.DOMAIN to TOKEN.dkim.amazonses.com."
  value       = module.speed.email_dns
}

output "databases" {
  description = "What Athena can ask, in the work group of the environment's name."
  value       = module.serving.databases
}

output "dashboard" {
  value = module.watch.dashboard
}

output "policies" {
  description = "What each role may do: tests/aws/test_policies.py judges it."
  value = merge(
    { for name, function in local.functions : name => function.policy },
    module.serving.reader_policies,
    { rebuild = module.batch.job.policy },
    module.listen[*].policies...
  )
}

output "job" {
  description = "Name of the job on Spark: aws glue start-job-run --job-name …"
  value       = module.batch.job.name
}

output "functions" {
  description = "Names of the functions."
  value       = { for name, function in local.functions : name => function.name }
}
