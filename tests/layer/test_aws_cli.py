"""What was published is what AWS's own command line reads back."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from layer.build import ROOT
from layer.interpreters import find_interpreter
from tests.layer.conftest import RUNNING_PYTHON
from tests.runtime.tools import environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from layer.targets import Target
    from tests.layer.conftest import Layers
    from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]


@pytest.fixture
def cli(aws: StandIn) -> Callable[..., Any]:
    interpreter = find_interpreter(RUNNING_PYTHON, os.environ)
    assert interpreter is not None
    python = environment("awscli", interpreter)

    def run(*arguments: str) -> Any:
        done = subprocess.run(
            [python, "-m", "awscli", *arguments, "--output", "json"],
            env={"PATH": os.environ["PATH"], **aws.environment()},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_the_command_line_reads_back_what_was_published(
    layers: Layers, target: Target, aws: StandIn, cli: Callable[..., Any]
) -> None:
    layer = layers.zip(target)
    content = layer.read_bytes()
    name = target.layer_name("cloudmap-discovery")

    published = publish(layer.parent, aws, "--accounts", "123456789012")

    (listed,) = cli("lambda", "list-layers")["Layers"]
    version = cli("lambda", "get-layer-version", "--layer-name", name, "--version-number", "1")
    policy = json.loads(
        cli("lambda", "get-layer-version-policy", "--layer-name", name, "--version-number", "1")["Policy"]
    )
    assert published.startswith(
        f"Published {version['LayerVersionArn']}\n  granted to account 123456789012\n"
    )
    assert published.endswith(f"--layers {version['LayerVersionArn']}\n")
    assert listed["LatestMatchingVersion"]["LayerVersionArn"] == version["LayerVersionArn"]
    assert version["Content"]["CodeSize"] == len(content)
    assert version["Content"]["CodeSha256"] == base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert version["CompatibleRuntimes"] == [runtime.lambda_name for runtime in target.runtimes]
    assert version["CompatibleArchitectures"] == [known.name for known in target.architectures]
    assert version["LicenseInfo"] == "Apache-2.0"
    assert [statement["Sid"] for statement in policy["Statement"]] == ["account-123456789012"]
    assert "123456789012" in json.dumps(policy["Statement"][0]["Principal"])


def publish(dist: Path, aws: StandIn, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "layer.publish", "--dist", dist, "--region", aws.region, *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **aws.environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
