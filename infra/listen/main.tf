# Listen: one small task that is always there hears what WIS2's brokers pass on, and what people's
# stations say by MQTT, and appends it to the stream. A function cannot: a broker wants a connection.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

locals {
  name = "${var.common.environment}-listen"
  # ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@sha256:…
  image      = regex("^(\\d{12})\\.dkr\\.ecr\\.([a-z0-9-]+)\\.amazonaws\\.com/([a-z0-9._/-]+)@sha256:[0-9a-f]{64}$", var.image)
  repository = "arn:${data.aws_partition.this.partition}:ecr:${local.image[1]}:${local.image[0]}:repository/${local.image[2]}"
}

data "aws_partition" "this" {}

data "aws_region" "this" {}

data "aws_availability_zones" "this" {
  #checkov:skip=CKV_AWS_394:the first two by name are taken: one more moves nothing
  state = "available"
}

# A network of its own, from which one comes out and nobody comes in. A public address costs a tenth of
# a NAT gateway.
resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:one task, which nobody can reach: its log says whom it is connected to
  cidr_block = "10.83.0.0/24"

  tags = { Name = local.name }
}

resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_route_table" "this" {
  vpc_id = aws_vpc.this.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.this.id
  }
}

# Two zones: the task is started in the other where one is down.
resource "aws_subnet" "this" {
  count = 2

  vpc_id            = aws_vpc.this.id
  cidr_block        = cidrsubnet(aws_vpc.this.cidr_block, 4, count.index)
  availability_zone = data.aws_availability_zones.this.names[count.index]
}

resource "aws_route_table_association" "this" {
  count = 2

  subnet_id      = aws_subnet.this[count.index].id
  route_table_id = aws_route_table.this.id
}

resource "aws_security_group" "this" {
  name        = local.name
  description = "Out to brokers, to what notifications link to, and to AWS; nothing in"
  vpc_id      = aws_vpc.this.id

  dynamic "egress" {
    for_each = toset(concat([80, 443, 8883], var.ports))
    content {
      description = "TCP ${egress.value}"
      from_port   = egress.value
      to_port     = egress.value
      protocol    = "tcp"
      cidr_blocks = ["0.0.0.0/0"]
    }
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/ecs/${local.name}"
  retention_in_days = 365
  kms_key_id        = var.common.data_key
}

# Made without a value: {"ATALAIA_SOURCES_MQTT_PASSWORD": "…"}, where the settings name a broker of one's own.
resource "aws_secretsmanager_secret" "brokers" {
  #checkov:skip=CKV2_AWS_57:the broker is the operator's, who changes its password there and here
  name                    = "${var.common.environment}-brokers"
  description             = "Passwords of brokers: {\"ATALAIA_SOURCES_MQTT_PASSWORD\": \"…\"}"
  kms_key_id              = var.common.data_key
  recovery_window_in_days = 7
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.common.account]
    }
  }
}

# What the program may do.
resource "aws_iam_role" "task" {
  name               = local.name
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "task" {
  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.common.data_key]
  }

  statement {
    sid       = "Brokers"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [aws_secretsmanager_secret.brokers.arn]
  }

  dynamic "statement" {
    for_each = concat(var.access.settings, var.access.notes, [var.stream.append])
    content {
      sid       = statement.value.sid
      actions   = statement.value.actions
      resources = statement.value.resources
      dynamic "condition" {
        for_each = try(statement.value.conditions, [])
        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }
}

resource "aws_iam_role_policy" "task" {
  name   = "needs"
  role   = aws_iam_role.task.id
  policy = data.aws_iam_policy_document.task.json
}

# What ECS does before the program runs: it brings the image, and opens the log.
resource "aws_iam_role" "start" {
  name               = "${local.name}-start"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "start" {
  #checkov:skip=CKV_AWS_356:ecr:GetAuthorizationToken knows no resource; what it opens is named in the next statement
  statement {
    sid       = "Registry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid       = "Image"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [local.repository]
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:log-stream:*"]
  }
}

resource "aws_iam_role_policy" "start" {
  name   = "needs"
  role   = aws_iam_role.start.id
  policy = data.aws_iam_policy_document.start.json
}

resource "aws_ecs_cluster" "this" {
  #checkov:skip=CKV_AWS_65:its figures would cost more than the task; who stops is told (module watch)
  name = local.name
}

resource "aws_ecs_task_definition" "this" {
  family                   = local.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  task_role_arn            = aws_iam_role.task.arn
  execution_role_arn       = aws_iam_role.start.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "ARM64"
  }

  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([{
    name                   = "listen"
    image                  = var.image
    essential              = true
    readonlyRootFilesystem = true
    user                   = "10001:10001"
    stopTimeout            = 30
    mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    environment = [
      for name, value in merge(var.common.variables, {
        AWS_DEFAULT_REGION = data.aws_region.this.name
        ATALAIA_SECRETS    = aws_secretsmanager_secret.brokers.name
      }) : { name = name, value = value }
    ]
    linuxParameters = { capabilities = { drop = ["ALL"] } }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = data.aws_region.this.name
        awslogs-stream-prefix = "listen"
      }
    }
  }])
}

# One at a time: two have one name at a broker, and would throw each other out. What comes in between
# the broker keeps.
resource "aws_ecs_service" "this" {
  #checkov:skip=CKV_AWS_333:it has a public address to go out by, and a security group that lets nobody in
  name                               = local.name
  cluster                            = aws_ecs_cluster.this.id
  task_definition                    = aws_ecs_task_definition.this.arn
  launch_type                        = "FARGATE"
  desired_count                      = 1
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100
  propagate_tags                     = "SERVICE"

  network_configuration {
    subnets          = aws_subnet.this[*].id
    security_groups  = [aws_security_group.this.id]
    assign_public_ip = true
  }

  depends_on = [aws_iam_role_policy.task, aws_iam_role_policy.start, aws_route_table_association.this]
}
