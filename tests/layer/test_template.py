"""The template says what the rest of the project is: names of files, settings, metrics, limits."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from typing import Any, Final

import pytest

import cloudmap_discovery
from cloudmap_discovery.emf import NAMESPACE as METRICS_NAMESPACE
from cloudmap_discovery.registrar.carrying_out import Done
from cloudmap_discovery.registrar.hints import Hints
from cloudmap_discovery.registrar.properties import MAX_DRAIN_SECONDS
from cloudmap_discovery.registrar.reconcile import Plan
from cloudmap_discovery.registrar.report import line
from cloudmap_discovery.registrar.runs import Summary
from cloudmap_discovery.registrar.sweeping import CREATED_BY, EMPTY_SINCE
from cloudmap_discovery.settings import definitions
from layer.build_registrar import REGISTRAR as PACKAGE
from layer.namespaces import REGISTRARS_TAG
from layer.stacks import DEFAULT_STACK
from layer.targets import PROJECT, PYTHON_RUNTIMES, SLIM
from layer.templates import TEMPLATE, read_template

TEXT: Final = TEMPLATE.read_text()
PARSED: Final = read_template()
PARAMETERS: Final[dict[str, Any]] = PARSED["Parameters"]
RESOURCES: Final[dict[str, Any]] = PARSED["Resources"]
REGISTRAR: Final[dict[str, Any]] = RESOURCES["Registrar"]["Properties"]
LAYER: Final[dict[str, Any]] = RESOURCES["DiscoveryLayer"]["Properties"]
VARIABLES: Final[dict[str, Any]] = REGISTRAR["Environment"]["Variables"]
ALARMS: Final = [one["Properties"] for one in RESOURCES.values() if one["Type"] == "AWS::CloudWatch::Alarm"]
OUTPUTS: Final = {"registrar", "layer", "bucket", "namespace", "manifest", "server"}


def statements() -> list[dict[str, Any]]:
    (policy,) = RESOURCES["RegistrarRole"]["Properties"]["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def actions(statement: dict[str, Any]) -> list[str]:
    found = statement["Action"]
    return [found] if isinstance(found, str) else found


def test_it_installs_what_make_build_builds() -> None:
    version = cloudmap_discovery.__version__

    assert REGISTRAR["CodeUri"] == f"../dist/{PACKAGE.zip_name}"
    assert LAYER["ContentUri"] == f"../dist/{SLIM.zip_name(version)}"
    assert LAYER["Description"] == f"{PROJECT} {version}, slim, for {SLIM}"


def test_the_layer_is_for_what_it_is_built_for() -> None:
    assert LAYER["CompatibleRuntimes"] == [runtime.lambda_name for runtime in SLIM.runtimes]
    assert LAYER["CompatibleArchitectures"] == [known.name for known in SLIM.architectures]


def test_the_registrar_has_a_runtime_of_the_layer_and_a_handler_that_is_there() -> None:
    module, _, function = REGISTRAR["Handler"].rpartition(".")

    assert REGISTRAR["Runtime"] in {runtime.lambda_name for runtime in PYTHON_RUNTIMES}
    assert find_spec(module) is not None
    assert function == "handler"


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_of_the_registrar_is_a_setting_that_takes_the_default_of_the_parameter(
    variable: str,
) -> None:
    setting = {each.variable: each for each in definitions()}[variable]
    given = VARIABLES[variable]
    text = str(given if isinstance(given, str) else PARAMETERS.get(given["Ref"], {}).get("Default", "bucket"))

    value = setting.read(text)

    # What the template says by default is what the library does by default, for whoever looks up.
    assert value == setting.default or variable in {"DISCOVERY_BUCKET", "DISCOVERY_MIRRORS"}


@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        ("Namespace", ["services", "shop.internal", "a"], ["", "-a", "a b", "a/b", "a" * 129]),
        ("ParameterPrefix", ["/services", "/a/b-c"], ["", "/", "services", "/aws/a", "/SSM", "/a/", "/a b"]),
        ("AllowedServices", ["*", "shop-*,users", "?"], ["", "a, b", "a,,b", "a b", "a/b"]),
        ("AllowedStages", ["*", "Staging,pr-*", "-"], ["", ",", "a,"]),
        (
            "AlarmTopic",
            ["", "arn:aws-cn:sns:cn-north-1:123456789012:alarms"],
            ["alarms", "arn:aws:sqs:a:1:b"],
        ),
        ("PermissionsBoundary", ["", "arn:aws:iam::aws:policy/PowerUserAccess"], ["PowerUserAccess"]),
    ],
)
def test_a_parameter_takes_what_it_says(parameter: str, good: list[str], bad: list[str]) -> None:
    pattern = PARAMETERS[parameter]["AllowedPattern"]

    assert [text for text in good if not re.fullmatch(pattern, text)] == []
    assert [text for text in bad if re.fullmatch(pattern, text)] == []


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_has_a_default_a_description_and_a_place_in_the_form(name: str) -> None:
    form = PARSED["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [one for group in form["ParameterGroups"] for one in group["Parameters"]]

    assert {"Default", "Description"} <= PARAMETERS[name].keys()
    assert grouped.count(name) == 1
    assert form["ParameterLabels"][name]["default"]


def test_an_old_target_is_kept_no_longer_than_the_registrar_can_wait() -> None:
    longest = PARAMETERS["TtlSeconds"]["MaxValue"] + PARAMETERS["StaleSeconds"]["MaxValue"]

    assert longest <= MAX_DRAIN_SECONDS < REGISTRAR["Timeout"]


def test_addresses_outlive_the_stack_but_not_a_creation_that_fails() -> None:
    kept = {name for name, one in RESOURCES.items() if one.get("DeletionPolicy") == "RetainExceptOnCreate"}

    assert kept == {"RegistryNamespace", "SnapshotBucket"}
    assert {RESOURCES[name]["UpdateReplacePolicy"] for name in kept} == {"Retain"}
    assert LAYER["RetentionPolicy"] == "Retain"
    # A name of its own would keep the next stack from creating the bucket.
    assert "BucketName" not in RESOURCES["SnapshotBucket"]["Properties"]


def test_the_bucket_is_private_encrypted_and_keeps_versions() -> None:
    bucket = RESOURCES["SnapshotBucket"]["Properties"]

    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "BucketEncryption" in bucket
    (policy,) = RESOURCES["SnapshotBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (policy["Effect"], policy["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_no_statement_allows_a_pattern_of_actions() -> None:
    assert [action for one in statements() for action in actions(one) if "*" in action] == []


def test_only_what_knows_no_resources_is_allowed_for_all_of_them() -> None:
    everywhere = {
        action
        for one in statements()
        if one["Resource"] == "*" and "Condition" not in one
        for action in actions(one)
    }

    assert everywhere == {
        "servicediscovery:GetOperation",
        "servicediscovery:ListNamespaces",
        "servicediscovery:ListServices",
        "servicediscovery:ListTagsForResource",
        "tag:GetResources",
    }


def test_the_registrar_creates_no_namespace_and_deletes_no_service_of_others() -> None:
    allowed = {action: one for one in statements() for action in actions(one)}
    ((key, value),) = CREATED_BY.items()

    assert "servicediscovery:CreateHttpNamespace" not in allowed
    assert allowed["servicediscovery:DeleteService"]["Condition"] == {
        "StringEquals": {f"aws:ResourceTag/{key}": value}
    }
    assert allowed["servicediscovery:TagResource"]["Condition"] == {
        "ForAllValues:StringEquals": {"aws:TagKeys": [key, EMPTY_SINCE]}
    }
    assert {"Key": key, "Value": value} == REGISTRARS_TAG


def test_it_fits_every_partition_and_region() -> None:
    code = "\n".join(text for text in TEXT.splitlines() if not text.lstrip().startswith("#"))

    assert not re.search(r"arn:aws:|\b[a-z]{2}-[a-z]+-\d\b", code)
    assert set(re.findall(r"[a-z.]+\.amazonaws\.com", code)) == {
        "lambda.amazonaws.com",
        "events.amazonaws.com",
    }


def test_what_is_put_out_is_written_to_parameter_store_too() -> None:
    outputs = PARSED["Outputs"]
    written = {
        one["Properties"]["Name"]["Fn::Sub"]: one["Properties"]["Value"]
        for one in RESOURCES.values()
        if one["Type"] == "AWS::SSM::Parameter"
    }

    def value(output: dict[str, Any]) -> Any:
        condition = output.get("Condition")
        return {"Fn::If": [condition, output["Value"], "none"]} if condition else output["Value"]

    assert {name.lower() for name in outputs} == OUTPUTS
    assert written == {f"/${{AWS::StackName}}/{name.lower()}": value(one) for name, one in outputs.items()}


def test_what_is_put_out_and_never_changes_is_exported() -> None:
    exported = {
        name: one["Export"]["Name"]["Fn::Sub"] for name, one in PARSED["Outputs"].items() if "Export" in one
    }

    assert exported == {
        name.capitalize(): f"${{AWS::StackName}}-{name}"
        for name in OUTPUTS - {"layer"}  # each update of the layer is another ARN
    }


def test_the_alarms_are_of_metrics_that_are_written() -> None:
    own = [one for one in ALARMS if one["Namespace"] == METRICS_NAMESPACE]
    run = Summary(Plan(), Done())
    written = line(run, Hints(), namespace="services", wall=0.0, took_seconds=0.0)

    (directive,) = json.loads(written)["_aws"]["CloudWatchMetrics"]
    assert len(own) == 2
    assert {one["MetricName"] for one in own} <= {one["Name"] for one in directive["Metrics"]}
    for alarm in own:
        assert [[one["Name"] for one in alarm["Dimensions"]]] == directive["Dimensions"]


def test_every_alarm_tells_the_topic_if_there_is_one_and_says_what_to_do() -> None:
    told = {"Fn::If": ["TellsAlarms", [{"Ref": "AlarmTopic"}], {"Ref": "AWS::NoValue"}]}

    assert len(ALARMS) == 4
    for alarm in ALARMS:
        assert alarm["AlarmActions"] == alarm["OKActions"] == told
        assert len(alarm["AlarmDescription"]) > 100


def test_the_default_name_is_that_of_the_documents() -> None:
    assert DEFAULT_STACK == PROJECT == "cloudmap-discovery"
