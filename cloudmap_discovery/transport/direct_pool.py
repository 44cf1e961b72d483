"""Connections that are kept alive between requests, and who uses the others."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudmap_discovery.clock import Instant
    from cloudmap_discovery.transport.direct_http import Exchange
    from cloudmap_discovery.transport.direct_proxies import Proxy
    from cloudmap_discovery.transport.direct_wire import Wire


@value
class Route:
    """What a connection must have in common with a request to carry it."""

    scheme: str
    host: str
    port: int
    proxy: Proxy | None

    @property
    def peer(self) -> str:
        """Who answers, for messages."""
        via = f" through the proxy {self.proxy.host}:{self.proxy.port}" if self.proxy else ""
        return f"{self.host}:{self.port}{via}"

    @property
    def is_forwarded(self) -> bool:
        """Whether the proxy reads requests and passes them on, which it cannot under TLS."""
        return self.proxy is not None and self.scheme == "http"

    @property
    def proxy_headers(self) -> Mapping[str, str]:
        """What each request carries for a proxy that reads it."""
        return self.proxy.headers if self.proxy is not None and self.is_forwarded else {}


class Pool:
    """Connections that are idle, the latest last, and the exchanges that use the others."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.idle: dict[Route, list[Wire]] = {}
        self.in_use: set[Exchange] = set()

    def take(self, route: Route, is_fresh: Callable[[Instant], bool]) -> Wire | None:
        """Return an idle connection that looks alive, and close all that are not fresh any more."""
        found = None
        unusable = []
        with self.lock:
            for wires in self.idle.values():
                unusable += [wire for wire in wires if not is_fresh(wire.last_used)]
                wires[:] = [wire for wire in wires if is_fresh(wire.last_used)]
            wires = self.idle.get(route, [])
            while wires and found is None:
                wire = wires.pop()
                if wire.is_quiet():
                    found = wire
                else:
                    unusable.append(wire)
        for wire in unusable:
            wire.end()
        return found

    def leave(self, exchange: Exchange, route: Route, wire: Wire | None, now: Instant | None) -> None:
        """End the exchange's use of a connection: keep that as idle since `now`, or close it where that is None."""
        with self.lock:
            self.in_use.discard(exchange)
            is_kept = exchange.let_go() and now is not None
            if wire is not None and now is not None and is_kept:
                wire.last_used = now
                wire.has_served = True
                self.idle.setdefault(route, []).append(wire)
        if wire is not None and not is_kept:
            wire.end()

    def drop(self, route: Route) -> None:
        """Close the idle connections of a route."""
        with self.lock:
            wires = self.idle.pop(route, [])
        for wire in wires:
            wire.end()

    def close(self) -> None:
        """Close what is idle, and abort what is not."""
        with self.lock:
            idle = [wire for wires in self.idle.values() for wire in wires]
            self.idle.clear()
            for exchange in self.in_use:
                exchange.abort()
        for wire in idle:
            wire.end()
