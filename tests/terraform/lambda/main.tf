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
    Statement = [{ Effect = "Allow", Action = ["sqs:*", "logs:*", "dynamodb:*"], Resource = "*" }]
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

resource "aws_lambda_layer_version" "songs" {
  layer_name          = "songs-${var.tag}"
  s3_bucket           = aws_s3_object.code.bucket
  s3_key              = aws_s3_object.code.key
  compatible_runtimes = ["python3.11"]
}

resource "aws_lambda_layer_version_permission" "songs" {
  layer_name     = aws_lambda_layer_version.songs.layer_name
  version_number = aws_lambda_layer_version.songs.version
  statement_id   = "guests"
  action         = "lambda:GetLayerVersion"
  principal      = "123456789012"
}

resource "aws_lambda_code_signing_config" "guild" {
  allowed_publishers {
    signing_profile_version_arns = ["arn:aws:signer:us-east-1:000000000000:/signing-profiles/guild/1234567890"]
  }
  policies {
    untrusted_artifact_on_deployment = "Warn"
  }
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
  layers                         = [aws_lambda_layer_version.songs.arn]
  code_signing_config_arn        = aws_lambda_code_signing_config.guild.arn

  environment {
    variables = { HALL = "great" }
  }
  logging_config {
    log_format            = "JSON"
    application_log_level = "WARN"
    system_log_level      = "INFO"
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

resource "aws_lambda_function_url" "recital" {
  function_name      = aws_lambda_function.recital.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = "AWS_IAM"
  invoke_mode        = "RESPONSE_STREAM"
  cors {
    allow_origins = ["https://hall.example"]
    allow_methods = ["GET"]
    max_age       = 60
  }
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  function_name                     = aws_lambda_function.recital.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = 1
}

resource "aws_lambda_function_recursion_config" "recital" {
  function_name  = aws_lambda_function.recital.function_name
  recursive_loop = "Allow"
}

resource "aws_lambda_runtime_management_config" "recital" {
  function_name     = aws_lambda_function.recital.function_name
  update_runtime_on = "FunctionUpdate"
}

resource "aws_dynamodb_table" "songs" {
  name             = "songs-${var.tag}"
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "title"
  stream_enabled   = true
  stream_view_type = "NEW_IMAGE"
  attribute {
    name = "title"
    type = "S"
  }
}

resource "aws_lambda_event_source_mapping" "songs" {
  event_source_arn                   = aws_dynamodb_table.songs.stream_arn
  function_name                      = aws_lambda_alias.live.arn
  starting_position                  = "LATEST"
  bisect_batch_on_function_error     = true
  maximum_retry_attempts             = 2
  maximum_record_age_in_seconds      = 3600
  parallelization_factor             = 2
  maximum_batching_window_in_seconds = 1
  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.failed.arn
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
