"""A clock that only moves when told to, each of its readings for itself."""

from __future__ import annotations

from cloudmap_discovery.testing import FakeClock


class HandClock(FakeClock):
    """The clock that users have in their tests, moved by differences."""

    def __init__(self) -> None:
        super().__init__(wall=1_800_000_000.0, monotonic=1_000.0)

    def move(self, *, wall: float, monotonic: float) -> None:
        now = self.now()
        self.set(now.wall + wall, now.monotonic + monotonic)
