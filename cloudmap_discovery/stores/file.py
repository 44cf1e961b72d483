"""A file as a store: a snapshot that is packaged with the function, or stands in a layer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.errors import MalformedRecordError, StoreError, without_frames
from cloudmap_discovery.snapshots import MAX_BYTES, read_snapshot
from cloudmap_discovery.stores.outcome import outcome
from cloudmap_discovery.stores.port import Absent, Found
from cloudmap_discovery.values import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudmap_discovery.clock import Clock, Instant
    from cloudmap_discovery.model import Key
    from cloudmap_discovery.snapshots import Snapshot


class FileStore:
    """Reads records from a file, once: it does not change as long as the process lives.

    `max_age_seconds`, if given, is how long ago it may have been compared with Cloud Map.
    """

    name: Final = "file"

    def __init__(
        self,
        path: str,
        *,
        namespace: str,
        clock: Clock,
        max_age_seconds: float | None = None,
        allowed_endpoints: Sequence[str] = (),
    ) -> None:
        self._path = path
        self._namespace = namespace
        self._clock = clock
        self._max_age_seconds = max_age_seconds
        self._allowed_endpoints = tuple(allowed_endpoints)
        self._read: Snapshot | MalformedRecordError | None = None

    def load(self) -> None:
        """Read the file, unless it has been read; blocks. What is wrong with it is told by `fetch`."""
        if self._read is None:
            try:
                self._read = read_snapshot(self._content(), name=self._path, namespace=self._namespace)
            except MalformedRecordError as error:
                self._read = without_frames(error)

    async def fetch(
        self, key: Key, *, timeout_seconds: float, since: Instant | None = None
    ) -> Found | Absent:
        """Answer from the file; see `Store`."""
        del timeout_seconds, since  # it is there, and never becomes newer
        if self._read is None:
            await asyncio.get_running_loop().run_in_executor(None, self.load)
        try:
            return self._said(key)
        except StoreError as error:
            raise error.at(self.name) from error.__cause__

    def kept(self, key: Key) -> None:
        """Keep nothing apart: where it fails, it fails for good; see `Store`."""

    def _content(self) -> bytes:
        try:
            with open(self._path, "rb") as file:  # noqa: PTH123 -- pathlib takes milliseconds to import
                return file.read(MAX_BYTES + 1)
        except OSError as error:
            reason = f"it cannot be read ({error.strerror}): check DISCOVERY_SNAPSHOT_FILE"
            raise MalformedRecordError(self._path, reason) from error

    def _said(self, key: Key) -> Found | Absent:
        match self._read:
            case None:
                raise MalformedRecordError(self._path, "it has not been read yet")
            case MalformedRecordError() as error:
                raise error.fresh()
            case snapshot:
                now = self._clock.now()
                snapshot.check_age(now.wall, self._max_age_seconds)
                instances, passed_over = snapshot.records((key.service, key.stage))
                said = outcome(
                    instances,
                    passed_over,
                    place=f"service {key.service!r} in {self._path}",
                    sent=now,
                    allowed_endpoints=self._allowed_endpoints,
                    mirrored=True,
                )
                if isinstance(said, Absent):
                    return said
                return replace(said, packaged=True, behind_seconds=snapshot.unchecked_seconds(now.wall))
