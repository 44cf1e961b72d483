"""The composition root: from settings to a Discovery and a Registry that work."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudmap_discovery import lifecycle
from cloudmap_discovery.cache import Cache
from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.discovery import Discovery
from cloudmap_discovery.events import LOGGER
from cloudmap_discovery.flights import Flights
from cloudmap_discovery.freshness import Policy
from cloudmap_discovery.ladder import Asker, Ladder
from cloudmap_discovery.model import NO_STAGE, Key
from cloudmap_discovery.ready import ReadyTable
from cloudmap_discovery.refresh import Refresher
from cloudmap_discovery.set_aside import SetAside
from cloudmap_discovery.settings import CLOUD_MAP, PARAMETER_STORE, Settings, near_misses
from cloudmap_discovery.store_health import StoreHealth

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.events import EventHub
    from cloudmap_discovery.io_thread import IOThread
    from cloudmap_discovery.registry import Registry
    from cloudmap_discovery.stores.port import Store
    from cloudmap_discovery.transport.port import Transport

DEFAULT_STALE_WAIT_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Core:
    """Everything that settings are turned into, and what happens to it when the process is forked or restored."""

    settings: Settings
    discovery: Discovery
    registry: Registry
    transport: Transport
    health: StoreHealth
    io: IOThread

    def after_fork_in_child(self) -> None:
        """Drop the parent's connections without touching them; what is held stays good."""
        self.transport.forget()
        self.health.clear()

    def before_snapshot(self) -> None:
        """Close every connection: none of them survives a snapshot."""
        self.io.run(self.transport.aclose)

    def after_restore(self) -> None:
        """Take what is held for expired, and use neither connections nor credentials from before the snapshot."""
        self.transport.forget()
        self.health.clear()
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


def make_transport(settings: Settings, clock: Clock) -> Transport:
    """Return what carries calls to AWS, with everything loaded that takes no network."""
    from cloudmap_discovery.transport.retry import RetryingTransport  # noqa: PLC0415 -- tenacity comes with it
    from cloudmap_discovery.transport.sdk import SdkTransport  # noqa: PLC0415 -- the SDK comes with it

    sdk = SdkTransport(region=settings.region, endpoint_url=settings.endpoint_url, clock=clock)
    sdk.load(("servicediscovery", "ssm"))
    return RetryingTransport(sdk, clock=clock)


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
) -> Discovery:
    """Return a Discovery over the stores; `draw` gives numbers in [0, 1)."""
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
        random=draw,
        events=events,
        budget_seconds=settings.timeout,
    )
    return Discovery(
        namespace=settings.namespace,
        default_stage=default_stage,
        stale_wait_seconds=stale_wait_seconds,
        refresher=refresher,
        ready=ready,
        set_aside=SetAside(),
        io=io,
        clock=clock,
        random=draw,
        events=events,
    )
