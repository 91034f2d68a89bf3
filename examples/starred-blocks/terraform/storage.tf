# The table, the queues and the bucket.

resource "aws_dynamodb_table" "college" {
  name         = var.name
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"

  dynamic "attribute" {
    for_each = ["pk", "sk", "kind", "at"]
    content {
      name = attribute.value
      type = "S"
    }
  }

  global_secondary_index {
    name            = "board"
    hash_key        = "kind"
    range_key       = "at"
    projection_type = "ALL"
  }
}

resource "aws_sqs_queue" "notices" {
  name = "${var.name}-notices"
}

resource "aws_sqs_queue" "dead_recitals" {
  name = "${var.name}-recitals-dead"
}

resource "aws_sqs_queue" "recitals" {
  name                       = "${var.name}-recitals"
  visibility_timeout_seconds = var.visibility_timeout
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_recitals.arn
    maxReceiveCount     = 3
  })
}

resource "aws_sqs_queue_policy" "recitals" {
  queue_url = aws_sqs_queue.recitals.id
  policy    = templatefile("${path.module}/../policies/queue.json", local.addresses)
}

resource "aws_s3_bucket" "recordings" {
  bucket        = "${var.name}-${local.account}"
  force_destroy = true
}

resource "aws_s3_bucket_policy" "recordings" {
  bucket     = aws_s3_bucket.recordings.id
  policy     = templatefile("${path.module}/../policies/bucket.json", local.addresses)
  depends_on = [aws_iam_role.function]
}

resource "aws_s3_bucket_notification" "recitals" {
  bucket     = aws_s3_bucket.recordings.id
  depends_on = [aws_sqs_queue_policy.recitals]

  queue {
    id            = "recitals"
    queue_arn     = aws_sqs_queue.recitals.arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "recitals/"
  }
}
