"""How an explanation is told that a process with something in memory gives."""

from __future__ import annotations

import io

import pytest

from cloudmap_discovery.cli.explanation_view import show_explanation
from cloudmap_discovery.cli.screen import Screen
from cloudmap_discovery.model import Explanation, HeldReport, StoreReport
from tests.cli.cli_bed import record


def shown(explained: Explanation) -> list[str]:
    out = io.StringIO()
    show_explanation(Screen({}, out=out, err=io.StringIO()), explained)
    return out.getvalue().splitlines()


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (
            HeldReport("fresh", "cloudmap", 12.0, (record("users"),)),
            "a fresh answer: 1 record from cloudmap, 12 s old",
        ),
        (
            HeldReport("stale", "ssm", 70.0, (record("users"),), 1.5, "throttled"),
            "a stale answer: 1 record from ssm, 70 s old; throttled; the next attempt is in 1.5 s",
        ),
        (
            HeldReport("expired", "cloudmap", 4000.0),
            "an expired answer: 0 records from cloudmap, 4000 s old",
        ),
        (HeldReport("missing"), "an answer that is too old to be used"),
        (HeldReport("absent", age_seconds=0.5), "that it does not exist, 500 ms old"),
        (HeldReport("failing", back_off_seconds=2.0), "that asking failed; the next attempt is in 2 s"),
    ],
    ids=lambda value: value.state if isinstance(value, HeldReport) else "",
)
def test_what_is_held_is_told(held: HeldReport, told: str) -> None:
    explained = Explanation(
        "users", "Production", "services", held, (StoreReport("cloudmap", "absent", 0.1),), (), error="no"
    )

    lines = shown(explained)

    assert " ".join(line.strip() for line in lines[3 : lines.index("", 3)]) == told


def test_times_are_told_in_the_unit_that_suits_them() -> None:
    stores = (
        StoreReport("cloudmap", "absent", 0.0412),
        StoreReport("ssm", "absent", 1.25, note="of yesterday"),
    )
    explained = Explanation("users", "-", "services", HeldReport("nothing"), stores, (), error="no")

    lines = shown(explained)

    assert lines[6:8] == [
        "  \N{EN DASH} cloudmap does not have it (41 ms)",
        "  \N{EN DASH} ssm does not have it (1.25 s), of yesterday",
    ]
