# A function from S3 with its role, version, alias, permission, bounds, destinations, and a queue that invokes it.

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "bard" {
  name               = "bard-${var.tag}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "queues" {
  role = aws_iam_role.bard.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["sqs:*", "logs:*"], Resource = "*" }]
  })
}

resource "aws_s3_bucket" "code" {
  bucket        = "code-${var.tag}"
  force_destroy = true
}

# One file, app.py: handler = lambda event, context: event
resource "aws_s3_object" "code" {
  bucket         = aws_s3_bucket.code.id
  key            = "app.zip"
  content_base64 = "UEsDBBQAAAAAAAAAIQD1rcowJwAAACcAAAAGAAAAYXBwLnB5aGFuZGxlciA9IGxhbWJkYSBldmVudCwgY29udGV4dDogZXZlbnQKUEsBAhQDFAAAAAAAAAAhAPWtyjAnAAAAJwAAAAYAAAAAAAAAAAAAAKSBAAAAAGFwcC5weVBLBQYAAAAAAQABADQAAABLAAAAAAA="
}

resource "aws_sqs_queue" "inbox" {
  name                       = "inbox-${var.tag}"
  visibility_timeout_seconds = 60
}

resource "aws_sqs_queue" "failed" {
  name = "failed-${var.tag}"
}

resource "aws_lambda_function" "recital" {
  function_name                  = "recital-${var.tag}"
  description                    = "Recites what it is told"
  role                           = aws_iam_role.bard.arn
  runtime                        = "python3.11"
  handler                        = "app.handler"
  s3_bucket                      = aws_s3_object.code.bucket
  s3_key                         = aws_s3_object.code.key
  timeout                        = 10
  memory_size                    = 256
  publish                        = true
  reserved_concurrent_executions = 5

  environment {
    variables = { HALL = "great" }
  }
  dead_letter_config {
    target_arn = aws_sqs_queue.failed.arn
  }
  tags = { college = "bards" }
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.recital.function_name
  function_version = aws_lambda_function.recital.version
}

resource "aws_lambda_permission" "bucket" {
  statement_id   = "bucket"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.recital.function_name
  qualifier      = aws_lambda_alias.live.name
  principal      = "s3.amazonaws.com"
  source_arn     = aws_s3_bucket.code.arn
  source_account = "000000000000"
}

resource "aws_lambda_function_event_invoke_config" "recital" {
  function_name                = aws_lambda_function.recital.function_name
  maximum_event_age_in_seconds = 600
  maximum_retry_attempts       = 1
  destination_config {
    on_failure {
      destination = aws_sqs_queue.failed.arn
    }
  }
}

resource "aws_lambda_event_source_mapping" "inbox" {
  event_source_arn        = aws_sqs_queue.inbox.arn
  function_name           = aws_lambda_alias.live.arn
  batch_size              = 5
  function_response_types = ["ReportBatchItemFailures"]
  scaling_config {
    maximum_concurrency = 4
  }
  filter_criteria {
    filter {
      pattern = jsonencode({ body = { kind = ["recital"] } })
    }
  }
}

data "aws_lambda_invocation" "echo" {
  function_name = aws_lambda_function.recital.function_name
  input         = jsonencode({ verse = 1 })
}

output "echo" {
  value = data.aws_lambda_invocation.echo.result
}
