# Who read or wrote which object of RAW and GOLD: CloudTrail's data events.

locals {
  trail = "arn:${data.aws_partition.this.partition}:cloudtrail:${data.aws_region.this.name}:${var.common.account}:trail/${var.common.environment}-lake"
}

data "aws_iam_policy_document" "trail" {
  statement {
    sid       = "Look"
    actions   = ["s3:GetBucketAcl"]
    resources = ["arn:${data.aws_partition.this.partition}:s3:::${local.trail_bucket}"]
    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [local.trail]
    }
  }
  statement {
    sid       = "Write"
    actions   = ["s3:PutObject"]
    resources = ["arn:${data.aws_partition.this.partition}:s3:::${local.trail_bucket}/AWSLogs/${var.common.account}/*"]
    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceArn"
      values   = [local.trail]
    }
  }
}

locals {
  trail_bucket = "${var.common.environment}-trail-${var.common.account}"
}

module "trail" {
  source = "../bucket"

  name               = local.trail_bucket
  key                = var.common.data_key
  force_destroy      = !var.protect
  transitions        = [{ days = 90, storage_class = "GLACIER" }]
  expires_after_days = 400
  policy             = data.aws_iam_policy_document.trail.json
}

resource "aws_cloudtrail" "lake" {
  #checkov:skip=CKV_AWS_252:nobody waits for a log file; alarms have a topic of their own
  #checkov:skip=CKV2_AWS_10:data events are looked up when somebody asks; in CloudWatch they would cost more than all else
  name                       = "${var.common.environment}-lake"
  s3_bucket_name             = module.trail.name
  kms_key_id                 = var.common.data_key
  is_multi_region_trail      = true
  enable_log_file_validation = true

  advanced_event_selector {
    name = "objects of RAW and GOLD"
    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }
    field_selector {
      field  = "resources.type"
      equals = ["AWS::S3::Object"]
    }
    field_selector {
      field       = "resources.ARN"
      starts_with = [for arn in values(var.bucket_arns) : "${arn}/"]
    }
  }

  depends_on = [module.trail] # a bucket whose policy does not let CloudTrail in yet is refused
}
