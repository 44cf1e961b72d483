"""The command `policy`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.dependencies import Dependency
from cloudmap_discovery.errors import AccessDeniedError
from tests.cli.cli_bed import record

if TYPE_CHECKING:
    from tests.cli.cli_bed import CliBed, Ran

FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:users"
API = "https://a1b2c3.execute-api.eu-central-1.amazonaws.com/prod"
REGION = {"AWS_REGION": "eu-central-1"}


@pytest.fixture
def declared(bed: CliBed) -> CliBed:
    bed.dependencies = (Dependency("users", "^1"), Dependency("mail", stage="Staging"))
    return bed


def statements(ran: Ran) -> dict[str, dict[str, Any]]:
    assert ran.code == 0, ran.err
    return {one["Sid"]: one for one in json.loads(ran.out)["Statement"]}


def test_a_reader_s_policy_is_all_of_standard_output_and_nothing_is_called(declared: CliBed) -> None:
    ran = declared.run(
        "policy", "--stage", "pr-1>Production", "--account", "123456789012", environment=REGION
    )

    made = statements(ran)
    assert ran.err == ""
    assert list(made) == ["LookUp", "FallBack"]
    assert made["LookUp"]["Condition"]["StringEquals"]["servicediscovery:ServiceName"] == ["mail", "users"]
    assert made["FallBack"]["Resource"] == [
        "arn:aws:ssm:eu-central-1:123456789012:parameter/services/Production/users",
        "arn:aws:ssm:eu-central-1:123456789012:parameter/services/Staging/mail",
        "arn:aws:ssm:eu-central-1:123456789012:parameter/services/pr-1/users",
    ]
    assert declared.cloud_map.asked == declared.parameters.asked == []


@pytest.mark.parametrize(
    ("arguments", "environment", "region"),
    [
        ([], {}, "*"),
        ([], {"AWS_DEFAULT_REGION": "us-east-1"}, "us-east-1"),
        ([], {"AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "us-east-2"}, "us-east-2"),
        ([], {"DISCOVERY_REGION": "eu-west-1", "AWS_REGION": "us-east-2"}, "eu-west-1"),
        (["--region", "eu-west-3"], {"DISCOVERY_REGION": "eu-west-1"}, "eu-west-3"),
    ],
)
def test_the_region_is_that_of_the_settings(
    declared: CliBed, arguments: list[str], environment: dict[str, str], region: str
) -> None:
    made = statements(declared.run("policy", *arguments, environment=environment))

    assert made["FallBack"]["Resource"][0].startswith(f"arn:aws:ssm:{region}:*:parameter/services/")


def test_the_policy_is_for_the_settings_in_force(declared: CliBed) -> None:
    environment = {
        "DISCOVERY_NAMESPACE": "mine",
        "DISCOVERY_STAGE": "Dev",
        "DISCOVERY_PARAMETER_PREFIX": "/my/services",
    }

    made = statements(declared.run("policy", environment=environment))
    cloud_map_alone = statements(declared.run("policy", environment={"DISCOVERY_SOURCES": "cloudmap"}))

    assert made["LookUp"]["Condition"]["StringEquals"]["servicediscovery:NamespaceName"] == "mine"
    assert "arn:aws:ssm:*:*:parameter/my/services/Dev/users" in made["FallBack"]["Resource"]
    assert list(cloud_map_alone) == ["LookUp"]


def test_a_writer_s_policy_has_what_registering_takes(declared: CliBed) -> None:
    made = statements(declared.run("policy", "--mode", "writer", "--stage", "Production", environment=REGION))
    without = statements(
        declared.run("policy", "--mode", "writer", environment={"DISCOVERY_MIRRORS": "none"})
    )

    assert list(made) == ["FindByName", "CreateWhatIsMissing", "Write", "SeeWhetherItHasSpread", "Mirror"]
    assert made["Write"]["Resource"] == "arn:aws:servicediscovery:eu-central-1:*:service/*"
    assert list(without) == ["FindByName", "CreateWhatIsMissing", "Write", "SeeWhetherItHasSpread"]


def test_with_targets_calling_every_match_is_allowed(declared: CliBed) -> None:
    declared.cloud_map.put(
        record("users", FUNCTION, version="1.0.0"),
        record("users", f"{FUNCTION}:live", version="1.1.0"),
        record("users", f"{FUNCTION}:next", version="2.0.0"),
        record("mail", API, stage="Staging"),
    )

    ran = declared.run("policy", "--with-targets", "--stage", "Production", environment=REGION)

    made = statements(ran)
    assert ran.err == ""
    assert made["InvokeFunctions"]["Resource"] == [FUNCTION, f"{FUNCTION}:live"]
    assert made["CallApis"]["Resource"] == "arn:aws:execute-api:eu-central-1:*:a1b2c3/prod/*"


def test_a_target_whose_address_does_not_tell_what_it_is_is_noted(declared: CliBed) -> None:
    declared.cloud_map.put(record("users", version="1.0.0"), record("mail", API, stage="Staging"))

    ran = declared.run("policy", "--with-targets", "--stage", "Production", environment={})

    assert list(statements(ran)) == ["LookUp", "FallBack", "CallApis"]
    assert ran.err.startswith(
        "note: nothing is allowed for users: https://users.test does not say what stands"
    )


def test_a_target_that_is_missing_is_exit_code_1_and_no_policy(declared: CliBed) -> None:
    declared.cloud_map.put(record("users", FUNCTION, version="1.0.0"))

    ran = declared.run("policy", "--with-targets", "--stage", "Production", environment={})

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines() == [
        "error: no service 'mail' in stage 'Staging'; asked cloudmap, ssm",
        "hint: Try: cloudmap-discovery check --stage Production",
    ]


def test_a_target_that_cannot_be_looked_up_is_exit_code_3(declared: CliBed) -> None:
    declared.cloud_map.failure = AccessDeniedError("servicediscovery:DiscoverInstances is not allowed")

    ran = declared.run("policy", "--with-targets", environment={"DISCOVERY_SOURCES": "cloudmap"})

    assert (ran.code, ran.out) == (3, "")
    assert ran.err.splitlines()[-1] == "hint: Try: cloudmap-discovery check"


def test_a_policy_that_is_too_large_for_a_managed_one_is_a_warning_with_both_numbers(bed: CliBed) -> None:
    bed.dependencies = tuple(Dependency(f"service-with-a-long-name-{number}") for number in range(60))

    ran = bed.run("policy", "--stage", "a>b>c", environment={})
    machine = bed.run("policy", "--stage", "a>b>c", "--json", environment={})

    assert ran.code == 0
    assert ran.err.startswith("warning: the policy has 14,")
    assert "a managed policy holds 6,144" in ran.err
    assert json.loads(machine.err)["warning"] == ran.err.removeprefix("warning: ").rstrip("\n")
    assert machine.out == ran.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--account", "12345"], "error: --account is '12345': an AWS account id of 12 digits\n"),
        (["--mode", "admin"], "error: Invalid value for '--mode': "),
        (["--mode", "writer", "--with-targets"], "error: --with-targets goes with --mode reader: "),
    ],
)
def test_a_wrong_value_is_exit_code_2(declared: CliBed, arguments: list[str], told: str) -> None:
    ran = declared.run("policy", *arguments, environment={})

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(told)
