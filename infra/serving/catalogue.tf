# Glue and Athena: GOLD's tables, with the partitions worked out from the query (projection), so that
# no crawler has to find them. gold.json is lake/gold.py and lake/views.py in Athena's words,
# written by tools/aws_definitions.py.

locals {
  gold     = jsondecode(file("${path.module}/gold.json"))
  location = "s3://${var.buckets["gold"]}/gold"
  days     = "${var.first_day},NOW+3DAYS" # forecasts lie ahead
  months   = "${substr(var.first_day, 0, 7)},NOW"

  by_source = {
    "projection.source.type"   = "enum"
    "projection.source.values" = join(",", var.sources)
  }
  by_day = {
    "projection.enabled"            = "true"
    "projection.date.type"          = "date"
    "projection.date.format"        = "yyyy-MM-dd"
    "projection.date.range"         = local.days
    "projection.date.interval"      = "1"
    "projection.date.interval.unit" = "DAYS"
  }
  by_month = {
    "projection.enabled"             = "true"
    "projection.month.type"          = "date"
    "projection.month.format"        = "yyyy-MM"
    "projection.month.range"         = local.months
    "projection.month.interval"      = "1"
    "projection.month.interval.unit" = "MONTHS"
  }

  # Where each table lies, what its folders say, and how they are worked out. The climate has a
  # folder a place and no partition: a table reads all that lies below it.
  tables = {
    readings_days = {
      folder     = "readings"
      partitions = { source = "string", date = "date" }
      projection = merge(local.by_source, local.by_day, {
        "storage.location.template" = "${local.location}/readings/source=$${source}/date=$${date}/"
      })
    }
    readings_months = {
      folder     = "readings"
      partitions = { source = "string", month = "string" }
      projection = merge(local.by_source, local.by_month, {
        "storage.location.template" = "${local.location}/readings/source=$${source}/month=$${month}/"
      })
    }
    alerts = {
      folder     = "alerts"
      partitions = { date = "date" }
      projection = merge(local.by_day, { "storage.location.template" = "${local.location}/alerts/date=$${date}/" })
    }
    answers = {
      folder     = "answers"
      partitions = { date = "date" }
      projection = merge(local.by_day, { "storage.location.template" = "${local.location}/answers/date=$${date}/" })
    }
    ensembles = {
      folder     = "ensembles"
      partitions = { source = "string", date = "date" }
      projection = merge(local.by_day, {
        "projection.source.type"    = "enum"
        "projection.source.values"  = "open-meteo%3Aensemble" # as its folder is written
        "storage.location.template" = "${local.location}/ensembles/source=$${source}/date=$${date}/"
      })
    }
    systems = {
      folder     = "systems"
      partitions = { date = "date" }
      projection = merge(local.by_day, { "storage.location.template" = "${local.location}/systems/date=$${date}/" })
    }
    station_readings = {
      folder     = "station_readings"
      partitions = { network = "string", date = "date" }
      projection = merge(local.by_day, {
        "projection.network.type"   = "enum"
        "projection.network.values" = "wis2,metar,pws,cemaden,ana,nws"
        "storage.location.template" = "${local.location}/station_readings/network=$${network}/date=$${date}/"
      })
    }
    places        = { folder = "places", partitions = {}, projection = {} }
    stations      = { folder = "stations", partitions = {}, projection = {} }
    climate       = { folder = "climate", partitions = {}, projection = {} }
    return_levels = { folder = "return_levels", partitions = {}, projection = {} }
  }

  parquet = {
    input  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
    serde  = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
  }
}

resource "aws_glue_catalog_database" "gold" {
  name        = "${var.common.environment}_gold"
  description = "One row a reading, an alert, an answer: what was seen and said"
}

resource "aws_glue_catalog_table" "gold" {
  for_each = local.tables

  name          = each.key
  database_name = aws_glue_catalog_database.gold.name
  table_type    = "EXTERNAL_TABLE"
  parameters    = merge({ EXTERNAL = "TRUE", classification = "parquet" }, each.value.projection)

  dynamic "partition_keys" {
    # A map has the order of its letters: the folders' order is that of the template.
    for_each = [for name in ["source", "network", "date", "month"] : name if contains(keys(each.value.partitions), name)]
    content {
      name = partition_keys.value
      type = each.value.partitions[partition_keys.value]
    }
  }

  storage_descriptor {
    location      = "${local.location}/${each.value.folder}/"
    input_format  = local.parquet.input
    output_format = local.parquet.output

    ser_de_info {
      serialization_library = local.parquet.serde
    }

    dynamic "columns" {
      for_each = local.gold.tables[each.key]
      content {
        name = columns.value.name
        type = columns.value.type
      }
    }
  }
}

# Athena keeps a view as a table whose text is this JSON.
resource "aws_glue_catalog_table" "view" {
  for_each = local.gold.views

  name               = each.key
  database_name      = aws_glue_catalog_database.gold.name
  table_type         = "VIRTUAL_VIEW"
  parameters         = { presto_view = "true", comment = "Presto View" }
  view_expanded_text = "/* Presto View */"
  view_original_text = "/* Presto View: ${base64encode(jsonencode({
    originalSql = each.value.sql
    catalog     = "awsdatacatalog"
    schema      = aws_glue_catalog_database.gold.name
    columns     = each.value.columns
  }))} */"

  storage_descriptor {
    ser_de_info {
      name = "-"
    }
    dynamic "columns" {
      for_each = each.value.columns
      content {
        name = columns.value.name
        type = lookup(local.hive, columns.value.type, columns.value.type)
      }
    }
  }

  depends_on = [aws_glue_catalog_table.gold]
}

locals {
  # Types that Hive calls otherwise than Presto.
  hive = { varchar = "string", integer = "int", "timestamp(3)" = "timestamp" }
}

# RAW, as it came: no crawler either. A body is JSON text in `body`, or other text in `body_text`.
resource "aws_glue_catalog_database" "raw" {
  name        = "${var.common.environment}_raw"
  description = "What sources answered, as they did"
}

resource "aws_glue_catalog_table" "payloads" {
  name          = "payloads"
  database_name = aws_glue_catalog_database.raw.name
  table_type    = "EXTERNAL_TABLE"
  parameters = merge({ EXTERNAL = "TRUE", classification = "json" }, local.by_source, local.by_day, {
    # A day's folder with those of its hours: its files are made one a week later.
    "storage.location.template" = "s3://${var.buckets["raw"]}/raw/payloads/source=$${source}/date=$${date}/"
  })

  dynamic "partition_keys" {
    for_each = ["source:string", "date:date"]
    content {
      name = split(":", partition_keys.value)[0]
      type = split(":", partition_keys.value)[1]
    }
  }

  storage_descriptor {
    location      = "s3://${var.buckets["raw"]}/raw/payloads/"
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    ser_de_info {
      serialization_library = "org.openx.data.jsonserde.JsonSerDe"
      parameters            = { "ignore.malformed.json" = "true" }
    }

    dynamic "columns" {
      for_each = [
        "offset:bigint", "content:string", "places:array<string>", "received_at:string", "status:int",
        "failure:string", "is_recorded:boolean", "body:string", "body_text:string", "body_base64:string",
      ]
      content {
        name = split(":", columns.value)[0]
        type = split(":", columns.value)[1]
      }
    }
  }
}

locals {
  workgroups = {
    gold   = { name = var.common.environment, folder = "results" }
    people = { name = "${var.common.environment}-people", folder = "people" }
  }
}

module "answers" {
  source = "../bucket"

  name               = "${var.common.environment}-athena-${var.common.account}"
  key                = var.common.data_key
  force_destroy      = true # what queries answered can be asked again
  expires_after_days = 7
  old_versions_days  = 1
}

# Two, as who may use a work group may fetch what others asked in it: `people` is for deliveries.
resource "aws_athena_workgroup" "this" {
  for_each = local.workgroups

  name          = each.value.name
  force_destroy = true
  tags          = { purpose = each.key }

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.most_bytes_a_query

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      output_location = "s3://${module.answers.name}/${each.value.folder}/"

      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = var.common.data_key
      }
    }
  }
}
