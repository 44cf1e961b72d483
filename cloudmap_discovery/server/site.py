"""What every surface of the server works with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from cloudmap_discovery.assembly import Core
    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.server.callers import Trust
    from cloudmap_discovery.server.overview import Overview
    from cloudmap_discovery.settings import Settings

RESERVED = frozenset({"catalog", "v1", "openapi.json", "manifest", "ui"})
"""First parts of paths that are the server's own: services of these names are routed as `<stage>:<name>` alone."""


@value
class Site:
    """One server: its core, all that is registered, which surfaces are on, and whose requests may use its rights.

    `region` is the one that it asks in, where that is said.
    """

    settings: Settings
    core: Core
    overview: Overview
    clock: Clock
    surfaces: frozenset[str]
    trusts: Trust
    region: str | None = None

    def has(self, surface: str) -> bool:
        """Return whether the surface is on."""
        return surface in self.surfaces
