"""Puts the parts together: stores, a transport and a policy become a Discovery and a Registry that work."""

from __future__ import annotations

import asyncio
import random
import threading
from typing import TYPE_CHECKING, Protocol

from cloudmap_discovery import lifecycle
from cloudmap_discovery.cache import Cache
from cloudmap_discovery.discovery import Discovery
from cloudmap_discovery.events import LOGGER
from cloudmap_discovery.flights import Flights
from cloudmap_discovery.freshness import Policy
from cloudmap_discovery.ladder import Asker, Ladder
from cloudmap_discovery.limits import check_ladder
from cloudmap_discovery.model import NO_STAGE
from cloudmap_discovery.query import Queries
from cloudmap_discovery.ready import ReadyTable
from cloudmap_discovery.refresh import Refresher
from cloudmap_discovery.serving import Serving
from cloudmap_discovery.set_aside import SetAside
from cloudmap_discovery.settings import CLOUD_MAP
from cloudmap_discovery.store_health import StoreHealth

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.dependencies import Dependency
    from cloudmap_discovery.event_hub import EventHub
    from cloudmap_discovery.io_thread import IOThread
    from cloudmap_discovery.registry import Registry
    from cloudmap_discovery.settings import Settings
    from cloudmap_discovery.stores.control_port import Control
    from cloudmap_discovery.stores.mirror_port import Mirror
    from cloudmap_discovery.stores.port import Store
    from cloudmap_discovery.syncing import Syncer


class Connections(Protocol):
    """The part of a transport that a core needs: its connections."""

    async def aclose(self) -> None:
        """Close every connection; a later call opens new ones."""
        ...

    def forget(self) -> None:
        """Drop every connection without touching it."""
        ...


class Core:
    """Everything that settings are turned into, and what happens to it when the process is forked or restored.

    `make_registry` is called when something is first written or listed: a function that only looks up never does.
    """

    def __init__(
        self,
        settings: Settings,
        discovery: Discovery,
        make_registry: Callable[[], tuple[Registry, Syncer]],
        *,
        transport: Connections,
        health: StoreHealth,
        chooser: random.Random,
        io: IOThread,
        dependencies: Sequence[Dependency] = (),
    ) -> None:
        self.settings = settings
        self.dependencies = tuple(dependencies)
        self.discovery = discovery
        self.transport = transport
        self._make_registry = make_registry
        self._writers: tuple[Registry, Syncer] | None = None
        self._lock = threading.Lock()
        self.health = health
        self._chooser = chooser
        self.io = io
        lifecycle.join(self)

    @property
    def registry(self) -> Registry:
        """What registers, deregisters and lists."""
        return self._made()[0]

    @property
    def syncer(self) -> Syncer:
        """What makes mirrors equal to Cloud Map."""
        return self._made()[1]

    def _made(self) -> tuple[Registry, Syncer]:
        with self._lock:
            if self._writers is None:
                self._writers = self._make_registry()
            return self._writers

    def after_fork_in_child(self) -> None:
        """Drop the parent's connections without touching them; what is held stays good."""
        self._lock = threading.Lock()
        self.transport.forget()
        self.health.clear()
        self._chooser.seed()

    def before_snapshot(self) -> None:
        """Close every connection: none of them survives a snapshot. Never raises, and starts no thread."""
        if not self.io.has_started:
            return  # nothing was ever called
        try:
            self.io.run(self.transport.aclose)
        except Exception as error:  # noqa: BLE001 -- a function must start, and no old connection is used anyway
            LOGGER.warning("connections were not closed before the snapshot: %s", error)

    def after_restore(self) -> None:
        """Take what is held for expired, and use neither connections nor credentials from before the snapshot."""
        self.transport.forget()
        self.health.clear()
        self._chooser.seed()
        self.discovery.expire()


def assemble(
    settings: Settings,
    stores: Sequence[Store],
    control: Callable[[], Control],
    mirrors: Callable[[], Sequence[Mirror]],
    transport: Connections,
    *,
    io: IOThread,
    clock: Clock,
    events: EventHub,
    stale_wait_seconds: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    dependencies: Sequence[Dependency] = (),
) -> Core:
    """Return a core of these parts; `transport` is what carries their calls, `sleep` what registering waits with.

    `dependencies` are what is declared.

    `control` and `mirrors` are called when something is first written or listed.
    """
    # Times are spread by the system's random source, since restored snapshots share every other seed. Instances are
    # drawn far more often, by a generator that is seeded anew after a restore and a fork.
    system, chooser = random.SystemRandom(), random.Random()  # noqa: S311 -- nothing secret depends on it
    health = StoreHealth(system.random, probe_seconds=settings.timeout)
    discovery = make_discovery(
        settings,
        stores,
        io=io,
        events=events,
        clock=clock,
        health=health,
        discard=transport.aclose,
        stale_wait_seconds=stale_wait_seconds,
        draw=chooser.random,
        jitter=system.random,
        dependencies=dependencies,
    )

    def make_registry() -> tuple[Registry, Syncer]:
        from cloudmap_discovery.listing import Listing  # noqa: PLC0415 -- for writers alone
        from cloudmap_discovery.mirrors import Mirrors  # noqa: PLC0415 -- the same
        from cloudmap_discovery.registry import Registry  # noqa: PLC0415 -- the same
        from cloudmap_discovery.syncing import Syncer  # noqa: PLC0415 -- the same

        controlled, mirrored, namespace = control(), mirrors(), settings.namespace
        listing = Listing(controlled, namespace=namespace, clock=clock, events=events, sleep=sleep)
        registry = Registry(
            controlled,
            mirrors=Mirrors(controlled, mirrored, namespace=namespace, events=events, listing=listing),
            listing=listing,
            clock=clock,
            events=events,
            forget=discovery.forget,
            namespace=namespace,
            default_stage=settings.stage,
            sleep=sleep,
            random=system.random,
        )
        return registry, Syncer(controlled, listing, mirrored, namespace=namespace, clock=clock)

    return Core(
        settings,
        discovery,
        make_registry,
        transport=transport,
        health=health,
        chooser=chooser,
        io=io,
        dependencies=dependencies,
    )


def make_discovery(
    settings: Settings,
    stores: Sequence[Store],
    *,
    io: IOThread,
    events: EventHub,
    clock: Clock,
    health: StoreHealth,
    discard: Callable[[], Awaitable[None]],
    stale_wait_seconds: float,
    draw: Callable[[], float],
    jitter: Callable[[], float],
    dependencies: Sequence[Dependency] = (),
) -> Discovery:
    """Return a Discovery over the stores; `draw` chooses instances, `jitter` spreads times; both give [0, 1).

    `dependencies` are what is declared.
    """
    policy = Policy(
        ttl_seconds=settings.ttl,
        revalidate_seconds=settings.stale_while_revalidate,
        max_stale_seconds=settings.max_stale,
        negative_ttl_seconds=settings.negative_ttl,
    )
    names = [store.name for store in stores]
    ready = ReadyTable()
    queries = Queries(
        namespace=settings.namespace,
        default_stages=check_ladder(settings.stage or NO_STAGE),
        declared=dependencies,
        version_suffix=settings.version_suffix,
    )
    refresher = Refresher(
        ladder=Ladder(stores, authority=CLOUD_MAP if CLOUD_MAP in names else names[0]),
        asker=Asker(
            clock=clock, health=health, events=events, budget_seconds=settings.timeout, discard=discard
        ),
        cache=Cache(settings.max_entries, clock.monotonic, ready.invalidate),
        flights=Flights(io, clock),
        policy=policy,
        clock=clock,
        random=jitter,
        events=events,
        budget_seconds=settings.timeout,
        forgotten={},
        declared=queries.declared,
    )
    return Discovery(
        namespace=settings.namespace,
        queries=queries,
        refresher=refresher,
        serving=Serving(refresher, clock=clock, events=events, stale_wait_seconds=stale_wait_seconds),
        ready=ready,
        set_aside=SetAside(),
        overrides=settings.overrides,
        io=io,
        clock=clock,
        random=draw,
        events=events,
    )
