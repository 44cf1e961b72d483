"""`make publish` as a person types it: what it prints, what it exits with, and what it does not do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from layer.build import ROOT
from tests.project.makefile import MAKE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
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
    for version, machine in (("3.12", "x86_64"), ("3.13", "arm64")):
        make_layer(folder, f"py{version}-{machine}", compiled_for=[version])
    return folder


@pytest.fixture
def slim_dist(tmp_path: Path) -> Path:
    """Return a folder with the slim layer, built where Python 3.14 was not installed."""
    folder = tmp_path / "slim"
    folder.mkdir()
    make_layer(folder, "slim", compiled_for=["3.11", "3.12", "3.13"])
    return folder


def make_layer(folder: Path, slug: str, *, compiled_for: Sequence[str]) -> None:
    with zipfile.ZipFile(folder / f"cloudmap-discovery-0.1.0-{slug}.zip", "w") as archive:
        archive.writestr("python/module.py", slug)
        for version in compiled_for:
            archive.writestr(f"python/__pycache__/module.cpython-{version.replace('.', '')}.pyc", "")


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


def test_the_slim_layer_is_one_for_every_runtime_and_architecture(
    slim_dist: Path, aws: StandIn, sdk: Callable[..., Any]
) -> None:
    done = publish(slim_dist, "--region", aws.region, environment=aws.environment())

    functions = sdk("lambda")
    found = functions.get_layer_version(LayerName="cloudmap-discovery", VersionNumber=1)
    assert done.stdout.startswith(f"Published {found['LayerVersionArn']}\n")
    assert found["LayerVersionArn"].endswith(":layer:cloudmap-discovery:1")
    assert found["CompatibleRuntimes"] == ["python3.11", "python3.12", "python3.13", "python3.14"]
    assert found["CompatibleArchitectures"] == ["x86_64", "arm64"]
    assert found["Description"] == (
        "cloudmap-discovery 0.1.0, slim, for Python 3.11 to 3.14 on x86_64 and arm64"
    )
    for architecture in found["CompatibleArchitectures"]:
        listed = functions.list_layer_versions(
            LayerName="cloudmap-discovery",
            CompatibleRuntime="python3.12",
            CompatibleArchitecture=architecture,
        )
        assert [each["Version"] for each in listed["LayerVersions"]] == [1]


@pytest.mark.parametrize("options", [[], ["--dry-run"]], ids=["for real", "dry run"])
def test_what_is_left_without_bytecode_is_said_and_what_that_costs(
    options: list[str], slim_dist: Path, aws: StandIn
) -> None:
    published = publish(slim_dist, "--region", aws.region, *options, environment=aws.environment())
    again = publish(slim_dist, "--region", aws.region, *options, environment=aws.environment())

    for done in (published, again):
        assert done.returncode == 0, done.stderr
        (said,) = re.findall(r"^  without bytecode for (.*)\n    (.*)\n    (.*)$", done.stdout, re.MULTILINE)
        assert said[0].startswith("python3.14: each cold start there compiles what it imports")
        assert re.match(r"about \d+ ms more on a whole processor", said[1])
        assert said[2].startswith("To add it, build where that Python is installed")


def test_of_both_flavors_the_one_that_is_named_is_published(
    dist: Path, slim_dist: Path, aws: StandIn
) -> None:
    (slim,) = slim_dist.iterdir()
    slim.rename(dist / slim.name)

    one = publish(dist, "--region", aws.region, "--flavor", "slim", environment=aws.environment())
    all_of_them = publish(dist, "--region", aws.region, environment=aws.environment())

    assert outcomes(one) == [("Published", "cloudmap-discovery:1")]
    assert outcomes(all_of_them) == [
        ("Published", "cloudmap-discovery-py312-x86_64:1"),
        ("Published", "cloudmap-discovery-py313-arm64:1"),
        ("Unchanged", "cloudmap-discovery:1"),
    ]


def outcomes(done: subprocess.CompletedProcess[str]) -> list[tuple[str, str]]:
    return re.findall(r"^(Published|Unchanged) \S+:layer:(\S+)", done.stdout, re.MULTILINE)


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
    assert outcomes(done) == [("Published", "cloudmap-discovery-py313-arm64:1")]


def test_a_target_that_was_not_built_is_one_clear_error(dist: Path) -> None:
    done = publish(dist, "--python", "3.12", "--arch", "arm64", environment=NO_AWS)

    assert_one_clear_error(
        done,
        "has no layer for FLAVOR=full PYTHON=3.12 ARCH=arm64, only py3.12-x86_64, py3.13-arm64",
        "make build FLAVOR=full PYTHON=3.12 ARCH=arm64\n",
    )


def test_a_python_of_the_slim_layer_is_one_clear_error_that_says_what_fits_it(slim_dist: Path) -> None:
    done = publish(slim_dist, "--python", "3.13", environment=NO_AWS)

    assert_one_clear_error(
        done,
        "has no layer for FLAVOR=full PYTHON=3.13, only slim. Run: make build FLAVOR=full PYTHON=3.13",
        "make publish FLAVOR=slim publishes what fits every Python and architecture",
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--flavor", "slim"], "has no layer for FLAVOR=slim, only py3.12-x86_64, py3.13-arm64"),
        (["--flavor", "nonsense"], "'nonsense' is no flavour of the layer. Use one of: slim, full."),
        (["--flavor", "slim", "--python", "3.13"], "PYTHON=3.13 and the slim layer do not go together"),
    ],
    ids=" ".join,
)
def test_a_flavor_that_cannot_be_published_is_one_clear_error(
    options: list[str], said: str, dist: Path
) -> None:
    assert_one_clear_error(publish(dist, *options, environment=NO_AWS), said)


def test_a_target_that_there_is_not_is_one_clear_error(dist: Path) -> None:
    done = publish(dist, "--python", "3.10", environment=NO_AWS)

    assert_one_clear_error(done, "not built for Python '3.10'", "3.11, 3.12, 3.13, 3.14")


def test_make_hands_what_narrows_publishing_to_it() -> None:
    done = subprocess.run(
        [MAKE, "--dry-run", "publish", "FLAVOR=full", "PYTHON=3.12", "ARCH=arm64"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "--flavor 'full' --python '3.12' --arch 'arm64'" in done.stdout


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
    assert "\n  as cloudmap-discovery 0.1.0, full, for Python 3.13 on arm64\n" in done.stdout
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
