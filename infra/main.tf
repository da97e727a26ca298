# One environment of Atalaia on AWS, a module for each layer. `make aws-deploy ENV=…` applies it.

locals {
  common = {
    environment          = var.environment
    account              = local.account
    data_key             = aws_kms_key.data.arn
    reserved_concurrency = var.reserved_concurrency
    variables = {
      ATALAIA_ENV      = var.environment
      ATALAIA_ACCOUNT  = local.account
      ATALAIA_LANES    = tostring(var.lanes)
      ATALAIA_STREAM   = var.stream
      ATALAIA_FIGURES  = var.figures
      ATALAIA_QUEUES   = "https://sqs.${var.region}.amazonaws.com/${local.account}/"
      ATALAIA_SETTINGS = "s3://${module.code.name}/${aws_s3_object.settings.key}"
      SETTINGS_HASH    = local.settings_hash
    }
  }
  namespace = "Atalaia/${var.environment}"
}

module "ingest" {
  source = "./ingest"

  common          = local.common
  package         = local.packages["watch"]
  access          = local.access
  tomorrow_secret = var.tomorrow_secret
  poll_every      = var.poll_every
  stream          = var.stream
  protect         = var.protect
}

module "listen" {
  source = "./listen"
  count  = var.listen_image == "" ? 0 : 1

  common = local.common
  access = local.access
  stream = module.ingest.stream
  image  = var.listen_image
  ports  = var.listen_ports
}

module "speed" {
  source = "./speed"

  common          = local.common
  packages        = local.packages
  access          = local.access
  stream          = module.ingest.stream
  people_key      = aws_kms_key.people.arn
  deliver_at_once = var.deliver_at_once
  channel_secrets = var.channel_secrets
  sources         = var.sources
  email_domain    = var.email_domain
  protect         = var.protect
}

module "batch" {
  source = "./batch"

  common  = local.common
  package = local.packages["batch"]
  access  = local.access
  stream  = module.ingest.stream
  queues  = module.speed.queues
  protect = var.protect

  job = {
    bucket        = module.code.name
    bucket_arn    = module.code.arn
    script        = aws_s3_object.job.key
    wheels        = aws_s3_object.wheels.key
    region        = var.region
    workers       = var.rebuild_workers
    climate_every = var.climate_every
  }
}

module "serving" {
  source = "./serving"

  common            = local.common
  package           = local.packages["serving"]
  access            = local.access
  stream            = module.ingest.stream
  queues            = module.speed.queues
  secrets           = module.speed.channel_secrets
  buckets           = module.batch.buckets
  bucket_arns       = module.batch.bucket_arns
  edge              = var.edge
  sources           = distinct(concat(var.sources, var.pushed_sources, ["clock"]))
  analysts          = var.analysts
  outreach_analysts = var.outreach_analysts
}

module "watch" {
  source = "./watch"

  common             = local.common
  namespace          = local.namespace
  functions          = keys(local.functions)
  job                = "rebuild"
  listeners          = module.listen[*].cluster
  tables             = keys(module.speed.tables)
  sources            = var.sources
  raw_bucket         = module.batch.buckets["raw"]
  bucket_arns        = module.batch.bucket_arns
  alarm_email        = var.alarm_email
  heartbeat_url      = var.heartbeat_url
  monthly_budget_usd = var.monthly_budget_usd
  sms_monthly_usd    = var.sms_monthly_usd
  protect            = var.protect
}

locals {
  functions = merge(
    module.ingest.functions, module.speed.functions, module.batch.functions, module.serving.functions,
  )
}
