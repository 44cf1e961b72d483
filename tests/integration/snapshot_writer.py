"""Several writers of one process, each with a registry, mirrors and connections of its own: run by a test."""

from __future__ import annotations

import asyncio
import os
import sys

from cloudmap_discovery import wiring
from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.events import MirrorFailed
from cloudmap_discovery.io_thread import IOThread

STAGE = "Production"
SECONDS = 200.0


async def write(number: int, io: IOThread) -> list[str]:
    """Register a record: in a service of its own, or beside those of others; some take theirs away again."""
    failures: list[str] = []
    events = EventHub()
    events.subscribe(lambda event: failures.append(event.reason) if isinstance(event, MirrorFailed) else None)
    core = wiring.build(
        wiring.read_settings(os.environ), os.environ, io=io, clock=SystemClock(), events=events
    )
    service = "common" if is_common(number) else f"own-{number}"
    await core.registry.register(
        service,
        f"https://{number}.test",
        stage=STAGE,
        variant=str(number),
        wait=False,
        timeout_seconds=SECONDS,
    )
    if is_passing(number):
        await core.registry.deregister(
            service, stage=STAGE, variant=str(number), wait=False, timeout_seconds=SECONDS
        )
    await core.transport.aclose()
    return failures


def is_common(number: int) -> bool:
    """Return whether the writer writes to the service that others write to, too."""
    return number % 4 == 0


def is_passing(number: int) -> bool:
    """Return whether the writer takes its record away again."""
    return number % 5 == 0


async def write_all(numbers: range, io: IOThread) -> list[str]:
    found = await asyncio.gather(*(write(number, io) for number in numbers))
    return [failure for failures in found for failure in failures]


if __name__ == "__main__":
    os.nice(10)  # what they ask comes first: a hundred of them would keep it from answering on a busy machine
    io_thread = IOThread()
    first, count = int(sys.argv[1]), int(sys.argv[2])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for line in io_thread.run(lambda: write_all(range(first, first + count), io_thread)):
        sys.stdout.write(f"{line}\n")
