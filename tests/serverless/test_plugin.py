"""`osls package` with the plugin makes templates that register what the service has, and that AWS's linter accepts."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.serverless.osls import EXAMPLE, package
from tests.serverless.services import CREATE, HTTP_API, REST_API, findings, rest_api, service

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serverless.osls import Packaged

REGISTRAR = {"Fn::ImportValue": "cloudmap-discovery-registrar"}
HTTP_API_URL = {"Fn::Sub": "https://${HttpApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "users"


def without_times(value: Any) -> Any:
    """Return the template without what is another one each time: the folder of the code, a REST API's deployment."""
    if isinstance(value, dict):
        return {without_times(key): without_times(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_times(inner) for inner in value]
    if isinstance(value, str):
        return re.sub(r"\d{13}-[\d:.TZ-]+|(?<=ApiGatewayDeployment)\d+", "", value)
    return value


def types_awaited(packaged: Packaged, record: str) -> list[str]:
    return [packaged.resources[name]["Type"] for name in packaged.registered[record].get("DependsOn", [])]


def url_of(resource: str) -> dict[str, Any]:
    """Return the function's URL without the slash at its end."""
    parts = {"Fn::Split": ["/", {"Fn::GetAtt": [resource, "FunctionUrl"]}]}
    return {"Fn::Join": ["//", [{"Fn::Select": [0, parts]}, {"Fn::Select": [2, parts]}]]}


def test_the_example_registers_its_api_and_its_function(example: Packaged) -> None:
    assert example.registered == {
        "DiscoveryServiceEndpoint": {
            "Type": "Custom::ServiceEndpoint",
            "DependsOn": ["HttpApiRouteGetUsersIdVar", "HttpApiStage", "ShowLambdaPermissionHttpApi"],
            "Properties": {
                "ServiceToken": REGISTRAR,
                "Service": "users",
                "Stage": "dev",
                "Version": "1.2.0",
                "Endpoint": HTTP_API_URL,
            },
        },
        "CreateDiscoveryServiceEndpoint": {
            "Type": "Custom::ServiceEndpoint",
            "Properties": {
                "ServiceToken": REGISTRAR,
                "Service": "users-create",
                "Stage": "dev",
                "Version": "1.2.0",
                "Endpoint": {"Fn::GetAtt": ["CreateLambdaFunction", "Arn"]},
            },
        },
    }


def test_the_example_says_what_it_registers(example: Packaged) -> None:
    assert "Registers users (stage dev, version 1.2.0): HTTP API" in example.output
    assert "Registers users-create (stage dev, version 1.2.0): function create" in example.output


def test_the_examples_functions_know_their_stage(example: Packaged) -> None:
    functions = [one for one in example.resources.values() if one["Type"] == "AWS::Lambda::Function"]

    variables = [function["Properties"]["Environment"]["Variables"] for function in functions]

    assert variables == [{"DISCOVERY_STAGE": "dev"}] * 2


def test_the_archive_is_what_the_template_deploys(example: Packaged) -> None:
    with zipfile.ZipFile(example.archive) as archive:
        assert archive.read("users.py") == (EXAMPLE / "users.py").read_bytes()
    assert example.archive_key.endswith(f"/{example.archive.name}")


def test_cfn_lint_accepts_the_templates(
    example: Packaged, all_kinds: Packaged, with_rest_api: Packaged
) -> None:
    assert findings(example.template) == []
    assert findings(all_kinds.template) == []
    assert findings(with_rest_api.template) == []


def test_cfn_lint_finds_a_record_of_something_that_is_not_there(example: Packaged) -> None:
    template = example.template
    record = template["Resources"]["CreateDiscoveryServiceEndpoint"]
    record["Properties"]["Endpoint"] = {"Fn::GetAtt": ["Nothing", "Arn"]}

    assert [finding for finding in findings(template) if "Nothing" in finding]


def test_the_plugin_adds_its_records_to_the_template_and_changes_nothing(tmp_path: Path) -> None:
    functions = {"create": CREATE, "show": HTTP_API}
    discovery = {"environment": False, "functions": {"create": True}}

    with_it = package(tmp_path / "with", service(discovery, functions=functions))
    without = package(tmp_path / "without", service(functions=functions, plugins=[]))

    template = with_it.template
    assert len([template["Resources"].pop(name) for name in with_it.registered]) == 2
    assert without_times(template) == without_times(without.template)


def test_one_line_in_plugins_is_enough(folder: Path) -> None:
    packaged = package(folder, service(functions={"show": HTTP_API}), "--stage", "pr-123")

    (record,) = packaged.registered.values()
    assert record["Properties"] == {
        "ServiceToken": REGISTRAR,
        "Service": "users",
        "Stage": "pr-123",
        "Endpoint": HTTP_API_URL,
    }


def test_records_are_the_same_resources_from_one_deployment_to_the_next(
    folder: Path, with_rest_api: Packaged
) -> None:
    again = package(folder, rest_api())

    assert again.archive_key != with_rest_api.archive_key
    assert without_times(again.registered) == without_times(with_rest_api.registered)
    assert again.registered.keys() == {"DiscoveryServiceEndpoint", "CreateDiscoveryServiceEndpoint"}


def test_a_rest_api_is_registered_with_its_stage_when_it_is_deployed(with_rest_api: Packaged) -> None:
    record = with_rest_api.registered["DiscoveryServiceEndpoint"]

    assert record["Properties"]["Endpoint"] == {
        "Fn::Sub": "https://${ApiGatewayRestApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/v1"
    }
    assert types_awaited(with_rest_api, "DiscoveryServiceEndpoint") == [
        "AWS::ApiGateway::Deployment",
        "AWS::Lambda::Permission",
    ]


@pytest.mark.parametrize(
    ("provider", "function", "endpoint"),
    [
        (
            {"httpApi": {"id": {"Fn::ImportValue": "shared-api"}}},
            HTTP_API,
            {
                "Fn::Sub": [
                    "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}",
                    {"Api": {"Fn::ImportValue": "shared-api"}},
                ]
            },
        ),
        (
            {"apiGateway": {"restApiId": "abc123", "restApiRootResourceId": "root"}},
            REST_API,
            {"Fn::Sub": "https://abc123.execute-api.${AWS::Region}.${AWS::URLSuffix}/dev"},
        ),
    ],
    ids=["http api", "rest api"],
)
def test_an_api_of_another_stack_is_registered(
    folder: Path, provider: dict[str, Any], function: dict[str, Any], endpoint: dict[str, Any]
) -> None:
    packaged = package(folder, service({}, functions={"show": function}, provider=provider))

    (record,) = packaged.registered.values()
    assert record["Properties"]["Endpoint"] == endpoint
    assert record["DependsOn"]
    assert findings(packaged.template) == []


def test_an_open_url_of_a_function_is_registered_once_callers_are_let_in(all_kinds: Packaged) -> None:
    record = all_kinds.registered["OpenDiscoveryServiceEndpoint"]

    assert record["Properties"]["Endpoint"] == url_of("OpenLambdaFunctionUrl")
    assert "Attributes" not in record["Properties"]
    assert types_awaited(all_kinds, "OpenDiscoveryServiceEndpoint") == ["AWS::Lambda::Permission"] * 2


def test_a_url_that_wants_signed_requests_says_so(all_kinds: Packaged) -> None:
    record = all_kinds.registered["SignedDiscoveryServiceEndpoint"]

    assert record["Properties"]["Endpoint"] == url_of("SignedLambdaFunctionUrl")
    assert record["Properties"]["Attributes"] == {"auth": "iam", "color": "blue"}


def test_aliases_of_the_framework_and_of_the_services_own_resources_are_registered(
    all_kinds: Packaged,
) -> None:
    records = all_kinds.registered

    assert records["WarmDiscoveryServiceEndpoint"]["Properties"]["Endpoint"] == {
        "Ref": "WarmProvConcLambdaAlias"
    }
    assert records["LiveDiscoveryServiceEndpoint"]["Properties"]["Endpoint"] == {"Ref": "Live"}


def test_a_domain_of_ones_own_is_registered_once_it_leads_to_the_api(all_kinds: Packaged) -> None:
    record = all_kinds.registered["DiscoveryServiceEndpoint"]

    assert record["Properties"]["Endpoint"] == "https://users.example.com"
    assert {"Mapping", "HttpApiStage"} <= set(record["DependsOn"])


def test_a_function_that_may_not_be_there_is_registered_under_its_condition(all_kinds: Packaged) -> None:
    conditions = {name: record.get("Condition") for name, record in all_kinds.registered.items()}

    assert conditions.pop("EuropeanDiscoveryServiceEndpoint") == "IsEurope"
    assert set(conditions.values()) == {None}


def test_what_is_said_at_the_top_holds_for_all_records(all_kinds: Packaged) -> None:
    records = [record["Properties"] for record in all_kinds.registered.values()]

    assert len(records) == 6
    for record in records:
        assert record["ServiceToken"] == "{{resolve:ssm:/cloudmap-discovery/registrar}}"
        assert record["Dependencies"] == ["payments@^1.2"]
        assert record["Weight"] == 10


def test_the_layer_is_attached_and_the_stage_that_the_user_has_set_stays(all_kinds: Packaged) -> None:
    functions = {
        name: resource["Properties"]
        for name, resource in all_kinds.resources.items()
        if resource["Type"] == "AWS::Lambda::Function"
    }

    layer = {"Fn::Join": ["", ["{{resolve:ssm:/cloudmap-discovery/layer}}"]]}
    stages = {name: one["Environment"]["Variables"]["DISCOVERY_STAGE"] for name, one in functions.items()}
    assert [one["Layers"] for one in functions.values()] == [[layer]] * 6
    assert stages.pop("LiveLambdaFunction") == "pr-1>dev"
    assert set(stages.values()) == {"dev"}


def test_a_service_with_nothing_to_register_is_packaged_with_a_warning(folder: Path) -> None:
    packaged = package(folder, service(functions={"create": CREATE}))

    assert packaged.registered == {}
    assert "Nothing is registered" in packaged.output
