"""APIs that are created on ministack have AWS's addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from tests.deployment.ministack import Ministack
    from tests.deployment.stacks import Stacks

TEMPLATE = """
Resources:
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {Name: users, ProtocolType: HTTP}
Outputs:
  id: {Value: !Ref Api}
  endpoint: {Value: !GetAtt Api.ApiEndpoint}
"""


def test_an_api_of_the_gateway_has_the_address_that_aws_gives(ministack: Ministack) -> None:
    gateway = ministack.client("apigatewayv2")

    created = gateway.create_api(Name="users", ProtocolType="HTTP")
    found = gateway.get_api(ApiId=created["ApiId"])

    assert created["ApiEndpoint"] == f"https://{created['ApiId']}.execute-api.eu-central-1.amazonaws.com"
    assert found["ApiEndpoint"] == created["ApiEndpoint"]


def test_an_api_of_a_stack_has_it_too(ministack: Ministack, stacks: Stacks) -> None:
    name = f"api-{uuid4().hex[:8]}"

    stacks.create(name, TEMPLATE)

    outputs = stacks.outputs(name)
    found = ministack.client("apigatewayv2").get_api(ApiId=outputs["id"])
    assert outputs["endpoint"] == f"https://{outputs['id']}.execute-api.eu-central-1.amazonaws.com"
    assert found["ApiEndpoint"] == outputs["endpoint"]
