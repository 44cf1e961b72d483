"""The composition root: from settings to a Discovery and a Registry that work."""

from __future__ import annotations

import asyncio
import os
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from cloudmap_discovery import lifecycle
from cloudmap_discovery.cache import Cache
from cloudmap_discovery.discovery import Discovery
from cloudmap_discovery.events import LOGGER
from cloudmap_discovery.flights import Flights
from cloudmap_discovery.freshness import Policy
from cloudmap_discovery.ladder import Asker, Ladder
from cloudmap_discovery.model import NO_STAGE
from cloudmap_discovery.ready import ReadyTable
from cloudmap_discovery.refresh import Refresher
from cloudmap_discovery.serving import Serving
from cloudmap_discovery.set_aside import SetAside
from cloudmap_discovery.settings import CLOUD_MAP, PARAMETER_STORE, Settings, near_misses
from cloudmap_discovery.store_health import StoreHealth

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.event_hub import EventHub
    from cloudmap_discovery.io_thread import IOThread
    from cloudmap_discovery.registry import Registry
    from cloudmap_discovery.stores.control_port import Control
    from cloudmap_discovery.stores.mirror_port import Mirror
    from cloudmap_discovery.stores.port import Store
    from cloudmap_discovery.transport.port import Transport

DEFAULT_STALE_WAIT_SECONDS: Final = 0.1


class Connections(Protocol):
    """The part of a transport that a core needs: its connections."""

    async def aclose(self) -> None:
        """Close every connection; a later call opens new ones."""
        ...

    def forget(self) -> None:
        """Drop every connection without touching it."""
        ...


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Core:
    """Everything that settings are turned into, and what happens to it when the process is forked or restored."""

    settings: Settings
    discovery: Discovery
    registry: Registry
    transport: Connections
    health: StoreHealth
    chooser: random.Random
    io: IOThread

    def after_fork_in_child(self) -> None:
        """Drop the parent's connections without touching them; what is held stays good."""
        self.transport.forget()
        self.health.clear()
        self.chooser.seed()

    def before_snapshot(self) -> None:
        """Close every connection: none of them survives a snapshot."""
        self.io.run(self.transport.aclose)

    def after_restore(self) -> None:
        """Take what is held for expired, and use neither connections nor credentials from before the snapshot."""
        self.transport.forget()
        self.health.clear()
        self.chooser.seed()
        self.discovery.expire()


def environment() -> Mapping[str, str]:
    """Return the environment of the process."""
    return os.environ


def read_settings(variables: Mapping[str, str]) -> Settings:
    """Return the settings that the environment variables make, and warn about names that look misspelt."""
    from cloudmap_discovery import settings_pydantic  # noqa: PLC0415 -- imports pydantic in turn

    settings = settings_pydantic.read_settings(variables)
    for name, meant in near_misses(variables):
        LOGGER.warning("the environment variable %s is not a setting; did you mean %s?", name, meant)
    return settings


def never_frozen(variables: Mapping[str, str]) -> bool:
    """Return whether the process runs without pauses: outside Lambda, or on Lambda Managed Instances."""
    return not variables.get("AWS_LAMBDA_RUNTIME_API") or bool(variables.get("AWS_LAMBDA_MAX_CONCURRENCY"))


def make_transport(settings: Settings, variables: Mapping[str, str], clock: Clock) -> Transport:
    """Return what carries calls to AWS, with everything loaded that takes no network."""
    from cloudmap_discovery.transport.retry import RetryingTransport  # noqa: PLC0415 -- tenacity comes with it
    from cloudmap_discovery.transport.sdk import SdkTransport  # noqa: PLC0415 -- the SDK comes with it

    sdk = SdkTransport(
        region=settings.region, endpoint_url=settings.endpoint_url, clock=clock, environment=variables
    )
    sdk.load(("servicediscovery", "ssm") if PARAMETER_STORE in settings.sources else ("servicediscovery",))
    transport = RetryingTransport(sdk, clock=clock)
    transport.load()
    return transport


def make_stores(settings: Settings, transport: Transport, clock: Clock) -> tuple[Store, ...]:
    """Return the stores of `settings.sources`, in their order."""
    from cloudmap_discovery.stores.cloud_map import CloudMapStore  # noqa: PLC0415 -- only where it is used
    from cloudmap_discovery.stores.parameter_store import ParameterStore  # noqa: PLC0415 -- only where it is used

    makers: dict[str, Callable[[], Store]] = {
        CLOUD_MAP: lambda: CloudMapStore(
            transport,
            clock=clock,
            owner_account=settings.owner_account,
            allowed_endpoints=settings.allowed_endpoints,
        ),
        PARAMETER_STORE: lambda: ParameterStore(
            transport,
            prefix=settings.parameter_prefix,
            clock=clock,
            allowed_endpoints=settings.allowed_endpoints,
        ),
    }
    return tuple(makers[name]() for name in settings.sources)


def build(
    settings: Settings,
    variables: Mapping[str, str],
    *,
    io: IOThread,
    clock: Clock,
    events: EventHub,
) -> Core:
    """Return what the settings make, with everything imported and loaded that takes no network."""
    from cloudmap_discovery.stores.cloud_map_control import CloudMapControl  # noqa: PLC0415 -- only where it is used

    transport = make_transport(settings, variables, clock)
    stale_wait = 0.0 if never_frozen(variables) else DEFAULT_STALE_WAIT_SECONDS
    return assemble(
        settings,
        make_stores(settings, transport, clock),
        CloudMapControl(transport, owner_account=settings.owner_account),
        make_mirrors(settings, transport),
        transport,
        io=io,
        clock=clock,
        events=events,
        stale_wait_seconds=stale_wait if settings.stale_wait is None else settings.stale_wait,
    )


def assemble(
    settings: Settings,
    stores: Sequence[Store],
    control: Control,
    mirrors: Sequence[Mirror],
    transport: Connections,
    *,
    io: IOThread,
    clock: Clock,
    events: EventHub,
    stale_wait_seconds: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Core:
    """Return a core of these parts; `transport` is what carries their calls, `sleep` what registering waits with."""
    from cloudmap_discovery.mirrors import Mirrors  # noqa: PLC0415 -- only where it is used
    from cloudmap_discovery.registry import Registry  # noqa: PLC0415 -- only where it is used

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
    )
    registry = Registry(
        control,
        mirrors=Mirrors(control, mirrors, namespace=settings.namespace, events=events),
        clock=clock,
        events=events,
        forget=discovery.forget,
        namespace=settings.namespace,
        default_stage=settings.stage,
        sleep=sleep,
        random=system.random,
    )
    core = Core(settings, discovery, registry, transport, health, chooser, io)
    lifecycle.join(core)
    return core


def make_mirrors(settings: Settings, transport: Transport) -> tuple[Mirror, ...]:
    """Return the mirrors of `settings.mirrors`, or, if that is not set, those that are in the sources."""
    from cloudmap_discovery.stores.parameter_mirror import ParameterMirror  # noqa: PLC0415 -- only where it is used

    chosen = settings.sources if settings.mirrors is None else settings.mirrors
    makers: dict[str, Callable[[], Mirror]] = {
        PARAMETER_STORE: lambda: ParameterMirror(transport, prefix=settings.parameter_prefix)
    }
    return tuple(makers[name]() for name in chosen if name in makers)


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
) -> Discovery:
    """Return a Discovery over the stores; `draw` chooses instances, `jitter` spreads times; both give [0, 1)."""
    default_stage = settings.stage or NO_STAGE
    policy = Policy(
        ttl_seconds=settings.ttl,
        revalidate_seconds=settings.stale_while_revalidate,
        max_stale_seconds=settings.max_stale,
        negative_ttl_seconds=settings.negative_ttl,
    )
    names = [store.name for store in stores]
    ready = ReadyTable(default_stage)
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
    )
    return Discovery(
        namespace=settings.namespace,
        default_stage=default_stage,
        refresher=refresher,
        serving=Serving(refresher, clock=clock, events=events, stale_wait_seconds=stale_wait_seconds),
        ready=ready,
        set_aside=SetAside(),
        io=io,
        clock=clock,
        random=draw,
        events=events,
    )
