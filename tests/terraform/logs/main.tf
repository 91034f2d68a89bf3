# Groups with retention and tags, and a stream.

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

data "aws_cloudwatch_log_groups" "found" {
  log_group_name_prefix = aws_cloudwatch_log_group.recitals.name
}

output "found" {
  value = data.aws_cloudwatch_log_groups.found.arns
}
