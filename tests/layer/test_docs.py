"""What docs/layer.md says in numbers and names is so."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

import pytest

from layer.archive import MEBIBYTE, read_size
from layer.build import ROOT
from layer.publish import COST_WITHOUT_BYTECODE, Publisher
from layer.releases import parse_grants, read_releases
from layer.targets import ARCHITECTURES, FLAVORS, PROJECT, PYTHON_RUNTIMES, SLIM, find_target
from tests.layer.test_packages import pins
from tests.project.markdown import table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from layer.targets import Target
    from tests.layer.conftest import Layers
    from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

PAGE = ROOT / "docs" / "layer.md"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text()


def sizes() -> dict[tuple[str, str, str], Any]:
    rows = table(PAGE, "flavour", "Python", "architecture")
    return {(row[0], row[1], row[2]): (float(row[3]), float(row[4])) for row in rows}


def row_of(target: Target) -> tuple[str, str, str]:
    python, _, _ = str(target).removeprefix("Python ").partition(" on ")
    return target.flavor, python, ", ".join(architecture.name for architecture in target.architectures)


def gained(*head: str) -> list[int]:
    """Return the milliseconds that bytecode gains, line by line."""
    return [int(row[3]) for row in table(PAGE, *head)]


def test_the_table_of_sizes_has_every_target_once() -> None:
    full = [
        find_target(python.version, architecture.name)
        for python in PYTHON_RUNTIMES
        for architecture in ARCHITECTURES
    ]

    assert list(sizes()) == [row_of(target) for target in (SLIM, *full)]
    assert len(table(PAGE, "flavour", "Python", "architecture")) == len(sizes())


def test_the_sizes_are_those_of_the_layer_within_a_quarter(layers: Layers, target: Target) -> None:
    size = read_size(layers.zip(target))

    assert sizes()[row_of(target)] == (
        pytest.approx(size.zipped_bytes / MEBIBYTE, rel=0.25),
        pytest.approx(size.unzipped_bytes / MEBIBYTE, rel=0.25),
    )


def test_the_packages_said_to_shadow_are_in_the_layer() -> None:
    rows = [
        row for row in table(PAGE, "", "slim", "full") if row[0] in {"instead of the runtime's", "besides"}
    ]

    named = {
        flavor: {name for row in rows for name in re.findall(r"`([a-z0-9-]+)`", row[column])}
        for column, flavor in enumerate(FLAVORS, 1)
    }

    assert len(rows) == 2
    assert named["slim"] == pins("layer-slim.txt").keys()
    assert named["full"]
    assert named["full"] <= pins("layer.txt").keys()


def test_what_publishing_says_of_the_cost_is_about_what_was_measured() -> None:
    said = {
        flavor: [int(number) for number in re.findall(r"about (\d+) ms", COST_WITHOUT_BYTECODE[flavor])]
        for flavor in FLAVORS
    }
    slim, full = gained("Python", "with bytecode"), gained("import", "with bytecode")

    measured: dict[str, list[float]] = {"slim": [sum(slim) / len(slim)], "full": [full[0], full[-1]]}

    for flavor in FLAVORS:
        for about, exact in zip(said[flavor], measured[flavor], strict=True):
            assert exact / 2 <= about <= exact * 2


def test_the_resources_to_be_granted_are_the_layers_of_both_flavors(page: str) -> None:
    of_layers = re.findall(r"`arn:aws:lambda:<region>:<account>:layer:([^`:]+)(:\*)?`", page)
    names = [target.layer_name(PROJECT) for target in (SLIM, find_target("3.13", "arm64"))]

    assert sorted(versions for _, versions in of_layers) == ["", ":*"]
    assert [(name, pattern) for pattern, _ in of_layers for name in names if not fnmatch(name, pattern)] == []


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
