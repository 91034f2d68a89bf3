output "api" {
  description = "The address of the HTTP API."
  value       = aws_apigatewayv2_api.college.api_endpoint
}

output "bucket" {
  description = "Where recordings and renditions lie."
  value       = aws_s3_bucket.recordings.bucket
}

output "notices" {
  description = "The queue that tells of every rendition."
  value       = aws_sqs_queue.notices.url
}
