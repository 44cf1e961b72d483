"""One sandbox of a fleet: the library's own cache, freshness, flights, ladder and stores, or a client that holds nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from cloudmap_discovery.assembly import make_discovery
from cloudmap_discovery.errors import DiscoveryError, StoreError
from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.model import Key
from cloudmap_discovery.settings import Settings
from cloudmap_discovery.snapshots import read_snapshot
from cloudmap_discovery.store_health import StoreHealth
from cloudmap_discovery.stores.cloud_map import CloudMapStore
from cloudmap_discovery.stores.file import FileStore
from cloudmap_discovery.stores.parameter_store import ParameterStore
from cloudmap_discovery.stores.port import Found
from cloudmap_discovery.stores.s3 import S3Store
from cloudmap_discovery.transport.retry import RetryingTransport
from tests.benchmarks.fleet_world import NAMESPACE, STAGE

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Coroutine, Sequence

    from cloudmap_discovery.snapshots import Snapshot
    from cloudmap_discovery.stores.port import Store
    from cloudmap_discovery.transport.port import Transport
    from tests.benchmarks.fleet_world import Registry, VirtualLoop, World, WorldClock

# Of answers from memory, so many tell their age.
_SAMPLED: Final = 0.04


@dataclass
class Tally:
    """What lookups came to in one stretch of time; `ages` are in whole seconds."""

    lookups: int = 0
    failed_although_seen: int = 0
    failed_at_start: int = 0
    ages: Counter[int] = field(default_factory=Counter)

    def age(self, share: float) -> float:
        """Return the age that this share of the answers is at most."""
        rest = sum(self.ages.values()) * share
        for age in sorted(self.ages):
            rest -= self.ages[age]
            if rest <= 0:
                return age
        return float("nan")


class Client(Protocol):
    """What looks up in a sandbox."""

    async def invoke(self, tally: Tally, on_answer: Callable[[str, str], None]) -> None:
        """Look every dependency up, and tell what came of it."""
        ...


class _InlineIO:
    """In the place of the I/O thread."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, make: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        task = self._loop.create_task(make())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _S3Store(S3Store):
    """Parses each object once for all sandboxes: they share no memory, and each pays 12 ms for 2,000 records."""

    parsed: dict[bytes, Snapshot] = {}  # noqa: RUF012 -- that is the point

    async def _parsed(self, body: bytes) -> Snapshot:
        if body not in self.parsed:
            self.parsed[body] = read_snapshot(body, name="s3", namespace=NAMESPACE)
        return self.parsed[body]


@dataclass(frozen=True, slots=True)
class Place:
    """Where sandboxes live, and what they are made with."""

    loop: VirtualLoop
    clock: WorldClock
    world: World
    registry: Registry
    random: random.Random
    file: str
    """A snapshot of before the simulation, a day old."""

    def stores(self, ladder: Sequence[str], *, retries: bool = True) -> list[Store]:
        """Return the library's stores of a ladder, with its retries or with one attempt."""
        transport: Transport = self.world
        if retries:
            transport = RetryingTransport(self.world, clock=self.clock, random=self.random.random)
        makers: dict[str, Callable[[], Store]] = {
            "cloudmap": lambda: CloudMapStore(transport, clock=self.clock),
            "ssm": lambda: ParameterStore(transport, clock=self.clock),
            "s3": lambda: _S3Store(
                transport,
                bucket="registry",
                key="services.json",
                namespace=NAMESPACE,
                clock=self.clock,
                ttl_seconds=60,
                max_age_seconds=float("inf"),
                random=self.random.random,
            ),
            "file": lambda: FileStore(self.file, namespace=NAMESPACE, clock=self.clock),
        }
        return [makers[name]() for name in ladder]


class CachingClient:
    """The library, with its defaults."""

    def __init__(self, place: Place, ladder: Sequence[str], names: Sequence[str]) -> None:
        self._names = names
        self._random = place.random
        self._seen: set[str] = set()
        io: Any = _InlineIO(place.loop)
        settings = Settings(namespace=NAMESPACE, sources=tuple(ladder))
        self.discovery = make_discovery(
            settings,
            place.stores(ladder),
            io=io,
            events=EventHub(),
            clock=place.clock,
            health=StoreHealth(place.random.random, probe_seconds=settings.timeout),
            discard=place.world.aclose,
            stale_wait_seconds=0.1,
            draw=place.random.random,
            jitter=place.random.random,
        )

    async def invoke(self, tally: Tally, on_answer: Callable[[str, str], None]) -> None:
        held = self.discovery.held
        waiting = []
        for name in self._names:
            tally.lookups += 1
            instance = held(name, STAGE)
            if instance is None or self._random.random() < _SAMPLED:
                told = on_answer if instance is None else None
                waiting.append(self._asked(name, tally, 1 if told else round(1 / _SAMPLED), told))
            if instance is not None:
                on_answer(name, instance.endpoint)
        if waiting:
            await asyncio.gather(*waiting)

    async def _asked(
        self, name: str, tally: Tally, weight: int, on_answer: Callable[[str, str], None] | None
    ) -> None:
        try:
            answer = await self.discovery.discover_all(name, stage=STAGE)
        except DiscoveryError:
            if name in self._seen:
                tally.failed_although_seen += 1
            else:
                tally.failed_at_start += 1
        else:
            self._seen.add(name)
            tally.ages[int(answer.age_seconds)] += weight
            if on_answer is not None:
                on_answer(name, answer[0].endpoint)


class NaiveClient:
    """What people write by hand: every lookup asks the first store, and the next one where that fails; nothing is held."""

    def __init__(self, place: Place, ladder: Sequence[str], names: Sequence[str]) -> None:
        self._names = names
        self._place = place
        self._clock = place.clock
        self._ladder = ladder
        # The file is read once by anybody.
        self._file = place.stores(["file"])[0] if "file" in ladder else None

    async def invoke(self, tally: Tally, on_answer: Callable[[str, str], None]) -> None:
        await asyncio.gather(*(self._asked(name, tally, on_answer) for name in self._names))

    async def _asked(self, name: str, tally: Tally, on_answer: Callable[[str, str], None]) -> None:
        tally.lookups += 1
        # Stores that have read nothing yet, and share nothing: a call for each lookup.
        for name_of_store in self._ladder:
            store = self._file if name_of_store == "file" else None
            store = store or self._place.stores([name_of_store], retries=False)[0]
            try:
                said = await store.fetch(
                    Key(NAMESPACE, name, STAGE), timeout_seconds=2.0, since=self._clock.now()
                )
            except StoreError:
                continue
            if isinstance(said, Found):
                tally.ages[int(said.behind_seconds)] += 1
                on_answer(name, said.instances[0].endpoint)
                return
        tally.failed_although_seen += 1
