# The functions, each with a role and a log group of its own, and what feeds the renderer.

resource "aws_cloudwatch_log_group" "function" {
  for_each          = local.functions
  name              = "/aws/lambda/${var.name}-${each.key}"
  retention_in_days = 7
}

resource "aws_iam_role" "function" {
  for_each           = local.functions
  name               = "${var.name}-${each.key}"
  assume_role_policy = file("${path.module}/../policies/trust.json")
}

resource "aws_iam_role_policy" "needs" {
  for_each = local.functions
  name     = "needs"
  role     = aws_iam_role.function[each.key].id
  policy = templatefile("${path.module}/../policies/${each.key}.json", merge(local.addresses, {
    log_group_arn = aws_cloudwatch_log_group.function[each.key].arn
  }))
}

resource "aws_lambda_function" "function" {
  for_each         = local.functions
  function_name    = "${var.name}-${each.key}"
  role             = aws_iam_role.function[each.key].arn
  runtime          = var.runtimes[each.value.package]
  handler          = "${each.key}.handler"
  filename         = "${var.packages}/${each.value.package}.zip"
  source_code_hash = filebase64sha256("${var.packages}/${each.value.package}.zip")
  timeout          = local.timeout_seconds
  memory_size      = 256
  depends_on       = [aws_iam_role_policy.needs]

  environment {
    variables = each.value.environment
  }
}

resource "aws_lambda_event_source_mapping" "recitals" {
  event_source_arn        = aws_sqs_queue.recitals.arn
  function_name           = aws_lambda_function.function["render"].arn
  batch_size              = 5
  function_response_types = ["ReportBatchItemFailures"]
}
