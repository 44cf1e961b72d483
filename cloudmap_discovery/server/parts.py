"""Puts the server together from its settings."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING, Final

from cloudmap_discovery import wiring
from cloudmap_discovery.server.app import make_app
from cloudmap_discovery.server.overview import Overview
from cloudmap_discovery.server.readers import FileReader, RegistryReader, SnapshotReader
from cloudmap_discovery.server.site import Site
from cloudmap_discovery.settings import (
    CLOUD_MAP,
    DEFAULT_MAX_SNAPSHOT_AGE_SECONDS,
    FILE,
    ROUTER,
    S3,
)
from cloudmap_discovery.transport.endpoints import region_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from starlette.routing import BaseRoute

    from cloudmap_discovery.calls.calling import Calling
    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.event_hub import EventHub
    from cloudmap_discovery.io_thread import IOThread
    from cloudmap_discovery.server.callers import Trust
    from cloudmap_discovery.server.overview import Reader
    from cloudmap_discovery.server.streaming_wire import StreamingWire
    from cloudmap_discovery.settings import Settings
    from cloudmap_discovery.transport.port import Transport


# So long a function waits for a new listing while it has an old one: what is not read by then, it is frozen upon.
_PATIENCE_SECONDS: Final = 10.0


class Parts:
    """Everything that one server works with: `app` is what serves, `site` what its surfaces share.

    `surfaces` are those that are on where the setting does not say; `transport` is one that is there already.
    """

    def __init__(
        self,
        settings: Settings,
        variables: Mapping[str, str],
        *,
        io: IOThread,
        clock: Clock,
        events: EventHub,
        trusts: Trust,
        surfaces: Collection[str],
        transport: Transport | None = None,
    ) -> None:
        self._settings = settings
        self._variables = variables
        self._clock = clock
        self.transport: Transport = transport or wiring.make_transport(settings, variables, clock)
        self.core = wiring.build(
            settings, variables, io=io, clock=clock, events=events, transport=self.transport
        )
        self.site = Site(
            settings=settings,
            core=self.core,
            overview=Overview(
                self._readers(),
                io=io,
                clock=clock,
                ttl_seconds=settings.ttl,
                max_stale_seconds=settings.max_stale,
                patience_seconds=1.0 if wiring.never_frozen(variables) else _PATIENCE_SECONDS,
            ),
            clock=clock,
            surfaces=frozenset(surfaces if settings.surfaces is None else settings.surfaces),
            trusts=trusts,
            region=region_of(settings.region, variables),
        )
        self._wire: StreamingWire | None = None
        self._calling: Calling | None = None
        self.app = make_app(self.site, self._router() if self.site.has(ROUTER) else (), closing=self.aclose)

    async def aclose(self) -> None:
        """Close every connection; those to services on the event loop that they are used on, which is the running one."""
        if self._wire is not None:
            await self._wire.aclose()
        await self.core.io.submit(self.transport.aclose)

    def after_restore(self) -> None:
        """Take what is held for expired, and use neither connections nor credentials from before the snapshot."""
        self.core.after_restore()
        if self._calling is not None:
            self._calling.after_restore()

    def _router(self) -> list[BaseRoute]:
        from cloudmap_discovery.server import router  # noqa: PLC0415 -- where it is on
        from cloudmap_discovery.server.addresses import Guard  # noqa: PLC0415 -- the same
        from cloudmap_discovery.server.streaming_wire import StreamingWire  # noqa: PLC0415 -- the same
        from cloudmap_discovery.transport.direct_tls import tls_context  # noqa: PLC0415 -- the same

        self._wire = StreamingWire(
            Guard(
                self._settings.allowed_networks,
                runtime_api=self._variables.get("AWS_LAMBDA_RUNTIME_API", ""),
            ),
            tls=lambda: tls_context(self._variables),
            clock=self._clock,
            silent_seconds=self._settings.router_timeout,
        )
        self._calling = wiring.make_calling(self.core, self._variables, clock=self._clock, wire=self._wire)
        return router.routes(self.site, self._calling)

    def _readers(self) -> list[Reader]:
        """Return where the whole registry can be read, in the order of the sources."""
        settings = self._settings
        makers = {FILE: self._file_reader, S3: self._snapshot_reader, CLOUD_MAP: self._registry_reader}
        return [makers[name]() for name in settings.sources if name in makers]

    def _file_reader(self) -> Reader:
        root = self._variables.get("LAMBDA_TASK_ROOT") or "."
        return FileReader(
            os.path.join(root, self._settings.snapshot_file or ""),  # noqa: PTH118 -- as the store finds it
            namespace=self._settings.namespace,
            clock=self._clock,
            max_age_seconds=self._settings.max_snapshot_age,
            allowed=self._settings.allowed_endpoints,
        )

    def _snapshot_reader(self) -> Reader:
        bucket, key = wiring.snapshot_object(self._settings)
        limit = self._settings.max_snapshot_age
        return SnapshotReader(
            self.transport,
            bucket=bucket,
            key=key,
            namespace=self._settings.namespace,
            clock=self._clock,
            max_age_seconds=DEFAULT_MAX_SNAPSHOT_AGE_SECONDS if limit is None else limit,
            allowed=self._settings.allowed_endpoints,
        )

    def _registry_reader(self) -> Reader:
        return RegistryReader(lambda: self.core.registry, allowed=self._settings.allowed_endpoints)
