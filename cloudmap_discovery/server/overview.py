"""Everything that is registered, held for a while: what the list, the manifest and the page are made of."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from cloudmap_discovery.errors import ConfigurationError, StoreError, StoreTimeoutError, without_frames
from cloudmap_discovery.events import LOGGER
from cloudmap_discovery.settings import PARAMETER_STORE
from cloudmap_discovery.values import replace, value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudmap_discovery.clock import Clock, Instant
    from cloudmap_discovery.io_thread import IOThread
    from cloudmap_discovery.model import Instance, Place

_READING_SECONDS: Final = 25.0
# Of the time that is left, what one place has while there is another to read from.
_SHARE: Final = 0.4
_FAILED_SECONDS: Final = 5.0


@value
class Read:
    """What is registered: the records of each service by name, `behind_seconds` old already when they were read.

    `unusable` are the services and stages that have records of which none can be used; `missing` says what is not there
    where that is the whole registry.
    """

    records: Mapping[str, tuple[Instance, ...]]
    behind_seconds: float = 0.0
    unusable: frozenset[Place] = frozenset()
    missing: str = ""


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
    unusable: frozenset[Place] = frozenset()
    missing: str = ""

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

    Where all fail, what was listed before is good for `max_stale_seconds`. So long as it is, somebody waits for a new
    listing for `patience_seconds`: longer where the process is frozen afterwards, or it would never be read to its end.
    """

    def __init__(
        self,
        readers: Sequence[Reader],
        *,
        io: IOThread,
        clock: Clock,
        ttl_seconds: float,
        max_stale_seconds: float,
        patience_seconds: float = 1.0,
    ) -> None:
        self._patience_seconds = patience_seconds
        self._readers = tuple(readers)
        self._io = io
        self._clock = clock
        self._ttl_seconds = ttl_seconds
        self._max_stale_seconds = max_stale_seconds
        self._held: _Held | None = None
        self._failed: tuple[StoreError, Instant] | None = None
        self._reading: asyncio.Task[_Held | StoreError] | None = None
        self._writes = 0
        self._missed_writes = 0
        self._reading_since = (0, clock.now())

    async def listed(self) -> Listed:
        """Return all that is registered; raises a `StoreError` where nothing can be read and nothing is held.

        Where no source can be listed at all, it is a `ConfigurationError`.
        """
        if not self._readers:
            allowed = "a list with file, s3 or cloudmap in it: nothing else can be listed"
            raise ConfigurationError("DISCOVERY_SOURCES", PARAMETER_STORE, allowed)
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
            writes, began = self._reading_since
            is_lost = not 0 <= now.seconds_since(began) <= _READING_SECONDS  # frozen meanwhile
            if self._reading is None or self._reading.done() or is_lost or writes != self._writes:
                self._reading_since = self._writes, now
                self._reading = asyncio.get_running_loop().create_task(self._read(now, self._writes))
            # After a write, a listing from before it is good enough only once a newer one could not be had.
            is_good_enough = held is not None and self._writes in {held.writes, self._missed_writes}
            patience = self._patience_seconds if is_good_enough else _READING_SECONDS
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
        failure = StoreError("nothing was read")
        for number, reader in enumerate(self._readers, 1):
            left = max(_READING_SECONDS - self._clock.now().seconds_since(sent), 0.001)
            share = left if number == len(self._readers) else left * _SHARE
            try:
                read = await self._read_from(reader, share, sent)
            except StoreError as error:
                LOGGER.warning("the registry cannot be listed from %s: %s", reader.source, error)
                failure = without_frames(error)
            else:
                found, self._failed = _Held(self._completed(read), reader.source, sent, writes), None
                if self._held is None or self._held.writes <= writes:
                    self._held = found
                return found
        self._failed, self._missed_writes = (failure, self._clock.now()), writes
        return failure

    async def _read_from(self, reader: Reader, seconds: float, sent: Instant) -> Read:
        late = f"listing from {reader.source} took longer than {seconds:.3g} s"
        try:
            async with asyncio.timeout(seconds):
                read = await reader.read(seconds)
        except TimeoutError as error:
            raise StoreTimeoutError(late, store=reader.source) from error
        if self._clock.now().seconds_since(sent) > _READING_SECONDS:  # it was frozen, and is of then
            raise StoreTimeoutError(late, store=reader.source)
        if read.missing and self._held is not None and self._held.read.records:
            raise StoreError(read.missing, store=reader.source)  # it was there
        return read

    def _completed(self, read: Read) -> Read:
        """Return what was read; of places of which nothing can be used, with what was held: as lookups do."""
        for service, stage in sorted(read.unusable):
            LOGGER.warning("no record of %r in stage %r can be used", service, stage)
        if self._held is None or not read.unusable:
            return read
        records = dict(read.records)
        for service, stage in read.unusable:
            before = self._held.read.records.get(service, ())
            kept = tuple(record for record in before if record.stage == stage)
            records[service] = (*records.get(service, ()), *kept)
        return replace(read, records=records)

    def _is_after_writes(self, held: _Held) -> bool:
        return held.writes == self._writes

    def _age(self, held: _Held) -> float:
        return self._clock.now().seconds_since(held.sent)

    def _listed(self, held: _Held, why_stale: str | None) -> Listed:
        age = max(self._age(held), 0.0) + held.read.behind_seconds
        read = held.read
        is_stale = why_stale is not None
        return Listed(read.records, held.source, age, is_stale, why_stale, read.unusable, read.missing)
