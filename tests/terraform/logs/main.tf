# Groups with retention and tags, a stream, a metric filter, a resource policy.

resource "aws_cloudwatch_log_group" "recitals" {
  name              = "/bards/recitals-${var.tag}"
  retention_in_days = 7
  tags              = { college = "new-olamn" }
}

resource "aws_cloudwatch_log_group" "kept" {
  name_prefix     = "/bards/kept-"
  log_group_class = "INFREQUENT_ACCESS"
}

resource "aws_cloudwatch_log_stream" "first" {
  name           = "first"
  log_group_name = aws_cloudwatch_log_group.recitals.name
}

resource "aws_cloudwatch_log_metric_filter" "errors" {
  name           = "errors"
  log_group_name = aws_cloudwatch_log_group.recitals.name
  pattern        = "{ $.level = \"ERROR\" }"

  metric_transformation {
    name       = "errors"
    namespace  = "bards"
    value      = "$.count"
    dimensions = { instrument = "$.instrument" }
  }
}

resource "aws_cloudwatch_log_resource_policy" "dns" {
  policy_name = "dns-${var.tag}"
  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "route53.amazonaws.com" }
      Action    = "logs:PutLogEvents"
      Resource  = "${aws_cloudwatch_log_group.recitals.arn}:*"
    }]
  })
}

data "aws_cloudwatch_log_groups" "found" {
  log_group_name_prefix = aws_cloudwatch_log_group.recitals.name
}

output "found" {
  value = data.aws_cloudwatch_log_groups.found.arns
}
