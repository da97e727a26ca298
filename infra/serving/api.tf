# The API: people, feeds, pushed readings, and the webhooks of Telegram and WhatsApp.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

resource "aws_secretsmanager_secret" "api" {
  #checkov:skip=CKV2_AWS_57:whoever pushes holds the other half; docs/aws.md says how both change it
  name                    = "${var.common.environment}-api"
  description             = "The key of pushed readings and of operators: {\"ATALAIA_API_KEY\": \"…\"}"
  kms_key_id              = var.common.data_key
  recovery_window_in_days = 7
}

module "api" {
  source = "../function"

  common    = var.common
  name      = "api"
  package   = var.package
  timeout_s = 29 # an HTTP API waits for 30 seconds
  memory_mb = 1769
  variables = {
    ATALAIA_SECRETS = join(",", concat([aws_secretsmanager_secret.api.name], keys(var.secrets)))
    ATALAIA_EDGE    = join("", aws_secretsmanager_secret.edge[*].name)
    EDGE_WORDS      = join("", aws_secretsmanager_secret_version.edge[*].version_id) # replaces running copies
  }

  statements = concat(var.access.watch, var.access.people, var.access.outbox, var.access.recipients, local.shows, [
    var.stream.append,
    {
      sid       = "Wake" # a confirmation goes out at once
      actions   = ["sqs:SendMessage"]
      resources = [var.queues["urgent"], var.queues["normal"]]
    },
    {
      sid       = "Pushed" # what somebody pushed is theirs to take along
      actions   = ["s3:GetObject"]
      resources = ["${var.bucket_arns["raw"]}/raw/payloads/source=station/*"]
    },
    {
      sid       = "ListRaw"
      actions   = ["s3:ListBucket"]
      resources = [var.bucket_arns["raw"]]
      conditions = [{
        test     = "StringLike"
        variable = "s3:prefix"
        values   = ["raw/payloads/source=station/*"]
      }]
    },
    {
      sid       = "Secrets"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = concat([aws_secretsmanager_secret.api.arn], aws_secretsmanager_secret.edge[*].arn, values(var.secrets))
    },
  ])
}

locals {
  # Of GOLD the API shows a place's readings, chances and climate (api/gold_history.py), and asks
  # for nothing else.
  shown = ["readings_days", "readings_months", "ensembles", "climate", "return_levels"]
  shows = concat(
    [for one in local.ask["gold"] : one.sid != "Ask" ? one : merge(one, { actions = [
      "athena:GetQueryExecution", "athena:GetQueryResults", "athena:StartQueryExecution", "athena:StopQueryExecution",
    ] })],
    [
      {
        sid     = "Gold"
        actions = local.catalogue
        resources = concat(
          ["${local.glue}:catalog", "${local.glue}:database/${aws_glue_catalog_database.gold.name}"],
          [for name in local.shown : "${local.glue}:table/${aws_glue_catalog_database.gold.name}/${name}"],
        )
      },
      {
        sid       = "Files"
        actions   = ["s3:GetObject"]
        resources = [for folder in local.shown_folders : "${var.bucket_arns["gold"]}/gold/${folder}/*"]
      },
      {
        sid       = "List"
        actions   = ["s3:ListBucket"]
        resources = [var.bucket_arns["gold"]]
        conditions = [{
          test     = "StringLike"
          variable = "s3:prefix"
          values   = [for folder in local.shown_folders : "gold/${folder}/*"]
        }]
      },
    ],
  )
  shown_folders = distinct([for name in local.shown : local.tables[name].folder])
}

resource "aws_apigatewayv2_api" "this" {
  name          = "${var.common.environment}-api"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "api" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.api.invoke_arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "all" {
  #checkov:skip=CKV_AWS_309:feeds are open to everybody, webhooks are signed by Telegram and Meta, and what is a person's or an operator's asks for a key of its own (docs/api.md)
  api_id    = aws_apigatewayv2_api.this.id
  route_key = "$default"
  target    = "integrations/${aws_apigatewayv2_integration.api.id}"
}

resource "aws_cloudwatch_log_group" "access" {
  name              = "/aws/apigateway/${var.common.environment}-api"
  retention_in_days = 365
  kms_key_id        = var.common.data_key
}

resource "aws_apigatewayv2_stage" "this" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_burst_limit = 100
    throttling_rate_limit  = 50
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    # No address of the caller, and no path: a person's pseudonym stands in some.
    format = jsonencode({
      at       = "$context.requestTime"
      method   = "$context.httpMethod"
      status   = "$context.status"
      ms       = "$context.responseLatency"
      bytes    = "$context.responseLength"
      failure  = "$context.integrationErrorMessage"
      protocol = "$context.protocol"
    })
  }
}

resource "aws_lambda_permission" "api" {
  statement_id  = "http"
  action        = "lambda:InvokeFunction"
  function_name = module.api.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*"
}
