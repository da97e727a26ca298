# What runs: one zip for each kind of function; and the settings file that they read. A zip of more than 50 MB can
# only be given to Lambda by way of S3.

module "code" {
  source = "./bucket"

  name          = "${var.environment}-code-${local.account}"
  key           = aws_kms_key.data.arn
  force_destroy = true # it is built again by one command
}

resource "aws_s3_object" "package" {
  for_each = toset(["watch", "batch", "people", "serving"])

  bucket      = module.code.name
  key         = "${each.key}.zip"
  source      = "${var.packages}/${each.key}.zip"
  source_hash = filemd5("${var.packages}/${each.key}.zip")
  kms_key_id  = aws_kms_key.data.arn
}

# The job on Spark: what Glue starts, and the wheels that it installs.
resource "aws_s3_object" "job" {
  bucket     = module.code.name
  key        = "rebuild.py"
  content    = "from atalaia.run.aws.rebuild import main\n\nmain()\n"
  kms_key_id = aws_kms_key.data.arn
}

resource "aws_s3_object" "wheels" {
  bucket      = module.code.name
  key         = "rebuild.gluewheels.zip"
  source      = "${var.packages}/rebuild.gluewheels.zip"
  source_hash = filemd5("${var.packages}/rebuild.gluewheels.zip")
  kms_key_id  = aws_kms_key.data.arn
}

resource "aws_s3_object" "settings" {
  bucket      = module.code.name
  key         = "atalaia.toml"
  source      = var.settings
  source_hash = filemd5(var.settings)
  kms_key_id  = aws_kms_key.data.arn
}

# Rules and places of one's own: files that the settings name, by their paths from there.
resource "aws_s3_object" "beside" {
  for_each = local.beside

  bucket      = module.code.name
  key         = "beside/${trimprefix(each.key, "./")}"
  source      = "${dirname(var.settings)}/${each.key}"
  source_hash = filemd5("${dirname(var.settings)}/${each.key}")
  kms_key_id  = aws_kms_key.data.arn
}

locals {
  # As settings/__init__.py reads it: `places` is a file, `rules` one if it looks like one.
  named = { for pair in regexall("(?m)^(rules|places)\\s*=\\s*[\"']([^\"'\\n]+)[\"']", file(var.settings)) : pair[0] => pair[1] }
  beside_named = [
    for key, path in local.named : path if key == "places" || endswith(path, ".toml") || strcontains(path, "/")
  ]
  # A rule file names those that it extends, by their paths from where it is; they may extend shipped sets.
  extended = flatten([
    for path in local.beside_named : [
      for line in regexall("(?m)^extends\\s*=.*$", file("${dirname(var.settings)}/${path}")) : [
        for name in flatten(regexall("[\"']([^\"'\n]+\\.toml)[\"']", line)) :
        trimprefix("${dirname(path)}/${name}", "./")
      ]
    ] if endswith(path, ".toml")
  ])
  beside = toset(concat(local.beside_named, local.extended))

  # With it a function's variables change, and its running copies are replaced.
  settings_files = concat([basename(var.settings)], sort(local.beside))
  settings_hash = sha256(join("", concat(
    [for path in local.settings_files : filesha256("${dirname(var.settings)}/${path}")], [var.renew],
  )))

  packages = { for name, object in aws_s3_object.package : name => {
    bucket = object.bucket
    key    = object.key
    hash   = filebase64sha256("${var.packages}/${name}.zip")
  } }
}
