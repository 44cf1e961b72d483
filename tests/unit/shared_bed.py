"""Processes that share what a store says: each with a clock and an inner store of its own, over one folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cloudmap_discovery.clock import Instant
from cloudmap_discovery.stores.port import Absent, Found
from cloudmap_discovery.stores.shared import SharedStore
from cloudmap_discovery.stores.shared_folder import SharedFolder
from cloudmap_discovery.testing import FakeClock, FakeStore
from tests.unit.bed import NAMESPACE, key_of

if TYPE_CHECKING:
    from pathlib import Path

    from cloudmap_discovery.model import Instance, Key

KEY = key_of()
RECORD = {"endpoint": "https://users.test"}
EVIL = {"endpoint": "https://evil.test", "variant": "evil"}


class Process:
    """A process of its own: its clock, its inner store, and the one folder."""

    def __init__(
        self, parent: Path, *records: Instance, name: str = "cloudmap", mirrored: bool = False, **options: Any
    ) -> None:
        self.clock = FakeClock()
        self.inner = FakeStore(name, clock=self.clock, mirrored=mirrored)
        self.inner.put(*records)
        self.folder = SharedFolder(str(parent), about=[NAMESPACE], clock=self.clock)
        self.store = SharedStore(self.inner, self.folder, clock=self.clock, **{"ttl_seconds": 60, **options})

    async def fetch(self, key: Key = KEY, since: Instant | None = None) -> Found | Absent:
        return await self.store.fetch(key, timeout_seconds=1, since=since)

    async def found(self, key: Key = KEY, since: Instant | None = None) -> Found:
        said = await self.fetch(key, since)
        assert isinstance(said, Found)
        return said

    @property
    def was_asked(self) -> bool:
        return bool(self.inner.asked)

    def share(self, content: Any, key: Key = KEY, *, ago: float = 1) -> None:
        """Have this stand in the folder, as if a process had written it."""
        now = self.clock.now()
        name = json.dumps([self.inner.name, key.namespace, key.service, key.stage])
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.folder.write(name, Instant(now.wall - ago, now.monotonic - ago), "", body)
