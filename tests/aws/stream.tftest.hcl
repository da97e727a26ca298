# A stream in a table, with AWS itself made up: `terraform test`, by tests/aws/test_infra.py.
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012", arn = "arn:aws:iam::123456789012:root" }
  }
  mock_data "aws_iam_session_context" {
    defaults = { issuer_arn = "arn:aws:iam::123456789012:role/deployer" }
  }
  mock_data "aws_availability_zones" {
    defaults = { names = ["sa-east-1a", "sa-east-1b"] }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { name = "sa-east-1" }
  }
}

run "table" {
  command = plan

  variables {
    stream = "table"
  }

  assert {
    condition = (
      join(" ", module.ingest.stream.append.actions) == "dynamodb:PutItem"
      && module.ingest.stream.patience_s == 86400
    )
    error_message = "Nothing of Kinesis is left, and nothing waits for longer than changes are kept."
  }

  assert {
    condition     = join(" ", module.ingest.stream.filters) == jsonencode({ eventName = ["INSERT"] })
    error_message = "Rows that go are no news."
  }
}

run "nobody_listens" {
  command = plan

  variables {
    listen_image = ""
  }

  assert {
    condition     = length(module.listen) == 0 && length(output.secrets) > 0
    error_message = "Without an image there is no task, no network and no log of one."
  }
}

run "an_image_has_a_digest" {
  command = plan

  variables {
    listen_image = "123456789012.dkr.ecr.sa-east-1.amazonaws.com/atalaia:latest"
  }

  expect_failures = [var.listen_image]
}

run "several_lanes" {
  command = plan

  variables {
    stream = "table"
    lanes  = 2
  }

  expect_failures = [var.stream]
}
