output "buckets" {
  description = "Names of the buckets."
  value       = { raw = module.raw.name, gold = module.gold.name }
}

output "bucket_arns" {
  value = { raw = module.raw.arn, gold = module.gold.arn }
}

output "job" {
  description = "The job on Spark, and what its role may do, as JSON."
  value       = { name = aws_glue_job.rebuild.name, policy = data.aws_iam_policy_document.rebuild.json }
}

output "functions" {
  value = { archive = module.archive, recover = module.recover, refine = module.refine }
}
