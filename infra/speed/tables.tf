# DynamoDB: state, the alert log, people, the outbox. tables.json is homes/aws/tables.py, written by
# tools/aws_definitions.py, so that the program and its tables cannot differ.

locals {
  schemas = jsondecode(file("${path.module}/tables.json"))
}

resource "aws_dynamodb_table" "this" {
  #checkov:skip=CKV_AWS_28:all but `keys`: a person is erased by destroying their key, and a backup that brings it back would undo that
  for_each = local.schemas

  name                        = "${var.common.environment}-${each.key}"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.protect
  stream_enabled              = each.value.stream != ""
  stream_view_type            = each.value.stream == "" ? null : each.value.stream

  dynamic "attribute" {
    for_each = toset(concat(["pk", "sk"], flatten([for one in each.value.indexes : [one.hash, one.range]])))
    content {
      name = attribute.value
      type = "S"
    }
  }

  dynamic "local_secondary_index" {
    for_each = [for one in each.value.indexes : one if one.is_local]
    content {
      name            = local_secondary_index.value.name
      range_key       = local_secondary_index.value.range
      projection_type = "ALL"
    }
  }

  dynamic "global_secondary_index" {
    for_each = [for one in each.value.indexes : one if !one.is_local]
    content {
      name            = global_secondary_index.value.name
      hash_key        = global_secondary_index.value.hash
      range_key       = global_secondary_index.value.range
      projection_type = global_secondary_index.value.has_keys_only ? "KEYS_ONLY" : "ALL"
    }
  }

  dynamic "ttl" {
    for_each = each.value.ttl == "" ? [] : [each.value.ttl]
    content {
      attribute_name = ttl.value
      enabled        = true
    }
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = each.value.key == "people" ? var.people_key : var.common.data_key
  }

  point_in_time_recovery {
    enabled = each.value.backup
  }
}
