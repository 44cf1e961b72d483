"""1,000 coroutines on 4 event loops, in 4 threads, ask for one cold key: how many calls reach AWS."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Final

from tests.benchmarks.measuring import print_table
from tests.standin.client import StandInProcess

LOOPS: Final = 4
COROUTINES: Final = 1_000
LATENCY_SECONDS: Final = 0.1


def main(stand_in: StandInProcess) -> None:
    """Print the table."""
    from cloudmap_discovery import discover, sync  # noqa: PLC0415 -- reads the environment

    sync.discover("warm-up", stage="Production")  # imports and connections are not the question here
    stand_in.reset_calls()
    barrier = threading.Barrier(LOOPS + 1)
    answers: list[str] = []

    async def ask() -> None:
        found = await asyncio.gather(
            *(discover("users", stage="Production") for _ in range(COROUTINES // LOOPS))
        )
        answers.extend(map(str, found))

    def run() -> None:
        barrier.wait()
        asyncio.run(ask())

    threads = [threading.Thread(target=run) for _ in range(LOOPS)]
    for thread in threads:
        thread.start()
    barrier.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - started
    print_table(
        "One cold key, asked for by many at once",
        ("coroutines", "event loops", "answers", "calls to AWS", "AWS's latency", "until all had it"),
        [
            (
                COROUTINES,
                LOOPS,
                f"{len(answers)} ({len(set(answers))} different)",
                ", ".join(f"{count} {name.split(':')[1]}" for name, count in stand_in.calls().items()),
                f"{LATENCY_SECONDS * 1000:.0f} ms",
                f"{took * 1000:.0f} ms",
            )
        ],
    )


if __name__ == "__main__":
    with StandInProcess() as process:
        os.environ.update(process.environment())
        for name in ("warm-up", "users"):
            record = {"endpoint": f"https://{name}.example.com", "stage": "Production"}
            process.seed_instance("services", name, "1", record)
        process.add_fault("latency", "servicediscovery", seconds=LATENCY_SECONDS)
        main(process)
