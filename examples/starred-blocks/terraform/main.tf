# The same application as deploy.py deploys. The provider finds endpoint and credentials in the environment;
# the packages, and a file of variables about them, are built by ../package.py.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region                  = var.region
  s3_use_path_style       = var.s3_use_path_style
  skip_metadata_api_check = true
}

data "aws_caller_identity" "here" {}

locals {
  account = data.aws_caller_identity.here.account_id

  functions = {
    enrol = {
      package     = "python"
      environment = { TABLE = aws_dynamodb_table.college.name, BUCKET = aws_s3_bucket.recordings.bucket }
      routes      = ["POST /students", "POST /students/{student}/recordings"]
    }
    board = {
      package     = "python"
      environment = { TABLE = aws_dynamodb_table.college.name }
      routes      = ["GET /students/{student}", "GET /board"]
    }
    render = {
      package     = "node"
      environment = { TABLE = aws_dynamodb_table.college.name, NOTICES_URL = aws_sqs_queue.notices.url }
      routes      = []
    }
  }

  routes = merge([
    for name, function in local.functions : { for route in function.routes : route => name }
  ]...)

  timeout_seconds = 10

  addresses = {
    account         = local.account
    table_arn       = aws_dynamodb_table.college.arn
    bucket_arn      = aws_s3_bucket.recordings.arn
    recitals_arn    = aws_sqs_queue.recitals.arn
    notices_arn     = aws_sqs_queue.notices.arn
    render_role_arn = "arn:aws:iam::${local.account}:role/${var.name}-render"
  }
}
