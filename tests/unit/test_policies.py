"""A policy allows what exactly the declared dependencies take, and nothing that somebody else's record asks for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.dependencies import Dependency
from cloudmap_discovery.model import Instance
from cloudmap_discovery.policies import (
    MAX_POLICY_CHARACTERS,
    Policy,
    Scope,
    partition_of,
    reader_policy,
    writer_policy,
)
from tests.project.markdown import ROOT, block_after

BOTH = ("cloudmap", "ssm")
SCOPE = Scope("services", "/services", BOTH, "Production", "eu-central-1", "123456789012")
ANYWHERE = Scope("services", "/services", BOTH)
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:users"


def statement(policy: Policy, sid: str) -> dict[str, Any]:
    return next(one for one in policy.document["Statement"] if one["Sid"] == sid)


def sids(policy: Policy) -> list[str]:
    return [one["Sid"] for one in policy.document["Statement"]]


def calling(*endpoints: str, scope: Scope = SCOPE) -> Policy:
    targets = [Instance(f"service-{number}", endpoint) for number, endpoint in enumerate(endpoints)]
    return reader_policy([Dependency("users")], scope, targets)


def test_a_reader_looks_up_its_dependencies_by_name_and_nothing_else() -> None:
    policy = reader_policy([Dependency("users", "^1.2"), Dependency("mail", tenant="acme")], SCOPE)

    assert policy.document == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "LookUp",
                "Effect": "Allow",
                "Action": "servicediscovery:DiscoverInstances",
                "Resource": "*",
                "Condition": {
                    "StringEquals": {
                        "servicediscovery:NamespaceName": "services",
                        "servicediscovery:ServiceName": ["mail", "users"],
                    }
                },
            },
            {
                "Sid": "FallBack",
                "Effect": "Allow",
                "Action": "ssm:GetParameters",
                "Resource": [
                    "arn:aws:ssm:eu-central-1:123456789012:parameter/services/Production/mail",
                    "arn:aws:ssm:eu-central-1:123456789012:parameter/services/Production/users",
                ],
            },
        ],
    }
    assert policy.notes == ()


def test_a_reader_is_allowed_what_the_documentation_says_narrowed_to_names_and_paths() -> None:
    documented = json.loads(block_after("Looking up", ROOT / "docs/iam.md", "json").text)

    policy = reader_policy([Dependency("users")], SCOPE)

    assert [(one["Sid"], one["Action"]) for one in policy.document["Statement"]] == [
        (one["Sid"], one["Action"]) for one in documented["Statement"]
    ]


def test_every_stage_of_a_ladder_has_its_path_and_a_dependency_s_own_goes_before_the_default() -> None:
    dependencies = [Dependency("users"), Dependency("mail", stage="-"), Dependency("search", stage="b>a")]
    scope = Scope("services", "/my/services", BOTH, "pr-1>Production", "eu-central-1", "123456789012")

    resources = statement(reader_policy(dependencies, scope), "FallBack")["Resource"]

    assert [arn.rpartition(":parameter")[2] for arn in resources] == [
        "/my/services/-/mail",
        "/my/services/Production/users",
        "/my/services/a/search",
        "/my/services/b/search",
        "/my/services/pr-1/users",
    ]


def test_without_a_stage_the_path_is_that_of_no_stage_and_what_is_unknown_is_any() -> None:
    policy = reader_policy([Dependency("users")], ANYWHERE)

    assert statement(policy, "FallBack")["Resource"] == "arn:aws:ssm:*:*:parameter/services/-/users"


@pytest.mark.parametrize(
    ("stores", "expected"),
    [(("cloudmap",), ["LookUp"]), (("ssm",), ["FallBack"]), (BOTH, ["LookUp", "FallBack"])],
)
def test_only_the_stores_that_are_asked_are_allowed(stores: tuple[str, ...], expected: list[str]) -> None:
    assert sids(reader_policy([Dependency("users")], Scope("services", "/services", stores))) == expected


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        (None, "aws"),
        ("eu-central-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_the_partition_is_that_of_the_region(region: str | None, partition: str) -> None:
    policy = reader_policy([Dependency("users")], Scope("services", "/services", BOTH, region=region))

    assert partition_of(region) == partition
    assert statement(policy, "FallBack")["Resource"].startswith(f"arn:{partition}:ssm:{region or '*'}:*:")


@pytest.mark.parametrize("arn", [FUNCTION, f"{FUNCTION}:live", f"{FUNCTION}:7", f"{FUNCTION}:$LATEST"])
def test_a_function_is_invoked_by_exactly_its_arn(arn: str) -> None:
    policy = calling(arn, arn)

    assert statement(policy, "InvokeFunctions") == {
        "Sid": "InvokeFunctions",
        "Effect": "Allow",
        "Action": "lambda:InvokeFunction",
        "Resource": arn,
    }
    assert policy.notes == ()


@pytest.mark.parametrize(
    ("endpoint", "resource"),
    [
        (
            "https://a1b2c3.execute-api.eu-west-1.amazonaws.com",
            "aws:execute-api:eu-west-1:123456789012:a1b2c3/*/*",
        ),
        (
            "https://a1b2c3.execute-api.eu-west-1.amazonaws.com/",
            "aws:execute-api:eu-west-1:123456789012:a1b2c3/*/*",
        ),
        (
            "https://A1B2C3.execute-api.eu-west-1.amazonaws.com/prod/users?x=1",
            "aws:execute-api:eu-west-1:123456789012:a1b2c3/prod/*",
        ),
        (
            "wss://a1.execute-api.eu-west-1.amazonaws.com/$default",
            "aws:execute-api:eu-west-1:123456789012:a1/$default/*",
        ),
        (
            "https://a1b2c3-vpce-0a1b2c.execute-api.eu-west-1.amazonaws.com/prod",
            "aws:execute-api:eu-west-1:123456789012:a1b2c3/prod/*",
        ),
        (
            "https://a1.execute-api.cn-north-1.amazonaws.com.cn/v1.0/x",
            "aws-cn:execute-api:cn-north-1:123456789012:a1/*/*",
        ),
    ],
)
def test_an_api_is_called_by_its_id_and_its_stage_in_its_own_region(endpoint: str, resource: str) -> None:
    policy = calling(endpoint)

    assert statement(policy, "CallApis")["Resource"] == f"arn:{resource}"
    assert statement(policy, "CallApis")["Action"] == "execute-api:Invoke"
    assert policy.notes == ()


def test_of_an_api_in_an_account_that_is_not_known_any_account_is_meant() -> None:
    policy = calling("https://a1.execute-api.eu-west-1.amazonaws.com", scope=ANYWHERE)

    assert statement(policy, "CallApis")["Resource"] == "arn:aws:execute-api:eu-west-1:*:a1/*/*"


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        (
            "https://abc.lambda-url.eu-west-1.on.aws/",
            "is a function's URL, which does not say which function it is",
        ),
        ("https://users.example.com", "does not say what stands behind it"),
        ("users.internal:8080", "does not say what stands behind it"),
        ("https://[broken", "does not say what stands behind it"),
        ("arn:aws:states:eu-west-1:123456789012:stateMachine:orders", "is no function's ARN"),
    ],
)
def test_what_an_address_does_not_tell_is_left_out_with_a_note(endpoint: str, told: str) -> None:
    policy = calling(endpoint)

    assert sids(policy) == ["LookUp", "FallBack"]
    assert [note.startswith(f"service-0: {endpoint} {told}") for note in policy.notes] == [True]


@pytest.mark.parametrize(
    "endpoint",
    [
        "arn:aws:lambda:*:123456789012:function:users",
        "arn:aws:lambda:eu-west-1:*:function:users",
        "arn:aws:lambda:eu-west-1:123456789012:function:*",
        "arn:aws:lambda:eu-west-1:123456789012:function:user?",
        "arn:aws:lambda:eu-west-1:123456789012:function:${aws:username}",
        "arn:aws:lambda:eu-west-1:123456789012:function:users:*",
        "arn:*:lambda:eu-west-1:123456789012:function:users",
        "https://*.execute-api.eu-west-1.amazonaws.com/prod",
        "https://a1.execute-api.*.amazonaws.com/prod",
        "https://a1.execute-api.eu-west-1.amazonaws.com.evil.test/prod",
        "https://a1.execute-api.eu-west-1.amazonaws.evil/prod",
    ],
)
def test_a_record_cannot_widen_the_policy(endpoint: str) -> None:
    policy = calling(endpoint)

    assert sids(policy) == ["LookUp", "FallBack"]
    assert len(policy.notes) == 1


@given(
    st.lists(
        st.text(max_size=40)
        | st.from_regex(r"arn:aws:lambda:[a-z*?-]{1,9}:[0-9*]{12}:function:[\w$*?{}:-]{1,20}", fullmatch=True)
        | st.from_regex(
            r"https://[a-z0-9*.]{1,9}\.execute-api\.[a-z0-9*-]{1,9}\.amazonaws\.com(/[ -~]{0,9})?",
            fullmatch=True,
        ),
        max_size=5,
    )
)
def test_whatever_is_registered_is_either_allowed_by_an_exact_name_or_noted(endpoints: list[str]) -> None:
    policy = calling(*endpoints)

    called = [one for one in policy.document["Statement"] if one["Sid"] in {"InvokeFunctions", "CallApis"}]
    resources = [arn for one in called for arn in listed(one["Resource"])]
    for arn in resources:
        _, _, service, _, account, *rest = arn.split(":")
        assert account.isdigit()
        name = ":".join(rest) if service == "lambda" else rest[0].removesuffix("/*").removesuffix("/*")
        assert not set(name) & set("*?{}")
    assert len(resources) + len(policy.notes) <= len(endpoints)
    assert bool(endpoints) == bool(resources or policy.notes)


def test_a_writer_is_allowed_what_the_documentation_says_narrowed_to_names_and_paths() -> None:
    documented = json.loads(block_after("Registering", ROOT / "docs/iam.md", "json").text)

    policy = writer_policy([Dependency("users"), Dependency("mail")], SCOPE)

    assert [(one["Sid"], one["Action"]) for one in policy.document["Statement"]] == [
        (one["Sid"], one["Action"]) for one in documented["Statement"]
    ]
    assert (
        statement(policy, "Write")["Resource"]
        == "arn:aws:servicediscovery:eu-central-1:123456789012:service/*"
    )
    assert statement(policy, "SeeWhetherItHasSpread")["Condition"]["StringEquals"] == {
        "servicediscovery:NamespaceName": "services",
        "servicediscovery:ServiceName": ["mail", "users"],
    }
    assert statement(policy, "Mirror")["Resource"] == [
        "arn:aws:ssm:eu-central-1:123456789012:parameter/services/Production/mail",
        "arn:aws:ssm:eu-central-1:123456789012:parameter/services/Production/users",
    ]


def test_a_writer_without_mirrors_may_not_touch_parameters() -> None:
    assert "Mirror" not in sids(writer_policy([Dependency("users")], Scope("services", "/services", ())))


def test_a_writer_of_a_shared_namespace_writes_to_services_of_its_owner() -> None:
    scope = Scope("services", "/services", BOTH, "Production", "eu-central-1", "123456789012", "999999999999")

    policy = writer_policy([Dependency("users")], scope)

    assert (
        statement(policy, "Write")["Resource"]
        == "arn:aws:servicediscovery:eu-central-1:999999999999:service/*"
    )
    assert ":123456789012:" in statement(policy, "Mirror")["Resource"]


def test_a_policy_counts_its_characters_as_iam_does() -> None:
    policy = Policy({"Version": "2012-10-17", "Statement": [{"Sid": "A", "Resource": "a b"}]})

    assert policy.characters == len('{"Version":"2012-10-17","Statement":[{"Sid":"A","Resource":"ab"}]}')
    assert MAX_POLICY_CHARACTERS == 6144


def test_every_policy_is_one_that_cloudformation_takes(tmp_path: Path) -> None:
    dependencies = [Dependency("users"), Dependency("mail", stage="pr-1>Staging>-")]
    targets = [
        Instance("users", FUNCTION),
        Instance("users", f"{FUNCTION}:$LATEST"),
        Instance("mail", "https://a1b2c3.execute-api.eu-central-1.amazonaws.com/prod"),
        Instance("mail", "https://d4e5f6.execute-api.eu-central-1.amazonaws.com"),
    ]
    china = Scope("services", "/services", BOTH, "Production", "cn-north-1", None)
    policies = [
        policy
        for scope in (SCOPE, ANYWHERE, china)
        for policy in (
            reader_policy(dependencies, scope),
            reader_policy(dependencies, scope, targets),
            writer_policy(dependencies, scope),
        )
    ]
    template = tmp_path / "template.json"
    resources = {
        f"Policy{number}": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"PolicyDocument": policy.document},
        }
        for number, policy in enumerate(policies)
    }
    template.write_text(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}))

    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), template], capture_output=True, text=True, check=False
    )

    assert done.stdout + done.stderr == ""


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_a_snapshot_in_s3_is_read_by_readers_and_written_by_writers() -> None:
    scope = Scope(
        namespace="services",
        parameter_prefix="/services",
        stores=("s3", "cloudmap"),
        region="cn-north-1",
        snapshot="registry/cloudmap-discovery/services.json",
    )
    arn = "arn:aws-cn:s3:::registry/cloudmap-discovery/services.json"

    reader = reader_policy([Dependency("users")], scope).document["Statement"]
    writer = writer_policy([Dependency("users")], scope).document["Statement"]

    assert reader[-1] == {
        "Sid": "ReadTheSnapshot",
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": arn,
    }
    assert writer[-1] == {
        "Sid": "WriteTheSnapshot",
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:PutObject"],
        "Resource": arn,
    }


def test_a_snapshot_that_is_no_store_is_not_in_the_policy() -> None:
    scope = Scope(
        namespace="services", parameter_prefix="/services", stores=("cloudmap",), snapshot="registry/key"
    )

    for policy in (reader_policy([Dependency("users")], scope), writer_policy([Dependency("users")], scope)):
        assert "s3" not in str(policy.document)
