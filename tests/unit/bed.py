"""A Discovery over fake stores with a fake clock: what unit tests of the core arrange."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.assembly import make_discovery
from cloudmap_discovery.clock import Instant
from cloudmap_discovery.errors import AccessDeniedError, StoreTimeoutError, ThrottledError
from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.io_thread import IOThread
from cloudmap_discovery.model import Instance, Key
from cloudmap_discovery.settings import Settings
from cloudmap_discovery.store_health import StoreHealth
from cloudmap_discovery.testing import FakeClock, FakeStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudmap_discovery.discovery import Discovery
    from cloudmap_discovery.events import Event
    from cloudmap_discovery.freshness import Entry
    from cloudmap_discovery.stores.port import Absent, Found

STAGE: Final = "Production"
NAMESPACE: Final = "services"
IO: Final = IOThread()
"""One for all tests that do not look at it: an I/O thread lives as long as the process."""

# The store was reached and refused: the key backs off, the store does not.
DENIED: Final = AccessDeniedError("denied")
UNREACHABLE: Final = StoreTimeoutError("unreachable")
THROTTLED: Final = ThrottledError("too many requests", code="RequestLimitExceeded")


def never_random() -> float:
    return 0.0


def users(endpoint: str = "https://users.test", **fields: Any) -> Instance:
    return Instance("users", endpoint, **{"stage": STAGE, **fields})


def key_of(service: str = "users", stage: str = STAGE) -> Key:
    return Key(NAMESPACE, service, stage)


class RunningClock(FakeClock):
    """Clocks that run with the machine's, and jump when told."""

    def __init__(self) -> None:
        super().__init__(0.0, 0.0)
        self.wall: Callable[[], float] = lambda: time.time() + self._now.wall
        self.monotonic: Callable[[], float] = lambda: time.monotonic() + self._now.monotonic

    def now(self) -> Instant:
        return Instant(self.wall(), self.monotonic())


class BedStore(FakeStore):
    """A store that notes its name in `order` when it is asked, waits until it is open, and takes `takes_seconds`."""

    def __init__(self, name: str, clock: FakeClock, order: list[str], *, mirrored: bool) -> None:
        super().__init__(name, clock=clock, mirrored=mirrored)
        self._bed_clock = clock
        self._order = order
        self.is_open = True
        self.takes_seconds = 0.0
        self.bug: Exception | None = None

    async def fetch(
        self, key: Key, *, timeout_seconds: float, since: Instant | None = None
    ) -> Found | Absent:
        self._order.append(self.name)
        while not self.is_open:  # noqa: ASYNC110 -- opened from another thread
            await asyncio.sleep(0.001)
        said = await super().fetch(key, timeout_seconds=timeout_seconds, since=since)
        self._bed_clock.advance(self.takes_seconds)
        if self.bug is not None:
            raise self.bug
        return said


@dataclass
class Bed:
    clock: FakeClock
    cloud_map: BedStore
    parameters: BedStore
    discovery: Discovery
    io: IOThread
    events: EventHub
    health: StoreHealth
    asked: list[str]
    seen: list[Event] = field(default_factory=list)
    discarded: list[bool] = field(default_factory=list)

    async def find(self, service: str = "users", **about: Any) -> Instance:
        return await self.discovery.discover(service, **{"stage": STAGE, **about})

    async def find_all(self, service: str = "users", **about: Any) -> Any:
        return await self.discovery.discover_all(service, **{"stage": STAGE, **about})

    def entry(self, service: str = "users", stage: str = STAGE) -> Entry:
        return self.discovery._cache.get(key_of(service, stage))

    async def landed(self, service: str = "users", stage: str = STAGE) -> None:
        """Wait until no flight of the key is under way."""
        flights = self.discovery._refresher.flights
        await self.until(lambda: key_of(service, stage) not in flights._under_way)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until the condition holds, which another thread brings about."""
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 -- another thread has no event to set
                await asyncio.sleep(0.001)

    def of(self, kind: type[Event]) -> list[Any]:
        """Return the events of a kind that were seen so far."""
        return [event for event in self.seen if isinstance(event, kind)]


def make_bed(
    *,
    stale_wait_seconds: float = 0.0,
    sources: tuple[str, ...] = ("cloudmap", "ssm"),
    mirrored: bool = False,
    draw: Callable[[], float] = never_random,
    jitter: Callable[[], float] = never_random,
    clock: FakeClock | None = None,
    io: IOThread | None = None,
    **settings: Any,
) -> Bed:
    clock, io, asked = clock or FakeClock(), io or IO, list[str]()
    stores = {
        "cloudmap": BedStore("cloudmap", clock, asked, mirrored=False),
        "ssm": BedStore("ssm", clock, asked, mirrored=mirrored),
    }
    events, discarded = EventHub(), list[bool]()

    async def discard() -> None:
        discarded.append(True)

    health = StoreHealth(jitter, probe_seconds=2.0)
    discovery = make_discovery(
        Settings(namespace=NAMESPACE, sources=sources, **settings),
        [stores[name] for name in sources],
        io=io,
        events=events,
        clock=clock,
        health=health,
        discard=discard,
        stale_wait_seconds=stale_wait_seconds,
        draw=draw,
        jitter=jitter,
    )
    cloud_map, parameters = stores["cloudmap"], stores["ssm"]
    return Bed(clock, cloud_map, parameters, discovery, io, events, health, asked, discarded=discarded)


def listen(bed: Bed) -> Bed:
    """Have the bed's events recorded from now on."""
    bed.events.subscribe(bed.seen.append)
    return bed
