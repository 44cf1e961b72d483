"""What docs/layer.md says in numbers and names is so."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from layer.archive import MEBIBYTE
from layer.build import ROOT
from layer.publish import Publisher
from layer.releases import parse_grants, read_releases
from layer.targets import ARCHITECTURES, PYTHON_RUNTIMES
from tests.layer.test_packages import pins

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from layer.targets import Target
    from tests.layer.conftest import Layers
    from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

_SIZE_ROW = re.compile(r"^\| (3\.\d+) \| (\w+) \| ([\d.]+) \| ([\d.]+) \|", re.MULTILINE)


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / "docs" / "layer.md").read_text()


def test_the_table_of_sizes_has_every_target_once(page: str) -> None:
    rows = [(python, architecture) for python, architecture, _, _ in _SIZE_ROW.findall(page)]

    assert rows == [
        (python.version, architecture.name) for python in PYTHON_RUNTIMES for architecture in ARCHITECTURES
    ]


def test_the_sizes_are_those_of_the_layer_within_a_quarter(page: str, layers: Layers, native: Target) -> None:
    sizes: dict[tuple[str, str], Any] = {
        (python, architecture): (float(zipped), float(unzipped))
        for python, architecture, zipped, unzipped in _SIZE_ROW.findall(page)
    }
    layer = layers.zip(native)

    with zipfile.ZipFile(layer) as archive:
        unzipped_bytes = sum(entry.file_size for entry in archive.infolist())

    assert sizes[native.python.version, native.architecture.name] == (
        pytest.approx(layer.stat().st_size / MEBIBYTE, rel=0.25),
        pytest.approx(unzipped_bytes / MEBIBYTE, rel=0.25),
    )


def test_the_packages_said_to_shadow_are_in_the_layer(page: str) -> None:
    rows = re.findall(r"^\| (?:instead of the runtime's|besides) \| (.*) \|$", page, re.MULTILINE)

    named = set(re.findall(r"`([a-z0-9-]+)`", " ".join(rows)))

    assert len(rows) == 2
    assert named <= pins("layer.txt").keys()


def test_the_actions_to_be_granted_are_exactly_those_that_publishing_calls(
    page: str, sdk: Callable[..., Any], aws: StandIn, tmp_path: Path
) -> None:
    granted = set(re.findall(r"`((?:lambda|s3):[A-Za-z]+)`", page))
    bucket = f"policy-{aws.account_id}"
    sdk("s3").create_bucket(Bucket=bucket)
    aws.reset_calls()
    publisher = Publisher(
        functions=sdk("lambda"),
        objects=sdk("s3"),
        region=aws.region,
        bucket=bucket,
        direct_upload_limit_bytes=1,
    )
    with zipfile.ZipFile(tmp_path / "cloudmap-discovery-0.1.0-py3.13-arm64.zip", "w") as archive:
        archive.writestr("python/module.py", "")
    releases = read_releases(tmp_path, layer_name="cloudmap-discovery")

    for _ in range(2):
        for plan in publisher.plan(releases, parse_grants(accounts="123456789012", public=False)):
            publisher.carry_out(plan)

    called = set(aws.calls())
    assert granted - called == {"s3:GetObject"}  # by Lambda, in the name of whoever publishes
    assert called - granted == set()


def test_every_option_of_the_commands_is_a_variable_of_make(page: str) -> None:
    makefile = (ROOT / "layer" / "layer.mk").read_text()

    for program in ("build", "publish"):
        usage = subprocess.run(
            [sys.executable, "-m", f"layer.{program}", "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        options = set(re.findall(r"^  (--[a-z-]+)", usage, re.MULTILINE)) - {"--dist"}
        variables = {option: re.search(rf",([A-Z_]+),{option}\)", makefile) for option in options}
        assert None not in variables.values(), variables
        assert [
            name[1]
            for name in variables.values()
            if name and f"{name[1]}=" not in page and f"`{name[1]}`" not in page
        ] == []
