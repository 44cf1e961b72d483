"""Which services and stages may be written, as patterns with `*` and `?`."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Sequence


@value
class NotListed:
    """A name that no pattern has: of what it is the name, and where the patterns are set."""

    what: str
    name: str
    patterns: Sequence[str]
    variable: str


def not_listed(
    service: str, stage: str, *, services: Sequence[str], stages: Sequence[str]
) -> NotListed | None:
    """Return which of the two may not be written, the service first; None if both may."""
    for what, name, patterns, variable in (
        ("service", service, services, "DISCOVERY_REGISTRAR_SERVICES"),
        ("stage", stage, stages, "DISCOVERY_REGISTRAR_STAGES"),
    ):
        if not any(fnmatchcase(name, pattern) for pattern in patterns):
            return NotListed(what, name, patterns, variable)
    return None
