"""`make deploy` and `make undeploy` as a person types them: what is refused, what is said, and what is not done."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from layer.build import ROOT
from layer.templates import TEMPLATE
from tests.layer.test_publish_command import NO_AWS, assert_one_clear_error
from tests.project.makefile import MAKE, would_run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

READING = {
    "cloudformation:DescribeStacks",
    "servicediscovery:ListNamespaces",
    "s3:HeadBucket",
    "sts:GetCallerIdentity",
}


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Return the template in a tree of its own, with the files that it names."""
    for name in ("layer", "dist"):
        (tmp_path / name).mkdir()
    for name in re.findall(r"Uri: \.\./dist/(.*)", TEMPLATE.read_text()):
        (tmp_path / "dist" / name).write_bytes(b"zip")
    return shutil.copyfile(TEMPLATE, tmp_path / "layer" / "template.yaml")


def run(program: str, *arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"layer.{program}", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def deploy(
    template: Path, *arguments: str, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    aws = str(template.parent / "aws")
    return run("deploy", "--aws", aws, "--template", str(template), *arguments, environment=environment)


def test_a_dry_run_says_what_it_would_do_and_only_reads(template: Path, aws: StandIn) -> None:
    done = deploy(template, "--region", aws.region, "--dry-run", environment=aws.environment())

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Would create the stack cloudmap-discovery in {aws.region}, account ")
    assert done.stdout.count("  would send dist/") == 3
    assert set(aws.calls()) <= READING


def test_without_awss_command_line_there_is_one_clear_error(template: Path, aws: StandIn) -> None:
    done = deploy(template, "--region", aws.region, environment=aws.environment())

    assert_one_clear_error(
        done, "send what is deployed to the bucket", f"{template.parent / 'aws'} does not start"
    )


def test_what_was_not_built_is_one_clear_error_before_aws_is_asked(template: Path, aws: StandIn) -> None:
    (template.parents[1] / "dist/cloudmap-discovery-registrar.zip").unlink()

    done = deploy(template, "--region", aws.region, environment=aws.environment())

    assert_one_clear_error(done, "dist/cloudmap-discovery-registrar.zip is not there. Run: make build")
    assert aws.calls() == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--stack", "a b"), "STACK: 'a b' is no name for it"),
        (("--parameters", "Namspace=shop"), "Did you mean Namespace?"),
    ],
    ids=" ".join,
)
def test_wrong_options_are_one_clear_error_before_aws_is_asked(
    arguments: tuple[str, ...], said: str, template: Path, aws: StandIn
) -> None:
    done = deploy(template, *arguments, "--region", aws.region, environment=aws.environment())

    assert_one_clear_error(done, said)
    assert aws.calls() == {}


def test_a_bucket_of_somebody_else_is_one_clear_error(template: Path, aws: StandIn) -> None:
    aws.faults.error("403", "s3:HeadBucket", status=403)

    done = deploy(template, "--region", aws.region, "--bucket", "theirs", environment=aws.environment())

    assert_one_clear_error(done, "Cannot look up the bucket theirs", "IAM action s3:ListBucket")


@pytest.mark.parametrize("program", ["deploy", "undeploy"])
def test_no_credentials_are_one_clear_error(program: str, template: Path, aws: StandIn) -> None:
    environment = {
        name: value for name, value in aws.environment().items() if "KEY" not in name and "TOKEN" not in name
    }
    own = ("--aws", "aws", "--template", str(template)) if program == "deploy" else ()

    done = run(program, *own, "--region", aws.region, environment=environment)

    assert_one_clear_error(done, "no usable AWS credentials", "aws sso login")


@pytest.mark.parametrize("program", ["deploy", "undeploy"])
def test_no_region_is_one_clear_error_that_names_the_command(program: str, template: Path) -> None:
    own = ("--aws", "aws", "--template", str(template)) if program == "deploy" else ()

    done = run(program, *own, environment=NO_AWS)

    assert_one_clear_error(done, "no region is set", f"make {program} REGION=eu-west-1")


def test_a_stack_that_is_not_there_is_one_clear_error(aws: StandIn) -> None:
    done = run("undeploy", "--stack", "other", "--region", aws.region, environment=aws.environment())

    assert_one_clear_error(done, f"There is no stack other in {aws.region}")


def test_denied_access_is_one_clear_error_that_names_the_action(aws: StandIn) -> None:
    aws.faults.access_denied("cloudformation:DescribeStacks")

    done = run("undeploy", "--region", aws.region, environment=aws.environment())

    assert_one_clear_error(done, "access is denied", "cloudformation:DescribeStacks")


def test_make_hands_on_what_is_to_be_deployed_and_builds_before() -> None:
    parameters = 'Namespace=shop Schedule="rate(1 hour)"'
    command = " ".join(
        would_run(
            "deploy", "STACK=shop", "REGION=eu-west-1", "BUCKET=b", "DRY_RUN=1", f"PARAMETERS={parameters}"
        )
        .replace("\\", "")
        .split()
    )

    for package in ("registrar", "server"):
        assert command.index(f"-m layer.build_{package}") < command.index("-m layer.deploy")
    assert command.endswith(
        f"--stack 'shop' --region 'eu-west-1' --parameters '{parameters}' --bucket 'b' --dry-run"
    )


def test_make_hands_on_what_is_to_be_removed() -> None:
    command = " ".join(
        would_run("undeploy", "STACK=shop", "REGION=eu-west-1", "FORCE=1", "DRY_RUN=1")
        .replace("\\", "")
        .split()
    )

    assert command.endswith("-m layer.undeploy --stack 'shop' --region 'eu-west-1' --force --dry-run")


def test_a_switch_that_is_not_understood_removes_nothing() -> None:
    done = subprocess.run(
        [MAKE, "--dry-run", "undeploy", "FORCE=yes"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert "FORCE=yes is not understood: use FORCE=1" in done.stderr
