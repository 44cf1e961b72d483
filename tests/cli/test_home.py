"""Whose account and which region a run of the registrar is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.errors import AccessDeniedError
from cloudmap_discovery.registrar.permits import Home
from tests.cli.reconcile_bed import PLAIN, USERS, ReconcileBed

if TYPE_CHECKING:
    from pathlib import Path

NO_REGION = {name: text for name, text in PLAIN.items() if name != "AWS_REGION"}


@pytest.fixture
def bed() -> ReconcileBed:
    return ReconcileBed()


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Yield AWS's configuration file, which is not there."""
    path = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    return path


@pytest.mark.parametrize(
    ("arguments", "environment", "region"),
    [
        ([], {"AWS_DEFAULT_REGION": "us-east-1"}, "us-east-1"),
        ([], {"AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "us-east-2"}, "us-east-2"),
        ([], {"DISCOVERY_REGION": "eu-west-1", "AWS_REGION": "us-east-2"}, "eu-west-1"),
        (["--region", "eu-west-3"], {"DISCOVERY_REGION": "eu-west-1"}, "eu-west-3"),
    ],
)
def test_the_region_is_that_of_the_settings_or_of_aws_s_variables(
    bed: ReconcileBed, arguments: list[str], environment: dict[str, str], region: str
) -> None:
    ran = bed.run("--dry-run", *arguments, environment=NO_REGION | environment)

    assert ran.code == 0
    assert bed.homes == [Home("123456789012", region)]


def test_the_region_may_stand_in_aws_s_configuration_file(bed: ReconcileBed, configured: Path) -> None:
    configured.write_text("[default]\nregion = ap-south-1\n")

    bed.run("--dry-run", environment=NO_REGION)

    assert bed.homes == [Home("123456789012", "ap-south-1")]


def test_a_profile_that_is_not_there_is_wrong_use(
    bed: ReconcileBed, configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured.write_text("[default]\nregion = ap-south-1\n")
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    ran = bed.run("--dry-run", environment=NO_REGION)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: AWS_PROFILE is 'nobody'")


def test_without_any_region_it_is_said_where_to_set_one(bed: ReconcileBed, configured: Path) -> None:
    assert not configured.exists()

    ran = bed.run("--dry-run", environment=NO_REGION | {"COLUMNS": "200"})

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "error: DISCOVERY_REGION is not set: set it, or AWS_REGION, or say --region, to name an AWS region such as "
        "eu-central-1\n"
    )


def test_account_and_partition_are_those_of_the_credentials(bed: ReconcileBed) -> None:
    bed.caller("arn:aws-cn:sts::210987654321:assumed-role/deployer/session")
    bed.lambdas.add("users", **USERS)  # of another account

    ran = bed.run("--dry-run", environment=PLAIN | {"AWS_REGION": "cn-north-1"})

    assert bed.homes == [Home("210987654321", "cn-north-1", "aws-cn")]
    assert ran.out.endswith("\n0 to register, 0 to update, 0 to remove, 0 unchanged\n")


def test_credentials_that_aws_does_not_accept_are_exit_code_3(bed: ReconcileBed) -> None:
    bed.cloud.transport.answer("GetCallerIdentity", AccessDeniedError("AWS does not accept the credentials"))

    ran = bed.run()

    assert (ran.code, ran.out, ran.err) == (3, "", "error: AWS does not accept the credentials\n")
    assert bed.written == set()
