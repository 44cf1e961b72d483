"""What the template serves over HTTP: nothing unless asked for, and then no more than that, with the rights for no more."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from cloudmap_discovery.settings import SURFACES, definitions
from layer.build_server import SERVER as PACKAGE
from layer.stacks import LONGEST_NAME
from layer.templates import TEMPLATE, artifacts, read_template
from tests.layer.test_template_checks import sam, translated

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["sam"]

PARSED: Final = read_template()
PARAMETERS: Final[dict[str, Any]] = PARSED["Parameters"]
RESOURCES: Final[dict[str, Any]] = PARSED["Resources"]
FUNCTIONS: Final = ("PublicManifest", "Server")
LONGEST_FUNCTION_NAME: Final = 64


def properties(name: str) -> dict[str, Any]:
    found: dict[str, Any] = RESOURCES[name]["Properties"]
    return found


def variables(name: str) -> dict[str, Any]:
    found: dict[str, Any] = properties(name)["Environment"]["Variables"]
    return found


def statements(role: str, *, when: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield what a role always allows, or what it allows only with a condition."""
    for policy in properties(role)["Policies"]:
        condition, given = None, policy
        if "Fn::If" in policy:
            condition, given, otherwise = policy["Fn::If"]
            assert otherwise == {"Ref": "AWS::NoValue"}
        if condition == when:
            yield from given["PolicyDocument"]["Statement"]


def actions(role: str, *, when: str | None = None) -> set[str]:
    given = (one["Action"] for one in statements(role, when=when))
    return {action for some in given for action in ([some] if isinstance(some, str) else some)}


@pytest.mark.parametrize(
    ("function", "condition", "parameter"),
    [("PublicManifest", "ServesManifest", "ServePublicManifest"), ("Server", "HasServer", "ServerSurfaces")],
)
def test_nothing_is_served_unless_it_is_asked_for(function: str, condition: str, parameter: str) -> None:
    parts = {name for name in RESOURCES if RESOURCES[name].get("Condition") == condition}

    assert parts == {function, f"{function}Role", f"{function}Log"}
    assert PARAMETERS[parameter]["Default"] in {"false", ""}
    assert parameter in json.dumps(PARSED["Conditions"][condition])
    for name in ("AllowCatalogWrites", "RouterTargets"):
        assert PARAMETERS[name]["Default"] in {"false", ""}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_it_is_the_package_that_make_build_builds_with_time_and_name_that_lambda_takes(function: str) -> None:
    given = properties(function)
    module, _, name = given["Handler"].rpartition(".")

    assert given["CodeUri"] == f"../dist/{PACKAGE.zip_name}"
    assert find_spec(module) is not None
    assert name == "handler"
    assert given["Runtime"] == properties("Registrar")["Runtime"]
    assert given["Timeout"] == 30
    suffix = given["FunctionName"]["Fn::Sub"].removeprefix("${AWS::StackName}")
    assert LONGEST_NAME + len(suffix) <= LONGEST_FUNCTION_NAME
    assert (
        properties(f"{function}Log")["LogGroupName"]["Fn::Sub"] == f"/aws/lambda/${{AWS::StackName}}{suffix}"
    )


def test_two_functions_of_one_package_are_one_file_to_send(tmp_path: Path) -> None:
    files = {
        Path(one["Properties"][key]).name
        for one in RESOURCES.values()
        for key in ("CodeUri", "ContentUri")
        if key in one.get("Properties", {})
    }
    (tmp_path / "dist").mkdir()
    for name in files:
        (tmp_path / "dist" / name).touch()

    assert [path.name for path in artifacts(PARSED, tmp_path / "layer")] == sorted(files)


def test_router_and_lambda_time_go_together() -> None:
    (setting,) = (one for one in definitions() if one.name == "router_timeout")

    assert setting.default < properties("Server")["Timeout"]


@pytest.mark.parametrize(
    ("function", "variable"), [(name, one) for name in FUNCTIONS for one in variables(name)]
)
def test_a_variable_is_a_setting_that_takes_the_default_of_the_parameter(
    function: str, variable: str
) -> None:
    setting = {each.variable: each for each in definitions()}[variable]
    given = variables(function)[variable]
    text = str(given if isinstance(given, str) else PARAMETERS.get(given["Ref"], {}).get("Default", "bucket"))

    value = setting.read(text) if text else setting.default  # an empty variable counts as unset

    own = {"DISCOVERY_BUCKET", "DISCOVERY_MIRRORS", "DISCOVERY_SOURCES", "DISCOVERY_SURFACES"}
    assert value == setting.default or variable in own


@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        (
            "ServerSurfaces",
            ["", "page", "catalog,page", ",".join(SURFACES)],
            ["all", "page,", "page, catalog", ",", "Page"],
        ),
        (
            "CorsOrigins",
            ["", "*", "https://app.example.com", "http://localhost:3000,https://a.b"],
            [
                "app.example.com",
                "*,https://a.b",
                "https://A.b",
                "https://a.b/",
                "https://a.b, https://c.d",
                "https://a:b:c",
            ],
        ),
        (
            "RouterTargets",
            [
                "",
                "arn:aws:lambda:eu-central-1:123456789012:function:shop-*",
                "arn:aws-cn:execute-api:*:123456789012:a1b2c3/*",
            ],
            ["*", "shop-*", "arn:aws:iam::123456789012:role/x", "arn:aws:lambda:*:*:layer:x"],
        ),
    ],
)
def test_a_parameter_takes_what_it_says(parameter: str, good: list[str], bad: list[str]) -> None:
    pattern = PARAMETERS[parameter]["AllowedPattern"]

    assert [text for text in good if not re.fullmatch(pattern, text)] == []
    assert [text for text in bad if re.fullmatch(pattern, text)] == []


def test_what_is_for_everybody_is_the_manifest_and_reads_the_snapshot_alone() -> None:
    given = variables("PublicManifest")
    (reading,) = (one for one in statements("PublicManifestRole") if one["Action"] == "s3:GetObject")

    assert properties("PublicManifest")["FunctionUrlConfig"] == {"AuthType": "NONE"}
    assert (given["DISCOVERY_SURFACES"], given["DISCOVERY_SOURCES"]) == ("manifest", "s3")
    assert "DISCOVERY_ALLOW_WRITES" not in given
    assert actions("PublicManifestRole") == {"s3:GetObject", "logs:CreateLogStream", "logs:PutLogEvents"}
    assert reading["Resource"]["Fn::Sub"].endswith("/cloudmap-discovery/${Namespace}.json")


def test_everything_else_is_for_those_whom_iam_lets_in() -> None:
    open_to_all = {
        name
        for name, one in RESOURCES.items()
        if one.get("Properties", {}).get("FunctionUrlConfig", {}).get("AuthType") != "AWS_IAM"
        and "FunctionUrlConfig" in one.get("Properties", {})
    }

    assert properties("Server")["FunctionUrlConfig"] == {"AuthType": "AWS_IAM"}
    assert open_to_all == {"PublicManifest"}
    assert [name for name, one in RESOURCES.items() if one["Type"] == "AWS::Lambda::Permission"] == []


def test_the_server_only_reads_unless_it_is_to_write_or_to_call() -> None:
    reads, writes = actions("ServerRole"), actions("ServerRole", when="ServerWrites")
    calls = list(statements("ServerRole", when="ServerCalls"))

    assert {action.partition(":")[2] for action in reads} == {
        *("GetObject", "GetParameters", "CreateLogStream", "PutLogEvents"),
        *("DiscoverInstances", "GetInstance", "ListInstances", "ListNamespaces", "ListServices"),
    }
    assert {
        "servicediscovery:RegisterInstance",
        "servicediscovery:DeregisterInstance",
        "s3:PutObject",
    } <= writes
    assert not any("Namespace" in action or "Tag" in action or "DeleteService" in action for action in writes)
    assert variables("Server")["DISCOVERY_ALLOW_WRITES"] == {"Ref": "AllowCatalogWrites"}
    assert variables("Server")["DISCOVERY_REGISTRAR_SERVICES"] == {"Ref": "AllowedServices"}
    assert variables("Server")["DISCOVERY_REGISTRAR_STAGES"] == {"Ref": "AllowedStages"}
    (call,) = calls
    assert set(call["Action"]) == {"execute-api:Invoke", "lambda:InvokeFunction", "lambda:InvokeFunctionUrl"}
    assert call["Resource"] == {"Ref": "RouterTargets"}


@pytest.mark.parametrize("role", ["PublicManifestRole", "ServerRole"])
def test_no_statement_allows_more_than_it_names(role: str) -> None:
    every = [*statements(role), *statements(role, when="ServerWrites"), *statements(role, when="ServerCalls")]
    everywhere = {
        json.dumps(one["Action"]) for one in every if one["Resource"] == "*" and "Condition" not in one
    }

    assert [one for one in every if "*" in json.dumps(one["Action"])] == []
    assert everywhere <= {
        '["servicediscovery:ListNamespaces", "servicediscovery:ListServices"]',
        '"servicediscovery:GetOperation"',
    }
    assert properties(role)["PermissionsBoundary"] == properties("RegistrarRole")["PermissionsBoundary"]


@pytest.mark.parametrize("rule", ["FunctionRule", "StackRule", "ScheduleRule"])
def test_the_rules_wait_for_the_server_too(rule: str) -> None:
    waits_for = RESOURCES[rule]["DependsOn"]

    for function, parameter in (("PublicManifest", "ManifestParameter"), ("Server", "ServerParameter")):
        assert parameter in waits_for
        assert properties(parameter)["Value"]["Fn::If"][1] == {
            "Fn::GetAtt": [f"{function}Url", "FunctionUrl"]
        }


def test_everybody_may_call_the_public_url_through_it_alone_and_no_other(sam: Path) -> None:
    (text,) = translated(sam, TEMPLATE)
    made = json.loads(text)["Resources"]

    permissions = [one["Properties"] for one in made.values() if one["Type"] == "AWS::Lambda::Permission"]
    # Since October 2025 a URL needs both.
    assert sorted(permissions, key=lambda one: str(one["Action"])) == [
        {
            "Action": "lambda:InvokeFunction",
            "FunctionName": {"Ref": "PublicManifest"},
            "Principal": "*",
            "InvokedViaFunctionUrl": True,
        },
        {
            "Action": "lambda:InvokeFunctionUrl",
            "FunctionName": {"Ref": "PublicManifest"},
            "Principal": "*",
            "FunctionUrlAuthType": "NONE",
        },
    ]
    urls = {name: one for name, one in made.items() if one["Type"] == "AWS::Lambda::Url"}
    assert {name: one["Condition"] for name, one in urls.items()} == {
        "PublicManifestUrl": "ServesManifest",
        "ServerUrl": "HasServer",
    }
