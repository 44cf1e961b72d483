"""Removes services of Cloud Map that the registrar created and that have had no record for a while."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.encoding import decode_time, encode_time
from cloudmap_discovery.errors import RegistrationError, StoreError
from cloudmap_discovery.events import LOGGER
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.stores.cloud_map_services import CloudMapServices

CREATED_BY: Final[Mapping[str, str]] = {"cloudmap-discovery:created-by": "registrar"}
"""The tag of services that the registrar created: no other is ever removed."""

EMPTY_SINCE: Final = "cloudmap-discovery:empty-since"
"""The tag that says when such a service was first seen without records."""


@value
class Swept:
    """Names of services: `removed`, those that `waits` for the end of their time, and what `failed`, with the reason."""

    removed: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()


class Sweeper:
    """Keeps the time of empty services in their tags, since nothing else lasts from one run to the next."""

    def __init__(
        self, services: CloudMapServices, *, namespace: str, clock: Clock, grace_seconds: float
    ) -> None:
        self._services = services
        self._namespace = namespace
        self._clock = clock
        self._grace_seconds = grace_seconds

    async def sweep(self, candidates: Iterable[str], deadline: Deadline) -> Swept:
        """Remove those of the services whose time is up, and note of the others that they are empty now."""
        removed: list[str] = []
        waits: list[str] = []
        failed: list[tuple[str, str]] = []
        for name in sorted(candidates):
            try:
                outcome = await self._one(name, deadline)
            except (StoreError, RegistrationError) as error:
                failed.append((name, str(error)))
                if isinstance(error, RegistrationError) or error.unhealthy:
                    break  # no time is left, or Cloud Map is in trouble: the next run goes on
                continue
            if outcome is not None:
                (removed if outcome else waits).append(name)
        return Swept(tuple(removed), tuple(waits), tuple(failed))

    async def in_use(self, service: str, deadline: Deadline) -> None:
        """Note that the service has a record again; never raises for what AWS says, since that can wait."""
        try:
            arn = await self._services.arn(self._namespace, service, deadline)
            if arn is not None:
                await self._services.untag(arn, (EMPTY_SINCE,), deadline)
        except (StoreError, RegistrationError) as error:
            LOGGER.warning("service %s keeps its tag %s: %s", service, EMPTY_SINCE, error)

    async def _one(self, name: str, deadline: Deadline) -> bool | None:
        """Return whether the service was removed; None where it is not ours, or not empty."""
        arn = await self._services.arn(self._namespace, name, deadline)
        if arn is None or not await self._services.is_empty(self._namespace, name, deadline):
            return None
        tags = await self._services.tags(arn, deadline)
        if not CREATED_BY.items() <= tags.items():
            return None
        now = datetime.fromtimestamp(self._clock.wall(), UTC).replace(microsecond=0)
        since = decode_time(tags.get(EMPTY_SINCE, ""))
        if since is None or since > now:
            await self._services.tag(arn, {EMPTY_SINCE: encode_time(now)}, deadline)
            since = now
        if (now - since).total_seconds() < self._grace_seconds:
            return False
        return await self._services.delete(self._namespace, name, deadline) or None
