"""Every record of a namespace, listed service by service at a rate that Cloud Map bears."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.encoding import decode_attributes
from cloudmap_discovery.errors import RegistrationError, StoreTimeoutError
from cloudmap_discovery.events import RecordsSkipped
from cloudmap_discovery.model import NO_STAGE, Instance
from cloudmap_discovery.pacing import Pace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.event_hub import EventHub
    from cloudmap_discovery.model import Place
    from cloudmap_discovery.stores.control_port import Control

    Progress = Callable[[int, int], None]

# ListInstances bears about 50 a second, for all callers of the account together.
_PER_SECOND: Final = 40.0
_CONCURRENT: Final = 8
_ANY_STAGE: Final = "*"


class Listing:
    """Lists a namespace through the control plane, never from what is held."""

    def __init__(
        self,
        control: Control,
        *,
        namespace: str,
        clock: Clock,
        events: EventHub,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._control = control
        self._namespace = namespace
        self._events = events
        self._pace = Pace(_PER_SECOND, clock=clock, sleep=sleep)

    async def records(
        self,
        stage: str | None,
        deadline: Deadline,
        *,
        services: Iterable[str] | None = None,
        progress: Progress = lambda *_: None,
        unusable: set[Place] | None = None,
    ) -> dict[str, tuple[Instance, ...]]:
        """Return the records of each service by id: of one stage, without services that have none there, or all.

        Of these `services`, or, with None, of all that there are. `progress` is told how many of how many are listed.
        Records without a usable address are left out, with an event; `unusable` is given the places that have no others.
        """
        try:
            listed = services
            if listed is None:
                listed = await self._control.services(self._namespace, deadline)
            names = tuple(listed)
            found = await self._each(names, stage, deadline, progress, unusable)
        except RegistrationError as missed:
            raise StoreTimeoutError(
                f"listing namespace {self._namespace!r} took longer than {deadline.timeout_seconds:g} s",
                store="cloudmap",
                service="servicediscovery",
                operation=missed.operation,
            ) from missed
        return {name: found[name] for name in names if found[name] or stage is None}

    async def _each(
        self,
        names: tuple[str, ...],
        stage: str | None,
        deadline: Deadline,
        progress: Progress,
        unusable: set[Place] | None,
    ) -> dict[str, tuple[Instance, ...]]:
        found: dict[str, tuple[Instance, ...]] = {}

        async def work(waiting: Iterator[str]) -> None:
            for name in waiting:
                await self._pace.turn()
                found[name] = await self._of(name, stage, deadline, unusable)
                progress(len(found), len(names))

        waiting = iter(names)
        workers = [asyncio.ensure_future(work(waiting)) for _ in range(min(_CONCURRENT, len(names)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        return found

    async def _of(
        self, service: str, stage: str | None, deadline: Deadline, unusable: set[Place] | None
    ) -> tuple[Instance, ...]:
        instances, reasons = [], []
        skipped: set[Place] = set()
        for entry in await self._control.instances(self._namespace, service, deadline):
            decoded = decode_attributes(service, entry.id, entry.attributes)
            if not isinstance(decoded, Instance):
                reasons.append(f"{decoded.record}: {decoded.reason}")
                skipped.add((service, entry.attributes.get("stage") or NO_STAGE))
            elif stage in {None, decoded.stage}:
                instances.append(decoded)
        if unusable is not None:
            unusable |= skipped - {(service, instance.stage) for instance in instances}
        if reasons:
            self._events.emit(RecordsSkipped(service, stage or _ANY_STAGE, "cloudmap", tuple(reasons)))
        return tuple(instances)


def by_place(records: Mapping[str, Iterable[Instance]]) -> dict[Place, list[Instance]]:
    """Return listed records by service and stage."""
    found: dict[Place, list[Instance]] = {}
    for service, instances in records.items():
        for instance in instances:
            found.setdefault((service, instance.stage), []).append(instance)
    return found
