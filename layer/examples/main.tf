# Two services of a team: a function that registers with tags, and an HTTP API that registers through a small stack.

variable "stage" {
  type    = string
  default = "Staging"
}

# The function "invoices": tags are all it takes.
resource "aws_lambda_function" "invoices" {
  function_name = "invoices"
  runtime       = "python3.13"
  architectures = ["arm64"]
  filename      = "invoices.zip"
  handler       = "invoices.handler"
  role          = aws_iam_role.functions.arn

  tags = {
    "discovery:service" = "invoices"
    "discovery:stage"   = var.stage
    "discovery:version" = "2.0.1"
  }
}

# The HTTP API "orders": what is no function is registered by the resource that templates use, in a stack that holds nothing else.
resource "aws_cloudformation_stack" "orders_endpoint" {
  name       = "orders-endpoint"
  depends_on = [aws_apigatewayv2_stage.orders, aws_apigatewayv2_route.orders, aws_lambda_permission.orders]

  template_body = jsonencode({
    Resources = {
      OrdersEndpoint = {
        Type = "Custom::ServiceEndpoint"
        Properties = {
          ServiceToken = "{{resolve:ssm:/cloudmap-discovery/registrar}}"
          Service      = "orders"
          Stage        = var.stage
          Version      = "1.4.0"
          Endpoint     = aws_apigatewayv2_api.orders.api_endpoint
          Dependencies = ["invoices"]
          Verify       = true
        }
      }
    }
  })
}

resource "aws_apigatewayv2_api" "orders" {
  name          = "orders"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_stage" "orders" {
  api_id      = aws_apigatewayv2_api.orders.id
  name        = "$default"
  auto_deploy = true
}

resource "aws_apigatewayv2_route" "orders" {
  api_id    = aws_apigatewayv2_api.orders.id
  route_key = "GET /orders/{id}"
  target    = "integrations/${aws_apigatewayv2_integration.orders.id}"
}

resource "aws_apigatewayv2_integration" "orders" {
  api_id                 = aws_apigatewayv2_api.orders.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.orders.invoke_arn
  payload_format_version = "2.0"
}

resource "aws_lambda_permission" "orders" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.orders.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.orders.execution_arn}/*"
}

resource "aws_lambda_function" "orders" {
  function_name = "orders"
  runtime       = "python3.13"
  architectures = ["arm64"]
  filename      = "orders.zip"
  handler       = "orders.handler"
  role          = aws_iam_role.functions.arn
}

resource "aws_iam_role" "functions" {
  name = "functions"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}
