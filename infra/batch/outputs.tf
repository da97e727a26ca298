output "buckets" {
  description = "Names of the buckets."
  value       = { raw = module.raw.name, gold = module.gold.name }
}

output "bucket_arns" {
  value = { raw = module.raw.arn, gold = module.gold.arn }
}

output "functions" {
  value = { archive = module.archive, refine = module.refine }
}
