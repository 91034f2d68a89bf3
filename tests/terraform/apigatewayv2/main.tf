# An HTTP API with routes to a function and a host, stages, CORS, authorizers and access logs; one by quick create.

locals {
  function = "arn:aws:lambda:us-east-1:000000000000:function:songs-${var.tag}"
}

resource "aws_cloudwatch_log_group" "access" {
  name = "/api/songs-${var.tag}"
}

resource "aws_apigatewayv2_api" "songs" {
  name          = "songs-${var.tag}"
  protocol_type = "HTTP"
  description   = "the songs of the college"
  tags          = { college = "new-olamn" }

  cors_configuration {
    allow_origins = ["http://localhost:3000"]
    allow_methods = ["GET", "POST"]
    allow_headers = ["content-type"]
    max_age       = 300
  }
}

resource "aws_apigatewayv2_integration" "function" {
  api_id                 = aws_apigatewayv2_api.songs.id
  integration_type       = "AWS_PROXY"
  integration_method     = "POST"
  integration_uri        = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${local.function}/invocations"
  payload_format_version = "2.0"
  timeout_milliseconds   = 10000
}

resource "aws_apigatewayv2_authorizer" "door" {
  api_id                            = aws_apigatewayv2_api.songs.id
  name                              = "door"
  authorizer_type                   = "REQUEST"
  authorizer_uri                    = aws_apigatewayv2_integration.function.integration_uri
  authorizer_payload_format_version = "2.0"
  enable_simple_responses           = true
  identity_sources                  = ["$request.header.Authorization"]
}

resource "aws_apigatewayv2_route" "list" {
  api_id    = aws_apigatewayv2_api.songs.id
  route_key = "GET /songs"
  target    = "integrations/${aws_apigatewayv2_integration.function.id}"
}

resource "aws_apigatewayv2_route" "sing" {
  api_id             = aws_apigatewayv2_api.songs.id
  route_key          = "POST /songs/{id}"
  target             = "integrations/${aws_apigatewayv2_integration.function.id}"
  authorization_type = "CUSTOM"
  authorizer_id      = aws_apigatewayv2_authorizer.door.id
}

resource "aws_apigatewayv2_integration" "host" {
  api_id             = aws_apigatewayv2_api.songs.id
  integration_type   = "HTTP_PROXY"
  integration_method = "GET"
  integration_uri    = "http://127.0.0.1:9/{proxy}"
  request_parameters = { "append:header.x-song" = "$request.path.proxy" }

  response_parameters {
    status_code = "500"
    mappings    = { "overwrite:statuscode" = "404" }
  }
}

resource "aws_apigatewayv2_authorizer" "tokens" {
  api_id           = aws_apigatewayv2_api.songs.id
  name             = "tokens"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    audience = ["songs"]
    issuer   = "https://issuer.example"
  }
}

resource "aws_apigatewayv2_route" "elsewhere" {
  api_id               = aws_apigatewayv2_api.songs.id
  route_key            = "GET /elsewhere/{proxy+}"
  target               = "integrations/${aws_apigatewayv2_integration.host.id}"
  authorization_type   = "JWT"
  authorizer_id        = aws_apigatewayv2_authorizer.tokens.id
  authorization_scopes = ["listen"]
}

resource "aws_apigatewayv2_stage" "default" {
  api_id          = aws_apigatewayv2_api.songs.id
  name            = "$default"
  auto_deploy     = true
  stage_variables = { mode = "bright" }
  tags            = { stage = "default" }

  default_route_settings {
    throttling_burst_limit = 100
    throttling_rate_limit  = 50
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format          = "$context.requestId $context.status"
  }
}

resource "aws_apigatewayv2_deployment" "fixed" {
  api_id      = aws_apigatewayv2_api.songs.id
  description = "as it was"
  depends_on  = [aws_apigatewayv2_route.list, aws_apigatewayv2_route.sing, aws_apigatewayv2_route.elsewhere]
}

resource "aws_apigatewayv2_stage" "fixed" {
  api_id        = aws_apigatewayv2_api.songs.id
  name          = "fixed"
  deployment_id = aws_apigatewayv2_deployment.fixed.id
}

resource "aws_apigatewayv2_api" "quick" {
  name          = "quick-${var.tag}"
  protocol_type = "HTTP"
  target        = local.function
}

output "endpoint" {
  value = aws_apigatewayv2_api.songs.api_endpoint
}
