"""`make publish` as a person types it: what it prints, what it exits with, and what it does not do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from layer.build import ROOT
from tests.project.makefile import MAKE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

WRITING = {"lambda:PublishLayerVersion", "lambda:AddLayerVersionPermission", "s3:PutObject"}
NO_AWS = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    folder.mkdir()
    for name in ("cloudmap-discovery-0.1.0-py3.12-x86_64.zip", "cloudmap-discovery-0.1.0-py3.13-arm64.zip"):
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("python/boto3-1.43.1.dist-info/METADATA", name)
    return folder


def publish(dist: Path, *arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "layer.publish", "--dist", str(dist), *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def assert_one_clear_error(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr


def test_every_layer_in_the_folder_is_published_and_its_arn_printed(dist: Path, aws: StandIn) -> None:
    done = publish(dist, "--region", aws.region, "--accounts", "123456789012", environment=aws.environment())

    arn = f"arn:aws:lambda:{aws.region}:{aws.account_id}:layer:cloudmap-discovery"
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"Published {arn}-py312-x86_64:1",
        "  granted to account 123456789012",
        f"Published {arn}-py313-arm64:1",
        "  granted to account 123456789012",
        "To use it in a function (--layers replaces all layers that the function has):",
        f"  aws lambda update-function-configuration --region {aws.region} --function-name … --layers {arn}-py312-x86_64:1",
        f"  aws lambda update-function-configuration --region {aws.region} --function-name … --layers {arn}-py313-arm64:1",
    ]


@pytest.mark.parametrize(
    "narrowing",
    [("--python", "3.13", "--arch", "arm64"), ("--python", "3.13"), ("--arch", "arm64")],
    ids=" ".join,
)
def test_python_and_architecture_narrow_what_is_published(
    dist: Path, aws: StandIn, narrowing: tuple[str, ...]
) -> None:
    done = publish(dist, "--region", aws.region, *narrowing, environment=aws.environment())

    assert done.returncode == 0, done.stderr
    published = re.findall(r"^Published \S+:layer:(\S+)", done.stdout, re.MULTILINE)
    assert published == ["cloudmap-discovery-py313-arm64:1"]


def test_a_target_that_was_not_built_is_one_clear_error(dist: Path) -> None:
    done = publish(dist, "--python", "3.12", "--arch", "arm64", environment=NO_AWS)

    assert_one_clear_error(
        done,
        "has no layer for PYTHON=3.12 ARCH=arm64, only for py3.12-x86_64, py3.13-arm64",
        "make build PYTHON=3.12 ARCH=arm64",
    )


def test_a_target_that_there_is_not_is_one_clear_error(dist: Path) -> None:
    done = publish(dist, "--python", "3.10", environment=NO_AWS)

    assert_one_clear_error(done, "not built for Python '3.10'", "3.11, 3.12, 3.13, 3.14")


def test_make_hands_what_narrows_publishing_to_it() -> None:
    done = subprocess.run(
        [MAKE, "--dry-run", "publish", "PYTHON=3.12", "ARCH=arm64"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "--python '3.12' --arch 'arm64'" in done.stdout


def test_a_second_run_leaves_everything_unchanged(dist: Path, aws: StandIn) -> None:
    publish(dist, "--region", aws.region, "--public", environment=aws.environment())
    aws.reset_calls()

    done = publish(dist, "--region", aws.region, "--public", environment=aws.environment())

    assert [line.split()[0] for line in done.stdout.splitlines()[:3]] == ["Unchanged", "Unchanged", "To"]
    assert not WRITING & aws.calls().keys()


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(dist: Path, aws: StandIn) -> None:
    done = publish(dist, "--region", aws.region, "--public", "--dry-run", environment=aws.environment())

    assert done.returncode == 0, done.stderr
    assert (
        "Would publish cloudmap-discovery-0.1.0-py3.13-arm64.zip (0.0 MB) as a new version of cloudmap-discovery-py313-arm64"
        f" in {aws.region}\n" in done.stdout
    )
    assert "for python3.13 on arm64: cloudmap-discovery 0.1.0" in done.stdout
    assert done.stdout.count("would grant it to everyone") == 2
    assert not WRITING & aws.calls().keys()


def test_a_dry_run_says_what_it_would_leave_as_it_is(dist: Path, aws: StandIn) -> None:
    publish(dist, "--region", aws.region, environment=aws.environment())

    done = publish(dist, "--region", aws.region, "--dry-run", environment=aws.environment())

    assert re.findall(r"^Would leave arn:aws:lambda:\S+:1 as it is", done.stdout, re.MULTILINE)
    assert "Would publish" not in done.stdout


def test_no_credentials_are_one_clear_error(dist: Path, aws: StandIn) -> None:
    environment = {
        name: value for name, value in aws.environment().items() if "KEY" not in name and "TOKEN" not in name
    }

    done = publish(dist, "--region", aws.region, environment=environment)

    assert_one_clear_error(done, "no usable AWS credentials", "aws sso login")


def test_no_region_is_one_clear_error(dist: Path) -> None:
    done = publish(dist, environment=NO_AWS)

    assert_one_clear_error(done, "no region is set", "make publish REGION=eu-west-1")


def test_a_region_that_is_none_is_one_clear_error(dist: Path) -> None:
    done = publish(dist, "--region", "eu west", environment=NO_AWS)

    assert_one_clear_error(done, "'eu west' is no region")


def test_a_profile_that_is_not_there_is_one_clear_error(dist: Path) -> None:
    done = publish(dist, "--region", "eu-west-1", environment={**NO_AWS, "AWS_PROFILE": "nobody"})

    assert_one_clear_error(done, "nobody", "AWS_PROFILE=")


def test_denied_access_is_one_clear_error(dist: Path, aws: StandIn) -> None:
    aws.faults.access_denied("lambda:PublishLayerVersion")

    done = publish(dist, "--region", aws.region, environment=aws.environment())

    assert_one_clear_error(done, "IAM action lambda:PublishLayerVersion")


def test_throttling_is_retried_and_then_one_clear_error(dist: Path, aws: StandIn) -> None:
    aws.faults.error("TooManyRequestsException", "lambda:ListLayerVersions", status=429)

    done = publish(dist, "--region", aws.region, environment={**aws.environment(), "AWS_MAX_ATTEMPTS": "2"})

    assert_one_clear_error(done, "AWS is throttling you")
    assert aws.calls()["lambda:ListLayerVersions"] == 2


def test_wrong_options_are_one_clear_error_before_aws_is_asked(dist: Path, aws: StandIn) -> None:
    done = publish(dist, "--region", aws.region, "--accounts", "nobody", environment=aws.environment())

    assert_one_clear_error(done, "'nobody' is no account id")
    assert aws.calls() == {}


def test_an_empty_folder_is_one_clear_error(tmp_path: Path) -> None:
    done = publish(tmp_path, "--region", "eu-west-1", environment=NO_AWS)

    assert_one_clear_error(done, "make build")
