output "name" {
  description = "Of cluster, service and task."
  value       = local.name
}

output "cluster" {
  value = aws_ecs_cluster.this.arn
}

output "secrets" {
  value = { (aws_secretsmanager_secret.brokers.name) = aws_secretsmanager_secret.brokers.arn }
}

output "policies" {
  description = "What the task, and who starts it, may do: tests/aws/test_policies.py judges it."
  value = {
    listen       = data.aws_iam_policy_document.task.json
    listen-start = data.aws_iam_policy_document.start.json
  }
}
