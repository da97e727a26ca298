# What runs: one zip for each kind of function; and the settings file that they read. A zip of more than 50 MB can
# only be given to Lambda by way of S3.

module "code" {
  source = "./bucket"

  name          = "${var.environment}-code-${local.account}"
  key           = aws_kms_key.data.arn
  force_destroy = true # it is built again by one command
}

resource "aws_s3_object" "package" {
  for_each = toset(["watch", "people", "serving"])

  bucket      = module.code.name
  key         = "${each.key}.zip"
  source      = "${var.packages}/${each.key}.zip"
  source_hash = filemd5("${var.packages}/${each.key}.zip")
  kms_key_id  = aws_kms_key.data.arn
}

resource "aws_s3_object" "settings" {
  bucket      = module.code.name
  key         = "atalaia.toml"
  source      = var.settings
  source_hash = filemd5(var.settings)
  kms_key_id  = aws_kms_key.data.arn
}

locals {
  packages = { for name, object in aws_s3_object.package : name => {
    bucket = object.bucket
    key    = object.key
    hash   = filebase64sha256("${var.packages}/${name}.zip")
  } }
}
