output "arn" {
  value = aws_lambda_function.this.arn
}

output "invoke_arn" {
  value = aws_lambda_function.this.invoke_arn
}

output "name" {
  value = aws_lambda_function.this.function_name
}

output "role" {
  value = aws_iam_role.this.name
}

output "policy" {
  description = "What the role may do, as JSON: tests/aws/test_policies.py judges it."
  value       = data.aws_iam_policy_document.this.json
}
