"""What docs/install.md says is what the template and the commands say."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any, Final

import pytest

from cloudmap_discovery.registrar.carrying_out import Done
from cloudmap_discovery.registrar.reconcile import Plan
from cloudmap_discovery.registrar.report import counts
from cloudmap_discovery.registrar.runs import Summary
from layer.build import ROOT
from layer.stacks import DEFAULT_STACK, LONGEST_NAME
from layer.templates import read_template
from tests.project.markdown import table

PAGE: Final = ROOT / "docs/install.md"
TEXT: Final = PAGE.read_text()
PARSED: Final = read_template()
RESOURCES: Final[dict[str, Any]] = PARSED["Resources"]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def costs() -> dict[str, tuple[str, float]]:
    """Return how much there is of what costs, and the price, by the service and its first word that tells them apart."""
    rows = table(PAGE, "what", "how much", "price")
    return {f"{what}, {much}": (much, float(price.removeprefix("$"))) for what, much, price in rows}


def quantity(unit: str) -> tuple[int, float]:
    (found,) = [one for one in costs().values() if unit in one[0]]
    return int(found[0].split()[0].replace(",", "")), found[1]


def test_the_table_of_parameters_is_the_templates() -> None:
    rows = [
        (*code(name), *(code(default) or [""]), text)
        for name, default, text in table(PAGE, "parameter", "default")
    ]

    assert rows == [
        (name, str(one["Default"]), one["Description"]) for name, one in PARSED["Parameters"].items()
    ]


def test_the_table_of_resources_has_every_one_once() -> None:
    named = [name for row in table(PAGE, "resource", "what for") for name in code(row[0])]

    assert sorted(named) == sorted(RESOURCES)


def test_the_table_of_outputs_is_the_templates() -> None:
    rows = table(PAGE, "output", "is", "export", "parameter")

    assert [code(row[0])[0] for row in rows] == list(PARSED["Outputs"])
    for output, _, export, parameter in rows:
        (name,) = code(output)
        exported = PARSED["Outputs"][name].get("Export", {"Name": {"Fn::Sub": ""}})["Name"]["Fn::Sub"]
        assert (code(export) or [""])[0] == exported.replace("${AWS::StackName}", DEFAULT_STACK)
        assert code(parameter) == [f"/{DEFAULT_STACK}/{name.lower()}"]


def test_what_is_counted_in_the_costs_is_there() -> None:
    metrics = len(counts(Summary(Plan(), Done()))) + 1  # and the time it took
    alarms = [one for one in RESOURCES.values() if one["Type"] == "AWS::CloudWatch::Alarm"]
    minutes = re.fullmatch(r"rate\((\d+) minutes\)", PARSED["Parameters"]["Schedule"]["Default"])
    assert minutes is not None
    runs = 30 * 24 * 60 // int(minutes[1])

    gigabytes = RESOURCES["Registrar"]["Properties"]["MemorySize"] / 1024
    expected = {
        "metrics": (metrics, metrics * 0.30),
        "alarms": (len(alarms), len(alarms) * 0.10),
        "runs": (runs, runs * 5 * gigabytes * 0.0000166667),
        "times": (runs, runs * 0.005 / 1000),
    }
    for unit, (amount, price) in expected.items():
        assert quantity(unit)[0] == amount, unit
        assert quantity(unit)[1] == pytest.approx(price, abs=0.005), unit


def test_the_longest_name_of_a_stack_is_the_one_that_is_checked() -> None:
    assert f"up to {LONGEST_NAME} letters, digits and hyphens" in TEXT


@pytest.mark.parametrize("program", ["deploy", "undeploy"])
def test_every_option_of_a_command_is_a_variable_of_make_that_the_page_has(program: str) -> None:
    makefile = (ROOT / "layer" / "layer.mk").read_text()
    usage = subprocess.run(
        [sys.executable, "-m", f"layer.{program}", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    options = set(re.findall(r"^  (--[a-z-]+)", usage, re.MULTILINE)) - {"--aws", "--template"}

    assert options
    for option in options:
        variable = re.search(rf",([A-Z_]+),{option}\)", makefile)
        assert variable is not None, option
        assert f"{variable[1]}=" in TEXT


def test_what_people_see_is_what_is_said() -> None:
    said = "\n".join(path.read_text() for path in (ROOT / "layer").glob("*.py"))
    errors = [code(row[0])[0] for row in table(PAGE, "what you see", "what to do") if row[0].startswith("`")]

    assert len(errors) == 2
    for error in errors:
        words = re.split(r"…|'services'|ROLLBACK_COMPLETE", error)
        assert all(word.strip() in said for word in words), error
