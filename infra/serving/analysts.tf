# Who may ask. An analyst reads GOLD, and of GOLD nothing that has a person in it. Deliveries lie in a
# database of their own under Lake Formation, which gives away the columns that are granted and no
# others: a view alone would not do, as who asks it must be able to read what it is made of.

data "aws_partition" "this" {}

data "aws_region" "this" {}

data "aws_caller_identity" "this" {}

data "aws_iam_session_context" "deployer" {
  arn = data.aws_caller_identity.this.arn
}

locals {
  here      = "${data.aws_region.this.name}:${var.common.account}"
  partition = data.aws_partition.this.partition
  glue      = "arn:${local.partition}:glue:${local.here}"
  root      = "arn:${local.partition}:iam::${var.common.account}:root"
  readers = {
    analyst          = var.analysts
    outreach-analyst = var.outreach_analysts
  }

  # By work group. See catalogue.tf for why there are two.
  ask = { for what, group in local.workgroups : what => [
    {
      sid = "Ask"
      actions = [
        "athena:BatchGetQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults",
        "athena:GetWorkGroup", "athena:ListQueryExecutions", "athena:StartQueryExecution",
        "athena:StopQueryExecution",
      ]
      resources = [aws_athena_workgroup.this[what].arn]
    },
    {
      sid       = "Answers"
      actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
      resources = ["${module.answers.arn}/${group.folder}/*"]
    },
    {
      sid       = "Buckets"
      actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
      resources = [module.answers.arn]
    },
    {
      sid       = "AnswersKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [var.common.data_key]
    },
  ] }
  asks      = { analyst = local.ask["gold"], outreach-analyst = local.ask["people"] }
  catalogue = ["glue:GetDatabase", "glue:GetPartitions", "glue:GetTable", "glue:GetTables"]

  grants = {
    analyst = [
      {
        sid     = "Gold"
        actions = local.catalogue
        resources = [
          "${local.glue}:catalog",
          "${local.glue}:database/${aws_glue_catalog_database.gold.name}",
          "${local.glue}:table/${aws_glue_catalog_database.gold.name}/*",
        ]
      },
      {
        sid       = "Files"
        actions   = ["s3:GetObject"]
        resources = [for folder in local.open : "${var.bucket_arns["gold"]}/gold/${folder}/*"]
      },
      {
        sid       = "List"
        actions   = ["s3:ListBucket"]
        resources = [var.bucket_arns["gold"]]
        conditions = [{
          test     = "StringLike"
          variable = "s3:prefix"
          values   = [for folder in local.open : "gold/${folder}/*"]
        }]
      },
    ]
    outreach-analyst = [
      {
        sid     = "Masked"
        actions = local.catalogue
        resources = [
          "${local.glue}:catalog",
          "${local.glue}:database/${aws_glue_catalog_database.people.name}",
          "${local.glue}:table/${aws_glue_catalog_database.people.name}/*",
        ]
      },
    ]
  }

  # All of GOLD but deliveries.
  open = distinct([for table in local.tables : table.folder])
}

data "aws_iam_policy_document" "reader_trust" {
  for_each = local.readers

  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = length(each.value) > 0 ? each.value : [local.root]
    }
  }
}

resource "aws_iam_role" "reader" {
  for_each = local.readers

  name               = "${var.common.environment}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.reader_trust[each.key].json
}

data "aws_iam_policy_document" "reader" {
  #checkov:skip=CKV_AWS_356:lakeformation:GetDataAccess knows no resource; what it gives is what is granted below
  for_each = local.readers

  dynamic "statement" {
    for_each = concat(local.asks[each.key], local.grants[each.key])
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

  dynamic "statement" {
    for_each = each.key == "outreach-analyst" ? [1] : []
    content {
      sid       = "Granted"
      actions   = ["lakeformation:GetDataAccess"]
      resources = ["*"]
    }
  }
}

resource "aws_iam_role_policy" "reader" {
  for_each = local.readers

  name   = "ask"
  role   = aws_iam_role.reader[each.key].id
  policy = data.aws_iam_policy_document.reader[each.key].json
}

# Deliveries

resource "aws_glue_catalog_database" "people" {
  name        = "${var.common.environment}_people"
  description = "Who was told what, without who: ask the view deliveries_masked"

  # Named, so that new tables here are not open to all that IAM lets in (IAMAllowedPrincipals).
  create_table_default_permission {
    permissions = ["ALL"]
    principal {
      data_lake_principal_identifier = data.aws_iam_session_context.deployer.issuer_arn
    }
  }
}

resource "aws_glue_catalog_table" "deliveries" {
  name          = "deliveries"
  database_name = aws_glue_catalog_database.people.name
  table_type    = "EXTERNAL_TABLE"
  parameters = merge({ EXTERNAL = "TRUE", classification = "parquet" }, local.by_day, {
    "storage.location.template" = "${local.location}/deliveries/date=$${date}/"
  })

  partition_keys {
    name = "date"
    type = "date"
  }

  storage_descriptor {
    location      = "${local.location}/deliveries/"
    input_format  = local.parquet.input
    output_format = local.parquet.output

    ser_de_info {
      serialization_library = local.parquet.serde
    }

    dynamic "columns" {
      for_each = local.gold.deliveries
      content {
        name = columns.value.name
        type = columns.value.type
      }
    }
  }
}

resource "aws_glue_catalog_table" "masked" {
  name               = "deliveries_masked"
  database_name      = aws_glue_catalog_database.people.name
  table_type         = "VIRTUAL_VIEW"
  parameters         = { presto_view = "true", comment = "Presto View" }
  view_expanded_text = "/* Presto View */"
  view_original_text = "/* Presto View: ${base64encode(jsonencode({
    originalSql = local.gold.masked.sql
    catalog     = "awsdatacatalog"
    schema      = aws_glue_catalog_database.people.name
    columns     = local.gold.masked.columns
  }))} */"

  storage_descriptor {
    ser_de_info {
      name = "-"
    }
    dynamic "columns" {
      for_each = local.gold.masked.columns
      content {
        name = columns.value.name
        type = lookup(local.hive, columns.value.type, columns.value.type)
      }
    }
  }

  depends_on = [aws_glue_catalog_table.deliveries]
}

# Lake Formation reads the files in the asker's stead, with this role.
data "aws_iam_policy_document" "lake_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lakeformation.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "lake" {
  name               = "${var.common.environment}-lake-formation"
  assume_role_policy = data.aws_iam_policy_document.lake_trust.json
}

data "aws_iam_policy_document" "lake" {
  statement {
    sid       = "Files"
    actions   = ["s3:GetObject"]
    resources = ["${var.bucket_arns["gold"]}/gold/deliveries/*"]
  }
  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = [var.bucket_arns["gold"]]
    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["gold/deliveries/*"]
    }
  }
  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt"]
    resources = [var.common.data_key]
  }
}

resource "aws_iam_role_policy" "lake" {
  name   = "read"
  role   = aws_iam_role.lake.id
  policy = data.aws_iam_policy_document.lake.json
}

resource "aws_lakeformation_resource" "deliveries" {
  arn      = "${var.bucket_arns["gold"]}/gold/deliveries"
  role_arn = aws_iam_role.lake.arn

  depends_on = [aws_iam_role_policy.lake]
}

resource "aws_lakeformation_permissions" "deliveries" {
  principal   = aws_iam_role.reader["outreach-analyst"].arn
  permissions = ["SELECT"]

  table_with_columns {
    database_name         = aws_glue_catalog_database.people.name
    name                  = aws_glue_catalog_table.deliveries.name
    wildcard              = true
    excluded_column_names = local.gold.masked.without
  }
}

resource "aws_lakeformation_permissions" "masked" {
  principal   = aws_iam_role.reader["outreach-analyst"].arn
  permissions = ["DESCRIBE", "SELECT"]

  table {
    database_name = aws_glue_catalog_database.people.name
    name          = aws_glue_catalog_table.masked.name
  }
}
