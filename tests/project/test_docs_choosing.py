"""Every row of docs/choosing.md is true: its lookups run on its records and answer what it says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pytest

from cloudmap_discovery import errors
from cloudmap_discovery.errors import DiscoveryError
from cloudmap_discovery.model import Instance
from tests.project.markdown import ROOT, prose, table
from tests.unit.bed import make_bed

if TYPE_CHECKING:
    from tests.unit.bed import Bed

PAGE: Final = ROOT / "docs" / "choosing.md"
SUFFIX: Final = "-staging"


def plain(cell: str) -> str:
    return cell.strip("`").replace("\\|", "|")


def record(cells: tuple[str, ...]) -> Instance:
    service, stage, version, tenant, weight, attributes, endpoint = map(plain, cells)
    return Instance(
        service,
        endpoint,
        stage=stage,
        version=version or None,
        tenant=tenant or None,
        weight=int(weight),
        attributes=dict([attributes.split("=")]) if attributes else {},
        id=f"{stage}-{endpoint}",
    )


def rows(*, with_suffix: bool) -> list[tuple[str, str]]:
    """Return the lookups with their answers, from the tables with or without the suffix."""
    found = []
    for part in re.split(r"\n\n", prose(PAGE)):
        lines = [
            tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
            for line in part.strip().splitlines()
            if line.startswith("|")
        ]
        if lines and lines[0][1:] == ("lookup", "answer") and ("suffix" in lines[0][0]) is with_suffix:
            found += [(plain(lookup), answer) for _, lookup, answer in lines[2:]]
    return found


def bed_of_the_page(**settings: Any) -> Bed:
    bed = make_bed(**settings)
    bed.cloud_map.put(*map(record, table(PAGE, "service", "stage", "version")))
    return bed


async def answer_of(bed: Bed, lookup: str) -> str:
    calls = {"discover": bed.discovery.discover}
    try:
        return str(await eval(lookup, {"__builtins__": {}}, calls))  # noqa: S307 -- of our own document
    except DiscoveryError as error:
        return type(error).__name__


def expected(answer: str) -> set[str]:
    named = set(re.findall(r"`([^`]+)`", answer))
    assert all(name[0].islower() or hasattr(errors, name) for name in named)
    return named


@pytest.mark.parametrize(("lookup", "answer"), rows(with_suffix=False))
async def test_a_lookup_answers_what_the_page_says(lookup: str, answer: str) -> None:
    bed = bed_of_the_page()

    found = await answer_of(bed, lookup)

    assert found in expected(answer)


@pytest.mark.parametrize(("lookup", "answer"), rows(with_suffix=True))
async def test_a_lookup_with_the_suffix_answers_what_the_page_says(lookup: str, answer: str) -> None:
    bed = bed_of_the_page(version_suffix=SUFFIX)

    found = await answer_of(bed, lookup)

    assert found in expected(answer)


def test_the_page_has_an_example_of_each_argument_and_of_each_error() -> None:
    lookups = " ".join(lookup for lookup, _ in rows(with_suffix=False))
    answers = " ".join(answer for _, answer in rows(with_suffix=False))

    for argument in ("stage", "where", "version", "tenant", "sticky"):
        assert f"{argument}=" in lookups
    for error in ("ServiceNotFoundError", "NoMatchingInstanceError", "InvalidValueError"):
        assert error in answers
    assert len(rows(with_suffix=True)) == 4
