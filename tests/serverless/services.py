"""Services of the Serverless Framework for the tests, and what AWS's linter says of their templates."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

CREATE: Final = {"handler": "users.create"}
HTTP_API: Final = {"handler": "users.show", "events": [{"httpApi": "GET /users/{id}"}]}
REST_API: Final = {"handler": "users.show", "events": [{"http": "GET /users/{id}"}]}


def service(
    discovery: Any = None,
    *,
    functions: Mapping[str, Any],
    provider: Mapping[str, Any] | None = None,
    **others: Any,
) -> str:
    """Return the serverless.yml of a service `users`; JSON is YAML."""
    configuration = {
        "service": "users",
        "plugins": ["serverless-cloudmap-discovery"],
        "provider": {
            "name": "aws",
            "region": "eu-central-1",
            "runtime": "python3.13",
            **(provider or {}),
        },
        "functions": functions,
        "package": {"patterns": ["!**", "users.py"]},
        **others,
    }
    if discovery is not None:
        configuration["custom"] = {"discovery": discovery}
    return json.dumps(configuration)


def findings(template: Mapping[str, Any]) -> list[str]:
    """Return what cfn-lint finds: of our records everything, of the rest, which the framework wrote, the errors."""
    # Here, since it takes seconds to import, and few of those that collect this run it.
    from cfnlint.api import lint  # type: ignore[import-untyped]  # noqa: PLC0415 -- see above; it ships no types

    ours = {
        name
        for name, resource in template["Resources"].items()
        if resource["Type"] == "Custom::ServiceEndpoint"
    }
    return [
        str(one)
        for one in lint(json.dumps(template))
        if one.rule.severity == "error" or ours & set(one.path or ())
    ]


def rest_api() -> str:
    """Return a service behind a REST API of another stage than its own."""
    return service(
        {"functions": {"create": True}},
        functions={"create": CREATE, "show": REST_API},
        provider={"apiGateway": {"stage": "v1"}},
    )


def everything() -> str:
    """Return a service with every kind of endpoint, under a domain of its own."""
    discovery = {
        "registrar": "{{resolve:ssm:/cloudmap-discovery/registrar}}",
        "layer": True,
        "dependencies": ["payments@^1.2"],
        "weight": 10,
        "http": "https://users.example.com",
        "functions": {
            "open": {"endpoint": "function-url"},
            "signed": {"endpoint": "function-url", "attributes": {"color": "blue"}},
            "warm": {"endpoint": "alias:provisioned"},
            "live": {"endpoint": "alias:live", "service": "users-live-v2"},
            "european": True,
        },
    }
    alias = {"FunctionName": {"Ref": "LiveLambdaFunction"}, "FunctionVersion": "1", "Name": "live"}
    mapping = {
        "ApiId": {"Ref": "HttpApi"},
        "DomainName": "users.example.com",
        "Stage": {"Ref": "HttpApiStage"},
    }
    return service(
        discovery,
        provider={"httpApi": {"disableDefaultEndpoint": True}},
        functions={
            "show": HTTP_API,
            "open": {**CREATE, "url": True},
            "signed": {**CREATE, "url": {"authorizer": "aws_iam"}},
            "warm": {**CREATE, "provisionedConcurrency": 1},
            "live": {**CREATE, "environment": {"DISCOVERY_STAGE": "pr-1>dev"}},
            "european": {**CREATE, "condition": "IsEurope"},
        },
        resources={
            "Conditions": {"IsEurope": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-central-1"]}},
            "Resources": {
                "Live": {"Type": "AWS::Lambda::Alias", "Properties": alias},
                "Mapping": {"Type": "AWS::ApiGatewayV2::ApiMapping", "Properties": mapping},
            },
        },
    )
