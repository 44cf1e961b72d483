"""S3 as a store: one object with the whole registry, of which one read answers for every service."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from cloudmap_discovery import lifecycle
from cloudmap_discovery.errors import (
    AccessDeniedError,
    MalformedRecordError,
    RemoteError,
    StoreError,
    without_frames,
)
from cloudmap_discovery.freshness import TTL_JITTER
from cloudmap_discovery.snapshots import read_snapshot
from cloudmap_discovery.stores.outcome import outcome
from cloudmap_discovery.stores.port import Absent, Found
from cloudmap_discovery.stores.s3_errors import NO_OBJECT, explained
from cloudmap_discovery.values import replace, value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudmap_discovery.clock import Clock, Instant
    from cloudmap_discovery.model import Key
    from cloudmap_discovery.snapshots import Snapshot
    from cloudmap_discovery.stores.shared_folder import SharedFolder
    from cloudmap_discovery.transport.port import Transport

_NOT_MODIFIED: Final = 304
# A failure stands for all keys for so long: each of them would ask otherwise, and hear the same.
_FAILED_SECONDS: Final = 5.0


@value
class _Read:
    """What S3 last said: a snapshot, or, with None, that there is none, and why."""

    snapshot: Snapshot | None
    etag: str
    sent: Instant
    jitter: float
    detail: str = ""


class S3Store:
    """Reads records from the object `key` of `bucket`, a snapshot of `namespace`.

    The snapshot is read once, and then asked for again, conditionally, when it is older than the `ttl_seconds` of an
    answer; one request serves every key that waits. One that nobody has compared with Cloud Map for
    `max_age_seconds` counts as failed. `folder` shares what was read with the other processes of the environment;
    `random` gives numbers in [0, 1).
    """

    name: Final = "s3"

    def __init__(
        self,
        transport: Transport,
        *,
        bucket: str,
        key: str,
        namespace: str,
        clock: Clock,
        ttl_seconds: float,
        max_age_seconds: float,
        random: Callable[[], float],
        allowed_endpoints: Sequence[str] = (),
        folder: SharedFolder | None = None,
    ) -> None:
        self._transport = transport
        self._bucket = bucket
        self._key = key
        self._place = f"s3://{bucket}/{key}"
        self._namespace = namespace
        self._clock = clock
        self._ttl_seconds = ttl_seconds
        self._random = random
        self._max_age_seconds = max_age_seconds
        self._allowed_endpoints = tuple(allowed_endpoints)
        self._folder = folder
        self._last: _Read | None = None
        self._failed: tuple[StoreError, Instant] | None = None
        self._renewal: _Renewal | None = None
        lifecycle.join(self)

    async def fetch(
        self, key: Key, *, timeout_seconds: float, since: Instant | None = None
    ) -> Found | Absent:
        """Answer from the snapshot, which is asked for first if it is not fresh, or not of after `since`; see `Store`."""
        try:
            read = self._last
            if read is None or not self._is_good(read, since):
                self._raise_again(since)
                read = await self._renewed(since, timeout_seconds)
            return self._said(read, key)
        except StoreError as error:
            raise error.at(self.name) from error.__cause__

    def kept(self, key: Key) -> Found | None:
        """Return what the last snapshot that was read says of the key; see `Store`."""
        if self._last is None:
            return None
        try:
            said = self._said(self._last, key)
        except StoreError:
            return None
        return said if isinstance(said, Found) else None

    def after_fork_in_child(self) -> None:
        """Forget the request under way: it is the parent's."""
        self._renewal = None

    def _said(self, read: _Read, key: Key) -> Found | Absent:
        snapshot = read.snapshot
        if snapshot is None:
            return Absent(detail=read.detail)
        snapshot.check_age(self._clock.wall(), self._max_age_seconds)
        instances, passed_over = snapshot.records((key.service, key.stage))
        return outcome(
            instances,
            passed_over,
            place=f"service {key.service!r} in {self._place}",
            sent=read.sent,
            allowed_endpoints=self._allowed_endpoints,
            mirrored=True,
            jitter=read.jitter,
        )

    def _is_good(self, read: _Read, since: Instant | None) -> bool:
        fresh_seconds = self._ttl_seconds * (1 - TTL_JITTER * read.jitter)
        is_fresh = 0 <= self._clock.now().seconds_since(read.sent) <= fresh_seconds
        return is_fresh and (since is None or read.sent.seconds_since(since) > 0)

    def _raise_again(self, since: Instant | None) -> None:
        if self._failed is None:
            return
        error, sent = self._failed
        lasts = 0 <= self._clock.now().seconds_since(sent) < _FAILED_SECONDS
        if lasts and (since is None or sent.seconds_since(since) > 0):
            raise error.fresh()

    async def _renewed(self, since: Instant | None, timeout_seconds: float) -> _Read:
        """Return what a request brings, in which all take part who want one now."""
        now = self._clock.now()
        renewal = self._renewal
        if renewal is None or renewal.is_over(now):
            task = asyncio.get_running_loop().create_task(self._renew(now, since, timeout_seconds))
            renewal = self._renewal = _Renewal(task, now, timeout_seconds)
        # Whoever gives up on it leaves it to the others.
        said = await asyncio.shield(renewal.task)
        if isinstance(said, StoreError):
            raise said.fresh()
        return said

    async def _renew(
        self, sent: Instant, since: Instant | None, timeout_seconds: float
    ) -> _Read | StoreError:
        try:
            read = await self._shared(since) or await self._asked(sent, timeout_seconds)
        except StoreError as error:
            without_frames(error)  # which hold what was read
            if self._failed is None or sent.seconds_since(self._failed[1]) >= 0:
                self._failed = error, sent
            return error
        if self._last is None or read.sent.seconds_since(self._last.sent) >= 0:
            self._last, self._failed = read, None  # nothing newer came while a freeze delayed this one
        return read

    async def _asked(self, sent: Instant, timeout_seconds: float) -> _Read:
        last, jitter = self._last, self._random()
        params = {"Bucket": self._bucket, "Key": self._key}
        if last is not None and last.snapshot is not None:
            params["IfNoneMatch"] = last.etag
        try:
            result = await self._transport.call("s3", "GetObject", params, timeout_seconds=timeout_seconds)
        except RemoteError as error:
            if error.status == _NOT_MODIFIED and last is not None:
                await self._share(sent, last.etag)
                return replace(last, sent=sent, jitter=jitter)
            if error.code == NO_OBJECT:
                return _Read(None, "", sent, jitter, f"there is no object {self._place}")
            raise explained(error, self._bucket) from error
        except AccessDeniedError as error:
            if not self._may_mean_absent(error):
                raise
            detail = f"there is no object {self._place}, or reading it is not allowed (s3:GetObject)"
            return _Read(None, "", sent, jitter, detail)
        body, etag = result.get("Body") or b"", result.get("ETag") or ""
        if not etag:
            raise MalformedRecordError(self._place, "the answer has no ETag: it is not S3's")
        snapshot = await self._parsed(body)
        await self._share(sent, etag, body)
        return _Read(snapshot, etag, sent, jitter)

    def _may_mean_absent(self, error: AccessDeniedError) -> bool:
        """Return whether a 403 is S3's word for a missing object, to those who may not list the bucket.

        An object that was read before is missing no more than the permission to read it: what it said stays.
        """
        if error.names_action:
            return error.action == "s3:ListBucket"
        return error.code == "AccessDenied" and (self._last is None or self._last.snapshot is None)

    async def _parsed(self, body: bytes) -> Snapshot:
        # Off the event loop, which others wait on: with a fraction of a processor, it takes a while.
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            None, lambda: read_snapshot(body, name=self._place, namespace=self._namespace)
        )

    async def _shared(self, since: Instant | None) -> _Read | None:
        """Return what another process of this environment has read meanwhile, if that is good."""
        folder = self._folder
        if folder is None:
            return None
        entry = await asyncio.get_running_loop().run_in_executor(
            None, lambda: folder.read(self._place, since)
        )
        if entry is None:
            return None
        read = _Read(None, entry.tag, entry.sent, self._random())
        if not self._is_good(read, None):
            return None
        last = self._last
        if last is not None and last.snapshot is not None and entry.tag == last.etag:
            return replace(read, snapshot=last.snapshot)
        with suppress(MalformedRecordError):
            return replace(read, snapshot=await self._parsed(entry.body))
        return None

    async def _share(self, sent: Instant, etag: str, body: bytes | None = None) -> None:
        folder = self._folder
        if folder is not None:
            await asyncio.get_running_loop().run_in_executor(
                None, lambda: folder.write(self._place, sent, etag, body)
            )


class _Renewal:
    """A request under way."""

    __slots__ = ("_seconds", "_started", "task")

    def __init__(self, task: asyncio.Task[_Read | StoreError], started: Instant, seconds: float) -> None:
        self.task = task
        self._started = started
        self._seconds = seconds

    def is_over(self, now: Instant) -> bool:
        """Return whether another is to be made: it ended, or the process was frozen meanwhile."""
        return self.task.done() or not 0 <= now.seconds_since(self._started) <= self._seconds
