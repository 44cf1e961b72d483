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
from layer.packages import REQUIREMENTS

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
def packages(layers: Layers, target: Target) -> Path:
    return layers.unpacked(target) / "python"


@pytest.fixture(scope="module")
def sdk_packages(layers: Layers, native: Target) -> Path:
    return layers.unpacked(native) / "python"


def versions_in(packages: Path) -> dict[str, str]:
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
    packages: Path, target: Target
) -> None:
    versions = versions_in(packages)
    environments = [
        {"extra": "", "python_version": runtime.version, "python_full_version": f"{runtime.version}.0"}
        for runtime in target.runtimes
    ]
    needed = [
        (distribution.name, Requirement(text))
        for distribution in importlib.metadata.distributions(path=[str(packages)])
        for text in distribution.requires or []
    ]

    broken = [
        f"{name} requires {requirement}, and {versions.get(canonicalize_name(requirement.name))} is there"
        for name, requirement in needed
        if (
            requirement.marker is None
            or any(requirement.marker.evaluate(environment) for environment in environments)
        )
        and not requirement.specifier.contains(
            versions.get(canonicalize_name(requirement.name), "0a0"), prereleases=True
        )
    ]
    assert broken == []


def test_the_full_layer_holds_the_sdk_as_one_set_and_the_slim_layer_only_what_the_library_itself_requires() -> (
    None
):
    slim = {"node-semver", "tenacity"}
    assert {"aiobotocore", "boto3", "botocore", "pydantic-settings", *slim} <= pins("layer.txt").keys()
    assert pins("layer-slim.txt").keys() == slim


def test_the_slim_layers_packages_are_the_same_for_every_python_and_machine() -> None:
    assert ";" not in (ROOT / REQUIREMENTS["slim"]).read_text()


def test_the_layer_holds_exactly_its_pins_and_this_project(packages: Path, target: Target) -> None:
    versions, pinned = versions_in(packages), pins(REQUIREMENTS[target.flavor].name)

    assert {name: version for name, version in versions.items() if name != "cloudmap-discovery"} == pinned
    assert "cloudmap-discovery" in versions


@pytest.mark.parametrize(("file", "at_least"), [("layer.txt", 20), ("layer-slim.txt", 2)])
def test_what_the_tests_run_with_is_what_the_layer_holds(file: str, at_least: int) -> None:
    in_tests, in_layer = pins("dev.txt"), pins(file)

    assert {name: version for name, version in in_layer.items() if in_tests.get(name) != version} == {}
    assert len(in_tests) > len(in_layer) >= at_least


def test_requirements_name_no_place_to_take_packages_from() -> None:
    texts = {path.name: path.read_text() for path in (ROOT / "requirements").glob("*.txt")}

    assert texts.keys() >= {"dev.txt", "layer.txt", "layer-slim.txt", "oldest.txt"}
    assert [name for name, text in texts.items() if "://" in text or "index-url" in text] == []


def test_the_layers_sdk_serves_every_service_of_the_installed_one(sdk_packages: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-S", "-s", "-W", "error", "-c", _USE_THE_LAYER],
        env={"PYTHONPATH": str(sdk_packages), "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)

    assert all(file.startswith(f"{sdk_packages}/") for file in found["files"].values())
    assert found["services"] == boto3.Session().get_available_services()
    assert found["resources"] == boto3.Session().get_available_resources()
    assert "GetItem" in found["operations"]


def test_the_layers_botocore_has_every_file_of_the_installed_one(sdk_packages: Path) -> None:
    installed = importlib.metadata.files("botocore") or []

    missing = [
        str(file)
        for file in installed
        if file.parts[0] == "botocore"
        and "__pycache__" not in file.parts
        and not (sdk_packages / file).exists()
    ]

    assert len(installed) > 1000
    assert missing == []
