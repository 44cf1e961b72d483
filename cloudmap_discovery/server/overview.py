"""Everything that is registered, held for a while: what the list, the manifest and the page are made of."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from cloudmap_discovery.errors import StoreError, without_frames
from cloudmap_discovery.events import LOGGER
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudmap_discovery.clock import Clock, Instant
    from cloudmap_discovery.io_thread import IOThread
    from cloudmap_discovery.model import Instance

_READING_SECONDS: Final = 25.0
# So long somebody waits for a new listing while there is an old one.
_PATIENCE_SECONDS: Final = 1.0
_FAILED_SECONDS: Final = 5.0


@value
class Read:
    """What a place says: the records of each service by name, `behind_seconds` old already when they were read."""

    records: Mapping[str, tuple[Instance, ...]]
    behind_seconds: float = 0.0


class Reader(Protocol):
    """A place where the whole registry can be read."""

    @property
    def source(self) -> str:
        """Its name in `DISCOVERY_SOURCES`."""
        ...

    async def read(self, timeout_seconds: float) -> Read:
        """Read all of it; raises a `StoreError`."""
        ...


@value
class Listed:
    """All records by service, where from, how old, and, where they are stale, why no newer ones came."""

    records: Mapping[str, tuple[Instance, ...]]
    source: str
    age_seconds: float
    stale: bool = False
    why_stale: str | None = None

    def in_stage(self, stage: str) -> dict[str, tuple[Instance, ...]]:
        """Return the services that have records in the stage, with these."""
        found = {
            name: tuple(record for record in records if record.stage == stage)
            for name, records in self.records.items()
        }
        return {name: records for name, records in found.items() if records}


@value
class _Held:
    read: Read
    source: str
    sent: Instant
    writes: int


class Overview:
    """Lists the registry: from the first reader that answers, once in `ttl_seconds`, whoever asks.

    Where all fail, what was listed before is good for `max_stale_seconds`.
    """

    def __init__(
        self,
        readers: Sequence[Reader],
        *,
        io: IOThread,
        clock: Clock,
        ttl_seconds: float,
        max_stale_seconds: float,
    ) -> None:
        self._readers = tuple(readers)
        self._io = io
        self._clock = clock
        self._ttl_seconds = ttl_seconds
        self._max_stale_seconds = max_stale_seconds
        self._held: _Held | None = None
        self._failed: tuple[StoreError, Instant] | None = None
        self._reading: asyncio.Task[_Held | StoreError] | None = None
        self._writes = 0
        self._reading_since = 0

    async def listed(self) -> Listed:
        """Return all that is registered; raises a `StoreError` where nothing can be read and nothing is held."""
        held = self._held
        if held is not None and self._is_after_writes(held) and 0 <= self._age(held) <= self._ttl_seconds:
            return self._listed(held, None)
        return await self._io.submit(self._renewed)

    def forget(self) -> None:
        """Read it anew the next time: something was written. What is being read meanwhile may be from before that."""
        self._writes += 1

    async def _renewed(self) -> Listed:
        now, held = self._clock.now(), self._held
        if held is not None and not 0 <= self._age(held) <= self._max_stale_seconds:
            held = None
        outcome: _Held | StoreError | None = None
        if self._failed is not None and 0 <= now.seconds_since(self._failed[1]) < _FAILED_SECONDS:
            outcome = self._failed[0]
        else:
            if self._reading is None or self._reading.done() or self._reading_since != self._writes:
                self._reading_since = self._writes
                self._reading = asyncio.get_running_loop().create_task(self._read(now, self._writes))
            is_good_enough = held is not None and self._is_after_writes(held)
            patience = _PATIENCE_SECONDS if is_good_enough else _READING_SECONDS
            reading = self._reading  # after a write, others go on with another one
            done, _ = await asyncio.wait({reading}, timeout=patience)
            outcome = reading.result() if done else None
        match outcome:
            case _Held():
                return self._listed(outcome, None)
            case StoreError() as error:
                if held is None:
                    raise error.fresh()
                return self._listed(held, str(error))
            case None:
                if held is not None:
                    return self._listed(held, "a newer listing is under way")
                raise StoreError(
                    f"listing the registry takes longer than {_READING_SECONDS:g} s: ask again in a moment, or "
                    "have a snapshot in S3, which is read at once"
                )

    async def _read(self, sent: Instant, writes: int) -> _Held | StoreError:
        failure = StoreError("there is no place where all records can be listed")
        for reader in self._readers:
            try:
                read = await reader.read(_READING_SECONDS)
            except StoreError as error:
                LOGGER.warning("the registry cannot be listed from %s: %s", reader.source, error)
                failure = without_frames(error)
            else:
                found, self._failed = _Held(read, reader.source, sent, writes), None
                if self._held is None or self._held.writes <= writes:
                    self._held = found
                return found
        self._failed = failure, self._clock.now()
        return failure

    def _is_after_writes(self, held: _Held) -> bool:
        return held.writes == self._writes

    def _age(self, held: _Held) -> float:
        return self._clock.now().seconds_since(held.sent)

    def _listed(self, held: _Held, why_stale: str | None) -> Listed:
        age = max(self._age(held), 0.0) + held.read.behind_seconds
        return Listed(held.read.records, held.source, age, why_stale is not None, why_stale)
