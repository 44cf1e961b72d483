"""A cached `await discover(...)` against Powertools' cached `get_parameter` and a bare async function over a dict."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Final

from tests.benchmarks.measuring import medians, print_table
from tests.standin.client import StandInProcess

ROUNDS: Final = 15
CALLS: Final = 20_000
STAGE: Final = "Production"


async def main() -> None:
    """Print the table."""
    from aws_lambda_powertools.utilities.parameters import get_parameter  # noqa: PLC0415 -- reads the environment

    from cloudmap_discovery import discover  # noqa: PLC0415 -- reads the environment

    answers = {("users", STAGE): "https://users.example.com"}

    async def bare(service: str, *, stage: str) -> str:
        return answers[service, stage]

    async def one_round(calls: int) -> dict[str, float]:
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
        started = time.perf_counter()
        for _ in range(calls):
            get_parameter("/services/Production/users", max_age=3600)
        powertools = (time.perf_counter() - started) / calls * 1e6
        return {
            "a bare async function over a dict": floor,
            "discover, one instance": one,
            "discover, five instances by weight": five,
            "Powertools get_parameter (not async)": powertools,
        }

    await one_round(10)
    results = medians([await one_round(CALLS) for _ in range(ROUNDS)])
    floor, powertools = (
        results["a bare async function over a dict"],
        results["Powertools get_parameter (not async)"],
    )
    print_table(
        f"Cached reads, medians of {ROUNDS} interleaved rounds of {CALLS} calls",
        ("what", "µs a call", "of the bare function", "faster than Powertools"),
        [
            (name, f"{micros:.2f}", f"{micros / floor:.1f} x", f"{powertools / micros:.1f} x")
            for name, micros in results.items()
        ],
    )


if __name__ == "__main__":
    with StandInProcess() as stand_in:
        os.environ.update(stand_in.environment(), DISCOVERY_TTL="3600")
        stand_in.seed_instance(
            "services", "users", "1", {"endpoint": "https://users.example.com", "stage": STAGE}
        )
        stand_in.seed_parameter("/services/Production/users", "https://users.example.com")
        for number in range(5):
            record = {"endpoint": f"https://{number}.example.com", "stage": STAGE, "weight": str(number + 1)}
            stand_in.seed_instance("services", "orders", str(number), record)
        asyncio.run(main())
