"""A cached `await discover(...)` against Powertools' cached `get_parameter` and a bare async function over a dict.

    python -m tests.benchmarks.cached [--against REVISION]

With a revision of this repository, the package as it was then takes turns with the present one.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.benchmarks.measuring import fastest, table
from tests.standin.client import StandInProcess

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
ROUNDS: Final = 15
CALLS: Final = 20_000
STAGE: Final = "Production"
LADDER: Final = f"pr-7>{STAGE}"
BARE: Final = "a bare async function over a dict"
ONE: Final = "discover, one instance"
RANGED: Final = "discover, one instance, version=^1.2"
LADDERED: Final = "discover, a ladder of two stages"
STICKY: Final = "discover, five instances, sticky"
FIVE: Final = "discover, five instances by weight"
POWERTOOLS: Final = "Powertools get_parameter (not async)"
NOW: Final = "now"
_ONE_ROUND: Final = "--one-round"


async def one_round(calls: int) -> dict[str, float]:
    """Return the microseconds of a call of each, in this process."""
    from aws_lambda_powertools.utilities.parameters import get_parameter  # noqa: PLC0415 -- reads the environment

    from cloudmap_discovery import discover  # noqa: PLC0415 -- the one on the path of this process

    answers = {("users", STAGE): "https://users.example.com"}

    async def bare(service: str, *, stage: str) -> str:
        return answers[service, stage]

    has_ranges = "version" in signature(discover).parameters  # not in older revisions

    def powertools() -> float:
        started = time.perf_counter()
        for _ in range(calls):
            get_parameter("/services/Production/users", max_age=3600)
        return (time.perf_counter() - started) / calls * 1e6

    async def measure(calls: int) -> dict[str, float]:
        started = time.perf_counter()
        for _ in range(calls):
            await bare("users", stage=STAGE)
        floor = (time.perf_counter() - started) / calls * 1e6
        started = time.perf_counter()
        for _ in range(calls):
            await discover("users", stage=STAGE)
        one = (time.perf_counter() - started) / calls * 1e6
        started = time.perf_counter()
        for _ in range(calls):
            await discover("orders", stage=STAGE)
        five = (time.perf_counter() - started) / calls * 1e6
        if not has_ranges:
            return {BARE: floor, ONE: one, FIVE: five, POWERTOOLS: powertools()}
        more = await requests_of_more(discover, calls)
        return {BARE: floor, ONE: one, **more, FIVE: five, POWERTOOLS: powertools()}

    await measure(10)
    return await measure(calls)


async def requests_of_more(discover: Callable[..., Awaitable[object]], calls: int) -> dict[str, float]:
    """Return the microseconds of a call that asks for a version, a ladder or a sticky key."""
    fewer = max(calls // 10, 1)
    started = time.perf_counter()
    for _ in range(calls):
        await discover("users", stage=STAGE, version="^1.2")
    ranged = (time.perf_counter() - started) / calls * 1e6
    started = time.perf_counter()
    for _ in range(fewer):
        await discover("users", stage=LADDER)
    ladder = (time.perf_counter() - started) / fewer * 1e6
    started = time.perf_counter()
    for _ in range(fewer):
        await discover("orders", stage=STAGE, sticky="customer-42")
    sticky = (time.perf_counter() - started) / fewer * 1e6
    return {RANGED: ranged, LADDERED: ladder, STICKY: sticky}


def cached_reads(trees: Mapping[str, Path], rounds: int = ROUNDS) -> dict[str, dict[str, float]]:
    """Return the microseconds of each package tree, by its name, in the fastest of fresh processes that take turns."""
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in trees}
    with StandInProcess() as stand_in:
        environment = {**os.environ, **stand_in.environment(), "DISCOVERY_TTL": "3600"}
        stand_in.seed_instance(
            "services",
            "users",
            "1",
            {"endpoint": "https://users.example.com", "stage": STAGE, "version": "1.4.2"},
        )
        stand_in.seed_parameter("/services/Production/users", "https://users.example.com")
        for number in range(5):
            record = {"endpoint": f"https://{number}.example.com", "stage": STAGE, "weight": str(number + 1)}
            stand_in.seed_instance("services", "orders", str(number), record)
        for _ in range(rounds):
            for name, tree in trees.items():
                environment["PYTHONPATH"] = f"{tree}{os.pathsep}{ROOT}"
                command = [sys.executable, "-P", "-m", "tests.benchmarks.cached", _ONE_ROUND]
                measured[name].append(json.loads(subprocess.check_output(command, env=environment)))
    return {name: fastest(results) for name, results in measured.items()}


def unpack_revision(revision: str, folder: Path) -> Path | None:
    """Unpack the package as it was at a revision; None where this clone does not have it."""
    done = subprocess.run(
        ["git", "archive", "--format=tar", revision, "cloudmap_discovery"],  # noqa: S607 -- the git of whoever runs this
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        return None
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def cached_table(results: Mapping[str, Mapping[str, float]]) -> str:
    """Return the table of cached reads; what was before is beside what is now."""
    now = results[NOW]
    earlier = {f"at {name}": micros for name, micros in results.items() if name != NOW}
    rows = [
        (
            name,
            f"{micros:.2f} µs",
            f"{micros / now[BARE]:.1f} x",
            f"{now[POWERTOOLS] / micros:.1f} x",
            *(f"{one[name]:.2f} µs" if name in one else "" for one in earlier.values()),
        )
        for name, micros in now.items()
    ]
    return table(("what", "a call", "of the bare function", "faster than Powertools", *earlier), rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--against", metavar="REVISION", help="a revision to compare with")
    parser.add_argument(_ONE_ROUND, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one_round:
        print(json.dumps(asyncio.run(one_round(CALLS))))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        trees = {NOW: ROOT}
        if options.against:
            tree = unpack_revision(options.against, Path(temporary))
            if tree is None:
                parser.error(f"git does not have {options.against}")
            trees[options.against] = tree
        print(f"\nCached reads, the fastest of {ROUNDS} processes that take turns, {CALLS} calls each\n")
        print(cached_table(cached_reads(trees)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
