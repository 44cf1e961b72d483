"""What a fleet of 100 to 10,000 sandboxes asks of AWS, by ladder of stores: simulated with the library's own code.

    python -m tests.benchmarks.fleet [--quick] [--write]

A quarter of an hour for all fleets, on two processors; half a minute with `--quick`. `--write` renews the tables and the picture of docs/scale.md.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.model import Instance
from cloudmap_discovery.snapshot_writing import empty_snapshot, rewritten, snapshot_text
from tests.benchmarks.fleet_plot import TIMES, drawn
from tests.benchmarks.fleet_run import (
    DEPLOYED,
    OUTAGE,
    PHASES,
    RECOVERY,
    STARTS,
    STEADY,
    Figures,
    Fleet,
    simulate,
)
from tests.benchmarks.fleet_world import APIS, NAMESPACE, STAGE, WALL_AT_START
from tests.benchmarks.measuring import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.fleet_world import Registry

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENT: Final = ROOT / "docs" / "scale.md"
PICTURE: Final = ROOT / "docs" / "scale.svg"
BEGIN: Final = "<!-- simulated by make bench-fleet: begin -->\n"
END: Final = "<!-- simulated by make bench-fleet: end -->"
LADDERS: Final = ("cloudmap", "cloudmap,ssm", "s3,cloudmap", "file,s3,cloudmap")
SIZES: Final = ((100, 1), (100, 20), (1_000, 5), (1_000, 20), (10_000, 20), (10_000, 50))
QUICK_SIZES: Final = ((100, 1), (1_000, 5))
NONE: Final = "\N{EN DASH}"
_QUICK_SAMPLE: Final = 20
_NAIVE_SAMPLE: Final = 20
# Where each lookup is a call of its own, fewer sandboxes say as much; where one call answers all, a peak takes many.
_SAMPLES: Final = {1: 250, 5: 150, 20: 80, 50: 40}
_S3_SAMPLE: Final = 120
_FILE_AGE_SECONDS: Final = 86_400.0


def fleets(sizes: Sequence[tuple[int, int]], *, sample: int | None = None) -> list[Fleet]:
    """Return what is simulated: each size with each ladder, by the library and by the naive client."""
    return [
        Fleet(
            ladder,
            sandboxes,
            dependencies,
            is_naive,
            sample or _sample(ladder, dependencies, is_naive=is_naive),
        )
        for sandboxes, dependencies in sizes
        for ladder in LADDERS
        for is_naive in (False, True)
    ]


def _sample(ladder: str, dependencies: int, *, is_naive: bool) -> int:
    if is_naive:
        return _NAIVE_SAMPLE
    return _S3_SAMPLE if "s3" in ladder and dependencies <= 20 else _SAMPLES[dependencies]


def run(fleet: Fleet, folder: str) -> Figures:
    """Simulate one fleet; its functions bring a snapshot of yesterday along."""

    def file(registry: Registry) -> str:
        path = Path(folder) / f"{fleet.dependencies}.json"
        wall = WALL_AT_START - _FILE_AGE_SECONDS
        places = {
            (name, STAGE): [Instance(name, registry.endpoint(name, 0), STAGE)] for name in registry.names
        }
        whole = rewritten(empty_snapshot("", NAMESPACE, wall), places, wall=wall, checked=True)
        made = path.with_suffix(f".{fleet.ladder.count(',')}{fleet.is_naive:d}{fleet.sandboxes}")
        made.write_text(snapshot_text(whole))
        return str(made)

    return simulate(fleet, file=file)


def shares(figures: Sequence[Figures]) -> str:
    """Return the table of calls against the quotas."""
    rows = []
    for one in figures:
        fleet = one.fleet
        rows.append(
            (
                _size(fleet),
                f"`{fleet.ladder}`{' naive' if fleet.is_naive else ''}",
                *(_calls(one, phase, name) for phase in (STEADY, STARTS) for name in APIS),
                f"{one.share(STEADY, is_peak=False):.2%}".replace("%", " %"),
                f"{one.share(STARTS, is_peak=True):.1%}".replace("%", " %"),
            )
        )
    heads = (
        f"sandboxes {TIMES} services",
        "ladder",
        *(f"{name}, steady" for name in APIS),
        *(f"{name}, all start anew" for name in APIS),
        "of the nearest quota, steady",
        "peak when all start",
    )
    return table(heads, rows)


def lookups(figures: Sequence[Figures]) -> str:
    """Return the table of what lookups came to."""
    rows = []
    for one in figures:
        fleet, steady, outage = one.fleet, one.tallies[STEADY], one.tallies[OUTAGE]
        rows.append(
            (
                _size(fleet),
                f"`{fleet.ladder}`{' naive' if fleet.is_naive else ''}",
                f"{_seconds(steady.age(0.5))} / {_seconds(steady.age(0.99))}",
                f"{_seconds(outage.age(0.5))} / {_seconds(outage.age(0.99))}",
                _seen(one.seen_by_99_percent_seconds),
                *(_failed(one, phase) for phase in (STEADY, STARTS, OUTAGE)),
                f"${one.dollars_a_month:,.0f}",
            )
        )
    heads = (
        f"sandboxes {TIMES} services",
        "ladder",
        "age, p50 / p99",
        "age in the outage",
        "99 % see a deployment after",
        "failed, steady",
        "failed when all start",
        "failed in the outage",
        "calls of a month",
    )
    return table(heads, rows)


def aims(figures: Sequence[Figures]) -> str:
    """Return what was aimed at, and whether it is reached."""
    wanted = {("s3,cloudmap", 10_000, 20)}
    rows: list[tuple[str, str, str]] = []
    for one in figures:
        fleet = one.fleet
        if fleet.is_naive or (fleet.ladder, fleet.sandboxes, fleet.dependencies) not in wanted:
            continue
        steady, starts = one.share(STEADY, is_peak=False), one.share(STARTS, is_peak=True)
        rows.append(
            (
                f"`s3,cloudmap`, 10,000 {TIMES} 20, steady: at most 5 % of every quota",
                f"{steady:.1%}",
                _reached(steady <= 0.05),
            )
        )
        rows.append(
            (
                "the same when all start within ten seconds: at most 50 %",
                f"{starts:.1%}",
                _reached(starts <= 0.5),
            )
        )
    failed = sum(
        one.tallies[phase].failed_although_seen
        for one in figures
        if not one.fleet.is_naive
        for phase in (OUTAGE, RECOVERY)
    )
    rows.append(
        (
            "failed lookups in the outage of services that the sandbox had seen: none",
            f"{failed}",
            _reached(failed == 0),
        )
    )
    return table(("aim", "measured", ""), rows)


def _reached(is_reached: bool) -> str:  # noqa: FBT001 -- one word for one fact
    return "reached" if is_reached else "not reached"


def _size(fleet: Fleet) -> str:
    return f"{fleet.sandboxes:,} {TIMES} {fleet.dependencies}"


def _calls(one: Figures, phase: str, name: str) -> str:
    mean, peak = one.mean[phase, name], one.peak[phase, name]
    return NONE if not peak else f"{_rate(mean)} ({_rate(peak)})"


def _rate(calls: float) -> str:
    return f"{calls:,.0f}" if calls >= 10 else f"{calls:.1f}"


def _seconds(age: float) -> str:
    if math.isnan(age):
        return NONE
    return f"{age:.0f} s" if age < 3 * 3600 else f"{age / 3600:.0f} h"


def _seen(seconds: float) -> str:
    return f"not in {dict(PHASES)[DEPLOYED]} s" if math.isnan(seconds) else f"{seconds:.0f} s"


def _failed(one: Figures, phase: str) -> str:
    tally = one.tallies[phase]
    failed = tally.failed_although_seen + tally.failed_at_start
    if not failed:
        return "0"
    share = failed / tally.lookups
    only = " (new sandboxes)" if not tally.failed_although_seen else ""
    return f"{share:.2%}{only}".replace("%", " %")


def written(document: str, simulated: str) -> str:
    """Return the document with what stands between its marks replaced; raises a `ValueError` where it has none."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{DOCUMENT.name} has not the marks {BEGIN.strip()} and {END}")
    return f"{before}{begin}\n{simulated.strip()}\n\n{end}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print Markdown, and with `--write` put it into the document; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="two small fleets, to see that it works")
    parser.add_argument("--write", action="store_true", help=f"renew docs/{DOCUMENT.name} and its picture")
    options = parser.parse_args(arguments)
    wanted = fleets(QUICK_SIZES, sample=_QUICK_SAMPLE) if options.quick else fleets(SIZES)
    figures: list[Figures] = []
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2) as pool:
        for one in pool.map(partial(run, folder=folder), wanted):
            figures.append(one)
            print(f"{len(figures)}/{len(wanted)} {one.fleet}", file=sys.stderr, flush=True)
    caching = [one for one in figures if not one.fleet.is_naive]
    naive = [one for one in figures if one.fleet.is_naive]
    parts = [
        "### Aims",
        aims(figures),
        "### Calls a second: mean, and the busiest ten seconds in parentheses",
        shares(caching),
        "### What lookups came to",
        lookups(caching),
        "### The same by the naive client: no cache, a call for each lookup",
        shares(naive),
        lookups(naive),
    ]
    text = "\n\n".join(parts)
    print(text)
    if options.write:
        DOCUMENT.write_text(written(DOCUMENT.read_text(), text))
        PICTURE.write_text(drawn(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
