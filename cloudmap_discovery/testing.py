"""Fakes for unit tests: of a store, and of the clocks.

They are held to the contract that the real ones are held to.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cloudmap_discovery.clock import Instant, SystemClock
from cloudmap_discovery.stores.port import Absent, Found

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.errors import StoreError
    from cloudmap_discovery.model import Instance, Key, PassedOver


class FakeClock:
    """Clocks that move only when told; `wall` and `monotonic` also apart."""

    def __init__(self, wall: float = 1_700_000_000.0, monotonic: float = 1_000.0) -> None:
        self._now = Instant(wall, monotonic)
        self.wall: Callable[[], float] = lambda: self._now.wall
        self.monotonic: Callable[[], float] = lambda: self._now.monotonic

    def now(self) -> Instant:
        """Read both clocks."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self.set(self._now.wall + seconds, self._now.monotonic + seconds)

    def set(self, wall: float, monotonic: float) -> None:
        """Set the clocks."""
        self._now = Instant(wall, monotonic)


class FakeStore:
    """A store in memory, by default in the place of Cloud Map.

    `failure` makes every fetch fail until it is None again; `delay_seconds` makes it slow. `asked` has the keys of
    all fetches, in order.
    """

    def __init__(self, name: str = "cloudmap", *, clock: Clock | None = None, mirrored: bool = False) -> None:
        self.name = name
        self.failure: StoreError | None = None
        self.delay_seconds = 0.0
        self.asked: list[Key] = []
        self.passed_over: tuple[PassedOver, ...] = ()
        self._clock = clock or SystemClock()
        self._mirrored = mirrored
        self._records: dict[tuple[str, str], dict[str, Instance]] = {}

    def put(self, *instances: Instance) -> None:
        """Add the records, or replace those of the same id."""
        for instance in instances:
            self._records.setdefault((instance.service, instance.stage), {})[instance.id] = instance

    def remove(self, *instances: Instance) -> None:
        """Remove the records that are there."""
        for instance in instances:
            self._records.get((instance.service, instance.stage), {}).pop(instance.id, None)

    async def fetch(self, key: Key, *, timeout_seconds: float) -> Found | Absent:
        """Answer as a real store would, within `timeout_seconds` or not at all."""
        self.asked.append(key)
        sent = self._clock.now()
        if self.delay_seconds:
            async with asyncio.timeout(timeout_seconds):
                await asyncio.sleep(self.delay_seconds)
        if self.failure is not None:
            raise self.failure.at(self.name)
        records = self._records.get((key.service, key.stage), {})
        if not records:
            return Absent(self.passed_over)
        found = tuple(sorted(records.values(), key=lambda instance: instance.id))
        return Found(found, sent, self.passed_over, mirrored=self._mirrored)
