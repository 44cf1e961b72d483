"""What the examples register is what the registrar takes, and the same in every language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pytest

from cloudmap_discovery.registrar.permits import Permits
from cloudmap_discovery.registrar.properties import read_properties
from cloudmap_discovery.registrar.tags import PREFIX, Wish, read_tags
from layer.build import ROOT
from layer.stacks import DEFAULT_STACK
from layer.targets import SLIM
from layer.templates import read_template
from tests.layer.cdk import synthesized
from tests.project.hcl import Body, Reference, read_hcl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudmap_discovery.registrar.properties import ServiceEndpoint

EXAMPLES: Final = ROOT / "layer/examples"
LANGUAGES: Final = ("cloudformation", "cdk", "terraform")
RUNTIMES: Final = {runtime.lambda_name for runtime in SLIM.runtimes}
FUNCTION: Final = "arn:aws:lambda:eu-central-1:123456789012:function:invoices"
API: Final = "https://a1b2c3.execute-api.eu-central-1.amazonaws.com"
STAGE: Final = "Staging"
# What stands for a value that only AWS knows, in each of the languages.
KNOWN: Final = {
    "Stage": STAGE,
    "var.stage": STAGE,
    "aws_apigatewayv2_api.orders.api_endpoint": API,
    "true": "true",
}


def terraform() -> Body:
    return read_hcl((EXAMPLES / "main.tf").read_text())


def resources(language: str) -> dict[str, dict[str, Any]]:
    """Return the resources of an example as CloudFormation has them, as far as they are about registering."""
    if language == "cloudformation":
        found: dict[str, dict[str, Any]] = read_template(EXAMPLES / "cloudformation.yaml")["Resources"]
        return found
    if language == "cdk":
        of_stack: dict[str, dict[str, Any]] = synthesized(EXAMPLES / "cdk_app.py", "Orders")["Resources"]
        return of_stack
    blocks = terraform().blocks
    invoices = blocks["resource", "aws_lambda_function", "invoices"].attributes
    stack = blocks["resource", "aws_cloudformation_stack", "orders_endpoint"].attributes
    tags = [{"Key": key, "Value": value} for key, value in invoices["tags"].items()]
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {"Tags": tags, "Runtime": invoices["runtime"]},
    }
    made: dict[str, dict[str, Any]] = stack["template_body"]["Resources"]
    return {"Invoices": function, **made}


def properties(language: str, kind: str) -> list[dict[str, Any]]:
    return [
        {name: resolved(value) for name, value in one["Properties"].items()}
        for one in resources(language).values()
        if one["Type"] == kind
    ]


def resolved(value: Any) -> Any:
    """Return what CloudFormation or Terraform would make of a value; numbers and booleans are text then."""
    if isinstance(value, Reference):
        return KNOWN[value.name]
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::")):
        ((function, argument),) = value.items()
        return KNOWN.get(argument, argument) if function in {"Ref", "Fn::ImportValue"} else API
    if isinstance(value, dict):
        return {key: resolved(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolved(inner) for inner in value]
    return str(value).lower() if isinstance(value, bool) else value


def registered(language: str) -> ServiceEndpoint:
    (found,) = properties(language, "Custom::ServiceEndpoint")
    return read_properties(found, default_stage=None)


def tagged(language: str) -> Wish:
    (tags,) = [
        {tag["Key"]: tag["Value"] for tag in one["Tags"]}
        for one in properties(language, "AWS::Lambda::Function")
        if any(tag["Key"].startswith(PREFIX) for tag in one.get("Tags", []))
    ]
    wish = read_tags(FUNCTION, tags, Permits(), default_stage=None)
    assert isinstance(wish, Wish), wish
    return wish


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_resource_is_one_that_the_registrar_takes(language: str) -> None:
    record = registered(language)

    assert (record.identity.service, record.identity.stage, record.endpoint) == ("orders", STAGE, API)
    assert record.verify


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_tags_are_such_that_the_registrar_takes(language: str) -> None:
    wish = tagged(language)

    assert (wish.identity.service, wish.identity.stage, wish.endpoint) == ("invoices", STAGE, "arn")


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_language_registers_the_same(language: str) -> None:
    assert registered(language) == registered(LANGUAGES[0])
    assert tagged(language) == tagged(LANGUAGES[0])


@pytest.mark.parametrize("language", LANGUAGES)
def test_functions_run_on_what_the_layer_is_for(language: str) -> None:
    runtimes = {one["Runtime"] for one in properties(language, "AWS::Lambda::Function")}

    assert runtimes
    assert runtimes <= RUNTIMES


@pytest.mark.parametrize("name", ["cloudformation.yaml", "cdk_app.py", "main.tf"])
def test_what_an_example_takes_from_the_registrars_stack_is_put_out_by_it(name: str) -> None:
    text, outputs = (EXAMPLES / name).read_text(), read_template()["Outputs"]
    exports = {
        one["Export"]["Name"]["Fn::Sub"].replace("${AWS::StackName}", DEFAULT_STACK)
        for one in outputs.values()
        if "Export" in one
    }

    imported = set(re.findall(rf'(?:!ImportValue |import_value\("){DEFAULT_STACK}-(\w+)', text))
    looked_up = set(re.findall(rf"resolve:ssm:/{DEFAULT_STACK}/(\w+)", text))

    assert imported | looked_up >= {"registrar"}
    assert {f"{DEFAULT_STACK}-{one}" for one in imported} <= exports
    assert looked_up <= {one.lower() for one in outputs}


def test_the_address_is_registered_after_all_that_it_needs() -> None:
    stack = terraform().blocks["resource", "aws_cloudformation_stack", "orders_endpoint"].attributes

    assert resources("cloudformation")["OrdersEndpoint"]["DependsOn"] == [
        "OrdersStage",
        "OrdersRoute",
        "OrdersPermission",
    ]
    assert {one.name.split(".")[0] for one in stack["depends_on"]} == {
        "aws_apigatewayv2_stage",
        "aws_apigatewayv2_route",
        "aws_lambda_permission",
    }
    kinds = {resources("cdk")[one]["Type"] for one in resources("cdk")["OrdersEndpoint"]["DependsOn"]}
    assert {"AWS::ApiGatewayV2::Stage", "AWS::ApiGatewayV2::Route", "AWS::Lambda::Permission"} <= kinds


def test_terraform_refers_only_to_what_it_defines() -> None:
    file = terraform()
    defined = {".".join(names[1:] if names[0] == "resource" else names) for names in file.blocks}

    def references(value: Any) -> Iterator[str]:
        if isinstance(value, Reference):
            yield value.name
        elif isinstance(value, str):
            yield from re.findall(r"\$\{([a-z0-9_.]+)\}", value)
        elif isinstance(value, dict | list):
            for inner in value.values() if isinstance(value, dict) else value:
                yield from references(inner)

    used = {name for body in file.blocks.values() for name in references(body.attributes) if "." in name}

    assert used
    assert {
        name
        for name in used
        if not any(f"{name}.".startswith(f"{one.replace('variable.', 'var.')}.") for one in defined)
    } == set()
