"""A Discovery over fake stores with a fake clock: what unit tests of the core arrange."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cloudmap_discovery import wiring
from cloudmap_discovery.discovery import Discovery
from cloudmap_discovery.events import Event, EventHub
from cloudmap_discovery.io_thread import IOThread
from cloudmap_discovery.model import Instance
from cloudmap_discovery.settings import Settings
from cloudmap_discovery.store_health import StoreHealth
from cloudmap_discovery.testing import FakeClock, FakeStore

STAGE = "Production"


def never_random() -> float:
    return 0.0


def users(endpoint: str = "https://users.test", **fields: Any) -> Instance:
    return Instance("users", endpoint, **{"stage": STAGE, **fields})


@dataclass
class Bed:
    clock: FakeClock
    cloud_map: FakeStore
    parameters: FakeStore
    discovery: Discovery
    io: IOThread
    events: EventHub
    seen: list[Event] = field(default_factory=list)
    discarded: list[bool] = field(default_factory=list)


def make_bed(
    *,
    stale_wait_seconds: float = 0.0,
    sources: tuple[str, ...] = ("cloudmap", "ssm"),
    mirrored: bool = False,
    draw: Any = never_random,
    **settings: Any,
) -> Bed:
    clock = FakeClock()
    stores = {
        "cloudmap": FakeStore("cloudmap", clock=clock),
        "ssm": FakeStore("ssm", clock=clock, mirrored=mirrored),
    }
    io, events, discarded = IOThread(), EventHub(), []

    async def discard() -> None:
        discarded.append(True)

    discovery = wiring.make_discovery(
        Settings(sources=sources, **settings),
        [stores[name] for name in sources],
        io=io,
        events=events,
        clock=clock,
        health=StoreHealth(draw, probe_seconds=2.0),
        discard=discard,
        stale_wait_seconds=stale_wait_seconds,
        draw=draw,
    )
    bed = Bed(clock, stores["cloudmap"], stores["ssm"], discovery, io, events, discarded=discarded)
    return bed


def listen(bed: Bed) -> None:
    bed.events.subscribe(bed.seen.append)
