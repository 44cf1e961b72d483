"""Two services of a team: an HTTP API that registers with Custom::ServiceEndpoint, and a function that registers with tags."""

from aws_cdk import App, CustomResource, Fn, Stack, Tags
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration

app = App()
stack = Stack(app, "Orders")
stage = app.node.try_get_context("stage") or "Staging"


def function(name: str) -> lambda_.Function:
    """Add a function to the stack."""
    return lambda_.Function(
        stack,
        name,
        runtime=lambda_.Runtime.PYTHON_3_13,
        architecture=lambda_.Architecture.ARM_64,
        handler="index.handler",
        code=lambda_.Code.from_inline("def handler(event, context):\n    return {}\n"),
    )


# The HTTP API "orders": registered once it answers, and removed before it stops.
api = apigateway.HttpApi(stack, "OrdersApi")
api.add_routes(
    path="/orders/{id}",
    methods=[apigateway.HttpMethod.GET],
    integration=HttpLambdaIntegration("Orders", function("OrdersFunction")),
)
endpoint = CustomResource(
    stack,
    "OrdersEndpoint",
    resource_type="Custom::ServiceEndpoint",
    service_token=Fn.import_value("cloudmap-discovery-registrar"),
    properties={
        "Service": "orders",
        "Stage": stage,
        "Version": "1.4.0",
        "Endpoint": api.api_endpoint,
        "Dependencies": ["invoices"],
        "Verify": True,
    },
)
endpoint.node.add_dependency(api)

# The function "invoices": tags are all it takes.
invoices = function("InvoicesFunction")
for tag, value in {"service": "invoices", "stage": stage, "version": "2.0.1"}.items():
    Tags.of(invoices).add(f"discovery:{tag}", value, include_resource_types=["AWS::Lambda::Function"])

app.synth()
