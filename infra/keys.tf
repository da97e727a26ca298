# Two keys. `data` is for everything that flows; `people` for what is known of persons, so that a
# function that has no business with them cannot read it even with a table's name in its hands.

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  root      = "arn:${local.partition}:iam::${local.account}:root"

  # Written out: an account's administrators keep the keys alive, and roles use them by their own
  # policies. No wildcard, so that an action that comes later is not granted unseen.
  key_administration = [
    "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:CreateGrant", "kms:DeleteAlias",
    "kms:DescribeKey", "kms:DisableKey", "kms:EnableKey", "kms:EnableKeyRotation",
    "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListAliases", "kms:ListGrants",
    "kms:ListResourceTags", "kms:ListRetirableGrants", "kms:PutKeyPolicy", "kms:RetireGrant",
    "kms:RevokeGrant", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource",
    "kms:UpdateAlias", "kms:UpdateKeyDescription",
  ]
  key_use = [
    "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom", "kms:ReEncryptTo",
  ]
}

data "aws_iam_policy_document" "data_key" {
  #checkov:skip=CKV_AWS_111:a key's policy speaks of its own key: "*" is that key
  #checkov:skip=CKV_AWS_356:a key's policy speaks of its own key: "*" is that key
  #checkov:skip=CKV_AWS_109:a key that its account cannot administer is lost for good
  statement {
    sid       = "Account"
    actions   = concat(local.key_administration, local.key_use)
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = [local.root]
    }
  }

  statement {
    sid       = "Logs"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["logs.${var.region}.amazonaws.com"]
    }
    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${local.partition}:logs:${var.region}:${local.account}:log-group:*${var.environment}-*"]
    }
  }

  statement {
    sid       = "Trail"
    actions   = ["kms:DescribeKey", "kms:GenerateDataKey"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:cloudtrail:${var.region}:${local.account}:trail/${var.environment}-lake"]
    }
  }

  statement {
    sid       = "Alarms"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }

  # EventBridge tells a key nothing of whose rule it is: what bounds it is the topic.
  statement {
    sid       = "Job"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:sns:topicArn"
      values   = ["arn:${local.partition}:sns:${var.region}:${local.account}:${var.environment}-alarms"]
    }
  }
}

resource "aws_kms_key" "data" {
  description             = "${var.environment}: stream, state, queues, lake, logs"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.data_key.json
}

resource "aws_kms_alias" "data" {
  name          = "alias/${var.environment}-data"
  target_key_id = aws_kms_key.data.key_id
}

data "aws_iam_policy_document" "people_key" {
  #checkov:skip=CKV_AWS_111:a key's policy speaks of its own key: "*" is that key
  #checkov:skip=CKV_AWS_356:a key's policy speaks of its own key: "*" is that key
  #checkov:skip=CKV_AWS_109:a key that its account cannot administer is lost for good
  statement {
    sid       = "Account"
    actions   = concat(local.key_administration, local.key_use)
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = [local.root]
    }
  }

  # Which mails came back, which SES tells a topic: there are addresses in it.
  statement {
    sid       = "Returns"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = ["ses.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_kms_key" "people" {
  description             = "${var.environment}: people, their contacts and their keys"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.people_key.json
}

resource "aws_kms_alias" "people" {
  name          = "alias/${var.environment}-people"
  target_key_id = aws_kms_key.people.key_id
}
