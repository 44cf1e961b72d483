"""Puts the registrar together from its settings."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from cloudmap_discovery import wiring
from cloudmap_discovery.registrar.carrying_out import CarryingOut
from cloudmap_discovery.registrar.functions import LambdaFunctions
from cloudmap_discovery.registrar.looking import Looking
from cloudmap_discovery.registrar.patience import Patience
from cloudmap_discovery.registrar.permits import Permits
from cloudmap_discovery.registrar.resource import EndpointResource
from cloudmap_discovery.registrar.runs import Runs
from cloudmap_discovery.registrar.sweeping import CREATED_BY, Sweeper
from cloudmap_discovery.registrar.targets import Targets
from cloudmap_discovery.registrar.withdrawing import Withdrawing
from cloudmap_discovery.stores.cloud_map_services import CloudMapServices
from cloudmap_discovery.values import replace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from cloudmap_discovery.assembly import Core
    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.event_hub import EventHub
    from cloudmap_discovery.io_thread import IOThread
    from cloudmap_discovery.registrar.permits import Home
    from cloudmap_discovery.registry import Registry
    from cloudmap_discovery.settings import Settings
    from cloudmap_discovery.transport.port import Transport


class Parts:
    """Everything that a registrar of one account and region works with; `core` and `transport` are those there already."""

    def __init__(
        self,
        settings: Settings,
        variables: Mapping[str, str],
        *,
        home: Home,
        io: IOThread,
        clock: Clock,
        events: EventHub,
        transport: Transport | None = None,
        core: Core | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.settings = settings
        self.home = home
        self._variables = variables
        self._io = io
        self._clock = clock
        self._events = events
        self._sleep = sleep
        self.transport: Transport = transport or wiring.make_transport(settings, variables, clock)
        self.core = core or self._built(settings)
        self._others: dict[str, Core] = {}
        permits = Permits(
            settings.registrar_services, settings.registrar_stages, urls=settings.registrar_urls
        )
        functions = LambdaFunctions(self.transport, clock=clock, sleep=sleep)
        services = CloudMapServices(self.transport, owner_account=settings.owner_account)
        sweeper = Sweeper(
            services,
            namespace=settings.namespace,
            clock=clock,
            grace_seconds=settings.registrar_grace,
        )
        looking = Looking(functions, permits, default_stage=settings.stage)
        registry = self.core.registry
        self.runs = Runs(
            registry,
            self.core.syncer,
            functions,
            looking,
            CarryingOut(registry, looking, sweeper, clock=clock, sleep=sleep),
            sweeper,
            home=home,
            permits=permits,
        )
        patience = Patience(sleep=sleep, random=random.SystemRandom().random)
        self.resource = EndpointResource(
            registry,
            services,
            sweeper,
            Targets(self.transport, functions, home=home),
            Withdrawing(
                self._registry_of,
                patience,
                namespace=settings.namespace,
                default_stage=settings.stage,
                drain_seconds=settings.ttl + settings.stale_while_revalidate,
            ),
            patience,
            namespace=settings.namespace,
            permits=permits,
            default_stage=settings.stage,
            drain_seconds=settings.ttl + settings.stale_while_revalidate,
        )

    def _registry_of(self, namespace: str) -> Registry:
        """Return the registry of a namespace: the setting's, or the one that an older resource is of."""
        if namespace == self.settings.namespace:
            return self.core.registry
        if namespace not in self._others:
            self._others[namespace] = self._built(replace(self.settings, namespace=namespace))
        return self._others[namespace].registry

    def _built(self, settings: Settings) -> Core:
        return wiring.build(
            settings,
            self._variables,
            io=self._io,
            clock=self._clock,
            events=self._events,
            transport=self.transport,
            service_tags=CREATED_BY,
            sleep=self._sleep,
        )
