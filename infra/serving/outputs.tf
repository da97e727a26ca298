output "url" {
  value = aws_apigatewayv2_api.this.api_endpoint
}

output "edge" {
  description = "Names that the edge answers to: CloudFront's own, and yours; none: there is no edge."
  value       = concat(aws_cloudfront_distribution.edge[*].domain_name, var.edge.domain == "" ? [] : [var.edge.domain])
}

output "databases" {
  value = {
    gold   = aws_glue_catalog_database.gold.name
    raw    = aws_glue_catalog_database.raw.name
    people = aws_glue_catalog_database.people.name
  }
}

output "workgroups" {
  description = "Names of Athena's work groups: what is asked of GOLD, and of deliveries."
  value       = { for what, group in aws_athena_workgroup.this : what => group.name }
}

output "api_id" {
  value = aws_apigatewayv2_api.this.id
}

output "reader_policies" {
  description = "What the readers' roles may do, as JSON: tests/aws/test_policies.py judges them."
  value       = { for name, document in data.aws_iam_policy_document.reader : name => document.json }
}

output "functions" {
  value = { api = module.api }
}

output "secrets" {
  value = { (aws_secretsmanager_secret.api.name) = aws_secretsmanager_secret.api.arn }
}
