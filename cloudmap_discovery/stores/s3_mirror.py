"""S3 as a mirror: writes the object that repeats all that Cloud Map has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.copies import Copy
from cloudmap_discovery.errors import AccessDeniedError, MalformedRecordError, RemoteError, StoreError
from cloudmap_discovery.snapshot_writing import (
    copied,
    empty_snapshot,
    packed,
    rewritten,
    snapshot_records,
    snapshot_text,
)
from cloudmap_discovery.snapshots import read_snapshot
from cloudmap_discovery.stores.mirror_port import Written
from cloudmap_discovery.stores.s3_errors import NO_OBJECT, explained
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.copies import Records
    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.model import Instance, Place
    from cloudmap_discovery.snapshots import Snapshot
    from cloudmap_discovery.transport.port import Transport

# Somebody else wrote or removed it at the same time: look again.
_CONFLICTS: Final = frozenset({409, 412})


@value
class _Present:
    """The object as it is: None if there is none; or a text that is no snapshot of ours, and why."""

    snapshot: Snapshot | None
    etag: str = ""
    fault: str = ""
    denied: AccessDeniedError | None = None


class S3Mirror:
    """Writes the object `key` of `bucket`, a snapshot of `namespace`, and never over one that it cannot read.

    Each write is conditional on what was read just before: whoever comes second reads again and tries again, after a
    pause that is longer each time, until the deadline.
    """

    name: Final = "s3"
    places_at_once: Final = 1_000_000  # one object holds them all

    def __init__(self, transport: Transport, *, bucket: str, key: str, namespace: str, clock: Clock) -> None:
        self._transport = transport
        self._object = {"Bucket": bucket, "Key": key}
        self._place = f"s3://{bucket}/{key}"
        self._namespace = namespace
        self._clock = clock

    async def write(
        self,
        places: Mapping[Place, Sequence[Instance]],
        deadline: Deadline,
        *,
        checked: bool = False,
        force: bool = False,
    ) -> Written:
        """Replace the records of these places in the object, and create it if it was `checked`; see `Mirror`."""
        pauses, status = deadline.pauses("PutObject"), "not begun"
        while True:
            deadline.call_seconds("PutObject", status)
            try:
                return await self._write(places, deadline, checked=checked, force=force)
            except RemoteError as error:
                if error.status not in _CONFLICTS and error.code != NO_OBJECT:
                    raise
            status = f"{self._place} is written by others"
            await pauses.next(status)

    async def create(self, places: Mapping[Place, Sequence[Instance]], deadline: Deadline) -> None:
        """Write the object if there is none; see `Mirror`."""
        present = await self._present(deadline)
        if present.snapshot is not None or present.fault:
            return
        wall = self._clock.wall()
        empty = empty_snapshot(self._place, self._namespace, wall)
        try:
            await self._put(rewritten(empty, places, wall=wall, checked=True), present, deadline)
        except RemoteError as error:
            if error.status not in _CONFLICTS:
                raise

    async def copy(self, deadline: Deadline) -> Copy:
        """Return all that the object holds; see `Mirror`."""
        present = await self._present(deadline)
        if present.fault:
            raise MalformedRecordError(self._place, present.fault, store=self.name)
        if present.snapshot is None:
            return Copy({}, exists=False)
        return Copy(copied(present.snapshot), checked_at=present.snapshot.checked_at)

    def records(self, instances: Iterable[Instance]) -> Records:
        """Return what the object would hold of these records; see `Mirror`."""
        return snapshot_records(instances)

    async def _write(
        self, places: Mapping[Place, Sequence[Instance]], deadline: Deadline, *, checked: bool, force: bool
    ) -> Written:
        present = await self._present(deadline)
        if present.fault and not force:
            return Written(refusal=f"{self._place} is left as it is: {present.fault}")
        before = present.snapshot
        if before is None:
            if not checked:
                return Written(lacks_all=True)
            before = empty_snapshot(self._place, self._namespace, self._clock.wall())
        after = rewritten(before, places, wall=self._clock.wall(), checked=checked)
        is_changed = after.items != before.items or present.snapshot is None
        if is_changed or checked:
            await self._put(after, present, deadline)
        return Written(changed=is_changed)

    async def _put(self, snapshot: Snapshot, present: _Present, deadline: Deadline) -> None:
        condition = {"IfMatch": present.etag} if present.etag else {"IfNoneMatch": "*"}
        content = {
            "Body": packed(snapshot_text(snapshot)),
            "ContentType": "application/json",
            "ContentEncoding": "gzip",
        }
        try:
            await self._call("PutObject", content | condition, deadline)
        except RemoteError as error:
            # It was denied to us when we looked, and yet it is there: not missing, then.
            if present.denied is not None and error.status in _CONFLICTS:
                raise present.denied from error
            raise

    async def _present(self, deadline: Deadline) -> _Present:
        try:
            result = await self._call("GetObject", {}, deadline)
        except RemoteError as error:
            if error.code != NO_OBJECT:
                raise
            return _Present(None)
        except AccessDeniedError as error:
            # To those who may not list the bucket, S3 does not say that an object is missing.
            if error.names_action and error.action != "s3:ListBucket":
                raise
            return _Present(None, denied=error)
        etag = result.get("ETag") or ""
        try:
            snapshot = read_snapshot(result.get("Body") or b"", name=self._place, namespace=self._namespace)
        except MalformedRecordError as error:
            return _Present(None, etag, error.reason)
        return _Present(snapshot, etag)

    async def _call(self, operation: str, params: Mapping[str, Any], deadline: Deadline) -> Mapping[str, Any]:
        try:
            return await self._transport.call(
                "s3", operation, self._object | dict(params), timeout_seconds=deadline.call_seconds(operation)
            )
        except RemoteError as error:
            raise explained(error, self._object["Bucket"]).at(self.name) from error.__cause__
        except StoreError as error:
            raise error.at(self.name) from error.__cause__
