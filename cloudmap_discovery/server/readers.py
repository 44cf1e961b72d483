"""Reads the whole registry: from a packaged file, the snapshot in S3, or Cloud Map itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.endpoints import is_allowed
from cloudmap_discovery.errors import InvalidValueError, MalformedRecordError, RemoteError
from cloudmap_discovery.events import LOGGER
from cloudmap_discovery.limits import check_service, check_stage
from cloudmap_discovery.server.overview import Read
from cloudmap_discovery.snapshots import MAX_BYTES, read_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.model import Instance, Place
    from cloudmap_discovery.registry import Registry
    from cloudmap_discovery.snapshots import Snapshot
    from cloudmap_discovery.transport.port import Transport

_NOT_MODIFIED: Final = 304
_NO_NAMESPACE: Final = "there is no such namespace in this account and region: check DISCOVERY_NAMESPACE"


class FileReader:
    """Reads the snapshot at `path`."""

    source: Final = "file"

    def __init__(
        self,
        path: str,
        *,
        namespace: str,
        clock: Clock,
        max_age_seconds: float | None,
        allowed: Sequence[str],
    ) -> None:
        self._path = path
        self._namespace = namespace
        self._clock = clock
        self._max_age_seconds = max_age_seconds
        self._allowed = allowed

    async def read(self, timeout_seconds: float) -> Read:
        """Read it; see `Reader`."""
        del timeout_seconds
        return await asyncio.get_running_loop().run_in_executor(None, self.load)

    def load(self) -> Read:
        """Read it at once, which blocks; raises a `MalformedRecordError`."""
        try:
            with open(self._path, "rb") as file:  # noqa: PTH123 -- as the store does
                body = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise MalformedRecordError(
                self._path, f"it cannot be read ({error.strerror}): check DISCOVERY_SNAPSHOT_FILE"
            ) from error
        snapshot = read_snapshot(body, name=self._path, namespace=self._namespace)
        return _of(snapshot, self._clock.wall(), self._max_age_seconds, self._allowed)


class SnapshotReader:
    """Reads the snapshot in S3, conditionally from the second time on."""

    source: Final = "s3"

    def __init__(
        self,
        transport: Transport,
        *,
        bucket: str,
        key: str,
        namespace: str,
        clock: Clock,
        max_age_seconds: float,
        allowed: Sequence[str],
    ) -> None:
        self._transport = transport
        self._bucket = bucket
        self._key = key
        self._namespace = namespace
        self._clock = clock
        self._max_age_seconds = max_age_seconds
        self._allowed = allowed
        self._last: tuple[str, Snapshot] | None = None

    async def read(self, timeout_seconds: float) -> Read:
        """Read it; see `Reader`. That there is none is a failure here: the next reader is asked."""
        params = {"Bucket": self._bucket, "Key": self._key}
        if self._last is not None:
            params["IfNoneMatch"] = self._last[0]
        try:
            result = await self._transport.call("s3", "GetObject", params, timeout_seconds=timeout_seconds)
        except RemoteError as error:
            if error.status != _NOT_MODIFIED or self._last is None:
                raise error.at(self.source) from error.__cause__
            snapshot = self._last[1]
        else:
            name, body = f"s3://{self._bucket}/{self._key}", result.get("Body") or b""
            snapshot = await asyncio.get_running_loop().run_in_executor(
                None, lambda: read_snapshot(body, name=name, namespace=self._namespace)
            )
            self._last = (result.get("ETag") or "", snapshot)
        return _of(snapshot, self._clock.wall(), self._max_age_seconds, self._allowed)


class RegistryReader:
    """Lists Cloud Map, one call for each service."""

    source: Final = "cloudmap"

    def __init__(self, registry: Callable[[], Registry], *, allowed: Sequence[str]) -> None:
        self._registry = registry
        self._allowed = allowed

    async def read(self, timeout_seconds: float) -> Read:
        """Read it; see `Reader`."""
        registry = self._registry()
        unusable: set[Place] = set()
        records = await registry.records(timeout_seconds=timeout_seconds, unusable=unusable)
        if not records and not await registry.has_namespace(timeout_seconds=timeout_seconds):
            return Read({}, missing=_NO_NAMESPACE)
        return _read(records, unusable, 0.0, self._allowed)


def _of(snapshot: Snapshot, wall: float, max_age_seconds: float | None, allowed: Sequence[str]) -> Read:
    snapshot.check_age(wall, max_age_seconds)
    records: dict[str, tuple[Instance, ...]] = {}
    unusable: set[Place] = set()
    for place in sorted(filter(_is_place, snapshot.items)):
        found, passed_over = snapshot.records(place)
        records[place[0]] = (*records.get(place[0], ()), *found)
        if passed_over and not found:
            unusable.add(place)
    return _read(records, unusable, snapshot.unchecked_seconds(wall), allowed)


def _is_place(place: Place) -> bool:
    """Return whether a snapshot's words for a service and a stage are such: whoever writes it may write anything."""
    try:
        check_service(place[0])
        check_stage(place[1])
    except InvalidValueError as error:
        LOGGER.warning("a record of the snapshot is left out: %s", error)
        return False
    return True


def _read(
    records: Mapping[str, Sequence[Instance]],
    unusable: set[Place],
    behind_seconds: float,
    allowed: Sequence[str],
) -> Read:
    """Return what was read, without addresses that are not allowed."""
    left = {
        name: tuple(record for record in some if is_allowed(record.endpoint, allowed))
        for name, some in records.items()
    }
    before = {(name, record.stage) for name, some in records.items() for record in some}
    after = {(name, record.stage) for name, some in left.items() for record in some}
    return Read(left, behind_seconds, frozenset(unusable - after | (before - after)))
