"""Keeps the mirrors equal to Cloud Map after a change of ours."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cloudmap_discovery import lifecycle
from cloudmap_discovery.encoding import decode_attributes
from cloudmap_discovery.errors import RegistrationError, StoreError
from cloudmap_discovery.events import MirrorFailed
from cloudmap_discovery.listing import by_place
from cloudmap_discovery.model import Instance
from cloudmap_discovery.values import replace, value

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.event_hub import EventHub
    from cloudmap_discovery.listing import Listing
    from cloudmap_discovery.model import Place
    from cloudmap_discovery.stores.control_port import Control
    from cloudmap_discovery.stores.mirror_port import Mirror, Written

# Write, list and look again, until all agree or the time is up. What changes longer is left to those who change it.
_MAX_ROUNDS: Final = 40
# So often nothing changes while the listing still does not show what we did: a few seconds. Then we believe it.
_MAX_QUIET_ROUNDS: Final = 8
# Mirrors get this much time even if waiting for Cloud Map took it all.
_LEAST_SECONDS: Final = 10.0
# How long a change of ours counts that the listing has never shown; then somebody else has changed it.
_LISTING_LAG_SECONDS: Final = 60.0


@value
class _Change:
    """What we made of a record, and when; None if we removed it."""

    record: Instance | None
    at: float


@dataclass(slots=True)
class _Turn:
    """Whose turn it is to write a place."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class Mirrors:
    """Every mirror of one namespace.

    The listing of Cloud Map may lag behind what was just written. So each change of ours is laid over it until the
    listing has shown it; from then on the listing is believed.

    Others write the same mirrors, with listings of their own that may lag behind our change. So we are done only when
    the listing shows it, and a mirror that is looked at after that has it already. Whoever overwrites it later has
    listed before it showed, and lists once more after having written.
    """

    def __init__(
        self,
        control: Control,
        mirrors: Sequence[Mirror],
        *,
        namespace: str,
        events: EventHub,
        listing: Listing,
    ) -> None:
        self._control = control
        self._listing = listing
        self._mirrors = tuple(mirrors)
        self._namespace = namespace
        self._events = events
        self._changes: dict[Place, dict[str, _Change]] = {}
        self._turns: dict[Place, _Turn] = {}
        lifecycle.join(self)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the mirrors."""
        return tuple(mirror.name for mirror in self._mirrors)

    async def registered(self, instance: Instance, deadline: Deadline) -> None:
        """Rewrite the mirrors after this record was written; a mirror that fails is an event."""
        await self._changed((instance.service, instance.stage), instance.id, instance, deadline)

    async def deregistered(self, service: str, stage: str, instance_id: str, deadline: Deadline) -> None:
        """Rewrite the mirrors after the record with this id was removed; a mirror that fails is an event."""
        await self._changed((service, stage), instance_id, None, deadline)

    def after_fork_in_child(self) -> None:
        """Forget whose turn it is: those who write are in the parent only."""
        self._turns = {}

    async def _changed(
        self, place: Place, instance_id: str, record: Instance | None, deadline: Deadline
    ) -> None:
        if not self._mirrors:
            return
        self._changes.setdefault(place, {})[instance_id] = _Change(record, deadline.now)
        async with self._turn(place):
            await self._rewrite(place, deadline.at_least(_LEAST_SECONDS))

    @asynccontextmanager
    async def _turn(self, place: Place) -> AsyncIterator[None]:
        """Let one at a time write a place in this process; the next one sees what the one before changed."""
        turn = self._turns.setdefault(place, _Turn())
        turn.users += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[place]

    async def _rewrite(self, place: Place, deadline: Deadline) -> None:
        pending = list(self._mirrors)
        agreed, quiet = False, 0
        pauses = deadline.pauses("ListInstances")
        try:
            for attempt in range(_MAX_ROUNDS):
                if attempt > 1:  # the second listing comes at once
                    await pauses.next("the listing still changes")
                wanted = await self._wanted(place, deadline)
                written = [(mirror, await self._write(mirror, place, wanted, deadline)) for mirror in pending]
                pending = [mirror for mirror, one in written if one is not None]
                agreed = not any(one.changed for _, one in written if one is not None)
                quiet = quiet + 1 if agreed else 0
                if not pending or (agreed and place not in self._changes) or quiet == _MAX_QUIET_ROUNDS:
                    return
        except (StoreError, RegistrationError) as error:
            if not agreed:
                self._failed(pending, place, f"what Cloud Map has could not be listed: {error}")
            return
        if not agreed:
            self._failed(pending, place, f"Cloud Map still changed after {_MAX_ROUNDS} listings")

    async def _write(
        self, mirror: Mirror, place: Place, wanted: Sequence[Instance], deadline: Deadline
    ) -> Written | None:
        """Write the mirror; None, and an event, where that failed."""
        try:
            written = await mirror.write({place: wanted}, deadline)
            if written.lacks_all:
                # Of the other places, this listing may be older than what others write meanwhile. So ours is written
                # to whatever is there then.
                await mirror.create(by_place(await self._listing.records(None, deadline)), deadline)
                written = await mirror.write({place: wanted}, deadline)
        except (StoreError, RegistrationError) as error:
            self._failed([mirror], place, str(error))
            return None
        if written.refusal is not None:
            self._failed([mirror], place, written.refusal)
            return None
        return replace(written, changed=True) if written.lacks_all else written

    async def _wanted(self, place: Place, deadline: Deadline) -> tuple[Instance, ...]:
        """Return what Cloud Map lists of the place, with the changes of ours that it does not show yet."""
        service, stage = place
        entries = await self._control.instances(self._namespace, service, deadline)
        decoded = (decode_attributes(service, entry.id, entry.attributes) for entry in entries)
        listed = {
            record.id: record for record in decoded if isinstance(record, Instance) and record.stage == stage
        }
        changes = self._changes.get(place, {})
        for instance_id, change in list(changes.items()):
            age = deadline.now - change.at
            if listed.get(instance_id) == change.record or age > _LISTING_LAG_SECONDS:
                del changes[instance_id]
            elif change.record is None:
                del listed[instance_id]
            else:
                listed[instance_id] = change.record
        if not changes:
            self._changes.pop(place, None)
        return tuple(listed[instance_id] for instance_id in sorted(listed))

    def _failed(self, mirrors: Sequence[Mirror], place: Place, reason: str) -> None:
        for mirror in mirrors:
            self._events.emit(MirrorFailed(*place, mirror.name, reason))
