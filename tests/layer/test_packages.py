"""The packages in the layer are complete, match each other, and are those that the tests ran with."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import boto3
import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from layer.build import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from layer.targets import Target
    from tests.layer.conftest import Layers

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)(?: ; (.*?))? \\$", re.MULTILINE)
_USE_THE_LAYER = """
import json, sys
import aiobotocore, boto3, botocore, botocore.session
client = boto3.client("dynamodb", region_name="eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing")
print(json.dumps({
    "files": {module.__name__: module.__file__ for module in (aiobotocore, boto3, botocore)},
    "services": boto3.Session().get_available_services(),
    "resources": boto3.Session().get_available_resources(),
    "operations": client.meta.service_model.operation_names,
}))
"""


@pytest.fixture(scope="module")
def packages(layers: Layers, native: Target) -> Path:
    return layers.unpacked(native) / "python"


@pytest.fixture(scope="module")
def versions(packages: Path) -> dict[str, str]:
    found = importlib.metadata.distributions(path=[str(packages)])
    return {canonicalize_name(distribution.name): distribution.version for distribution in found}


def pins(file: str) -> dict[str, str]:
    text = (ROOT / "requirements" / file).read_text()
    return {
        canonicalize_name(name): version
        for name, version, marker in _PIN.findall(text)
        if not marker or Marker(marker).evaluate()
    }


def test_every_package_finds_what_it_requires_in_the_version_it_requires(
    packages: Path, versions: dict[str, str]
) -> None:
    needed = [
        (distribution.name, Requirement(text))
        for distribution in importlib.metadata.distributions(path=[str(packages)])
        for text in distribution.requires or []
    ]

    broken = [
        f"{name} requires {requirement}, and {versions.get(canonicalize_name(requirement.name))} is there"
        for name, requirement in needed
        if (requirement.marker is None or requirement.marker.evaluate({"extra": ""}))
        and not requirement.specifier.contains(
            versions.get(canonicalize_name(requirement.name), "0a0"), prereleases=True
        )
    ]
    assert broken == []
    assert {"aiobotocore", "boto3", "botocore", "pydantic-settings", "tenacity"} <= versions.keys()


def test_the_layer_holds_exactly_its_pins_and_this_project(versions: dict[str, str]) -> None:
    pinned = pins("layer.txt")

    assert {name: version for name, version in versions.items() if name != "cloudmap-discovery"} == pinned
    assert "cloudmap-discovery" in versions


def test_what_the_tests_run_with_is_what_the_layer_holds() -> None:
    in_tests = pins("dev.txt")

    differing = {
        name: version for name, version in pins("layer.txt").items() if in_tests.get(name) != version
    }

    assert differing == {}
    assert len(in_tests) > len(pins("layer.txt")) > 20


def test_the_layers_sdk_serves_every_service_of_the_installed_one(packages: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-S", "-s", "-W", "error", "-c", _USE_THE_LAYER],
        env={"PYTHONPATH": str(packages), "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)

    assert all(file.startswith(f"{packages}/") for file in found["files"].values())
    assert found["services"] == boto3.Session().get_available_services()
    assert found["resources"] == boto3.Session().get_available_resources()
    assert "GetItem" in found["operations"]


def test_the_layers_botocore_has_every_file_of_the_installed_one(packages: Path) -> None:
    installed = importlib.metadata.files("botocore") or []

    missing = [
        str(file)
        for file in installed
        if file.parts[0] == "botocore" and "__pycache__" not in file.parts and not (packages / file).exists()
    ]

    assert len(installed) > 1000
    assert missing == []
