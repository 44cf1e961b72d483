"""A store whose answers the processes of one environment share."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING

from cloudmap_discovery.documents import read_records, record_fields
from cloudmap_discovery.errors import StoreError
from cloudmap_discovery.freshness import TTL_JITTER
from cloudmap_discovery.stores.outcome import outcome
from cloudmap_discovery.stores.port import Absent, Found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudmap_discovery.clock import Clock, Instant
    from cloudmap_discovery.model import Key
    from cloudmap_discovery.stores.port import Store
    from cloudmap_discovery.stores.shared_folder import SharedEntry, SharedFolder


class SharedStore:
    """Answers with what another process has read in the last `ttl_seconds`, else asks `inner` and shares that."""

    def __init__(
        self,
        inner: Store,
        folder: SharedFolder,
        *,
        clock: Clock,
        ttl_seconds: float,
        allowed_endpoints: Sequence[str] = (),
    ) -> None:
        self.name = inner.name
        self._inner = inner
        self._folder = folder
        self._clock = clock
        self._good_seconds = ttl_seconds * (1 - TTL_JITTER)
        self._allowed_endpoints = tuple(allowed_endpoints)

    async def fetch(
        self, key: Key, *, timeout_seconds: float, since: Instant | None = None
    ) -> Found | Absent:
        """Ask for all records of the key; see `Store`."""
        loop = asyncio.get_running_loop()
        name = json.dumps([self.name, key.namespace, key.service, key.stage])
        entry = await loop.run_in_executor(None, self._folder.read, name, since)
        said = None if entry is None else self._said(entry, key)
        if said is not None:
            return said
        fetched = await self._inner.fetch(key, timeout_seconds=timeout_seconds, since=since)
        # What was skipped is for everyone to see for himself.
        if isinstance(fetched, Found) and not fetched.passed_over:
            await loop.run_in_executor(None, self._folder.write, name, fetched.sent, "", _text(fetched))
        return fetched

    def kept(self, key: Key) -> Found | None:
        """Return what the inner store keeps; see `Store`."""
        return self._inner.kept(key)

    def _said(self, entry: SharedEntry, key: Key) -> Found | None:
        if not 0 <= self._clock.now().seconds_since(entry.sent) <= self._good_seconds:
            return None
        with suppress(ValueError, RecursionError, TypeError, KeyError, StoreError):
            data = json.loads(entry.body)
            instances, passed_over = read_records(
                data["instances"], self.name, key.service, key.stage, lenient=True
            )
            said = outcome(
                instances,
                passed_over,
                place=self.name,
                sent=entry.sent,
                allowed_endpoints=self._allowed_endpoints,
                mirrored=data["mirrored"] is True,
            )
            return said if isinstance(said, Found) else None
        return None


def _text(found: Found) -> bytes:
    records = [record_fields(instance, is_whole=True) for instance in found.instances]
    return json.dumps({"mirrored": found.mirrored, "instances": records}).encode()
