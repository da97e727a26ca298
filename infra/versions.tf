terraform {
  required_version = ">= 1.10.0, < 2.0.0" # the lock of the state lies in S3 from 1.10 on

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "= 5.100.0"
    }
  }

  # Where the state lies is given by `make aws-deploy`: bucket and region in envs/ENV.s3.tfbackend.
  backend "s3" {}
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      application = "atalaia"
      environment = var.environment
    }
  }
}
