# What functions may do with tables and keys, in the few ways in which the program uses them. Who
# reads a table may have to finish a write that a killed function left (homes/aws/redo.py): so a
# table is used as a whole or not at all, and never by its administration.

locals {
  items = [
    "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan",
    "dynamodb:UpdateItem",
  ]
  tables = module.speed.tables

  access = {
    # The settings, and the files beside them that they name.
    settings = [local.settings]

    # The watch: state and the alert log, and the settings by which it is judged.
    watch = [local.settings, {
      sid       = "Watch"
      actions   = local.items
      resources = [local.tables["state"], local.tables["log"]]
    }]

    # Notes of the state alone, and the stream's counter beside them (homes/aws/state.py).
    notes = [{
      sid       = "Notes"
      actions   = ["dynamodb:ConditionCheckItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      resources = [local.tables["state"]]
      conditions = [{
        test     = "ForAllValues:StringEquals"
        variable = "dynamodb:LeadingKeys"
        values   = ["#note", "#counter"]
      }]
    }]

    # Messages and deliveries: pseudonyms, and texts that name no one.
    outbox = [
      {
        sid       = "Outbox"
        actions   = local.items
        resources = [local.tables["outbox"], "${local.tables["outbox"]}/index/*", local.tables["deliveries"]]
      },
      merge(local.opens, { sid = "OutboxKey", conditions = [merge(local.of_table, { values = local.outbox_names })] }),
    ]

    # The norms that rules may name: refine lays them down (lake/laid.py).
    norms = [{
      sid       = "Norms"
      actions   = ["s3:GetObject"]
      resources = ["${module.batch.bucket_arns["gold"]}/gold/norms/*"]
    }]

    # Who is told, sealed: read by who begins, and laid down anew by who fans out (notify/snapshots.py).
    recipients = [{
      sid       = "Recipients"
      actions   = ["s3:GetObject"]
      resources = ["${module.batch.bucket_arns["gold"]}/recipients/*"]
    }]

    keeps_recipients = [
      {
        sid       = "KeepRecipients"
        actions   = ["s3:DeleteObject", "s3:PutObject"]
        resources = ["${module.batch.bucket_arns["gold"]}/recipients/*"]
      },
      {
        sid       = "ListRecipients"
        actions   = ["s3:ListBucket"]
        resources = [module.batch.bucket_arns["gold"]]
        conditions = [{
          test     = "StringLike"
          variable = "s3:prefix"
          values   = ["recipients/*"]
        }]
      },
    ]

    # Keys alone: what people push of their own stations is sealed with them.
    keys = [
      {
        sid       = "Keys"
        actions   = ["dynamodb:GetItem"]
        resources = [local.tables["keys"]]
      },
      merge(local.opens, {
        sid        = "KeysKey"
        conditions = [merge(local.of_table, { values = ["${var.environment}-keys"] })]
      }),
      merge(local.envelope, { actions = ["kms:Decrypt"] }),
    ]

    # People, their addresses and their keys.
    people = [
      {
        sid     = "People"
        actions = local.items
        resources = [
          local.tables["people"], local.tables["contacts"], local.tables["consents"], local.tables["keys"],
          "${local.tables["people"]}/index/*", "${local.tables["contacts"]}/index/*",
          "${local.tables["consents"]}/index/*",
        ]
      },
      merge(local.opens, { sid = "PeopleKey", conditions = [merge(local.of_table, { values = local.people_names })] }),
      local.envelope,
      local.describes,
    ]
  }

  settings = {
    sid     = "Settings"
    actions = ["s3:GetObject"]
    resources = [
      for file in concat([aws_s3_object.settings], values(aws_s3_object.beside)) : "${module.code.arn}/${file.key}"
    ]
  }

  # The data key that people's keys are wrapped with (homes/aws/keys.py).
  envelope = {
    sid       = "Envelope"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.people.arn]
    conditions = [{
      test     = "StringEquals"
      variable = "kms:EncryptionContext:table"
      values   = ["${var.environment}-keys"]
    }]
  }

  # A look at the key is for no table, and has no context that a condition could ask for.
  describes = { sid = "AboutKey", actions = ["kms:DescribeKey"], resources = [aws_kms_key.people.arn] }

  # DynamoDB opens a table with the caller's right to its key, and says which table it is for.
  opens        = { actions = ["kms:Decrypt"], resources = [aws_kms_key.people.arn] }
  of_table     = { test = "StringEquals", variable = "kms:EncryptionContext:aws:dynamodb:tableName" }
  outbox_names = [for name in ["outbox", "deliveries"] : "${var.environment}-${name}"]
  people_names = [for name in ["people", "contacts", "consents", "keys"] : "${var.environment}-${name}"]
}
