"""A clock that only moves when told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudmap_discovery.clock import Instant

if TYPE_CHECKING:
    from collections.abc import Callable


class HandClock:
    """Two readings that are moved by hand, each for itself; `sleep` moves both and returns at once."""

    def __init__(self) -> None:
        self.at = Instant(1_800_000_000.0, 1000.0)
        self.wall: Callable[[], float] = lambda: self.at.wall
        self.monotonic: Callable[[], float] = lambda: self.at.monotonic

    def now(self) -> Instant:
        return self.at

    def move(self, *, wall: float, monotonic: float) -> None:
        self.at = Instant(self.at.wall + wall, self.at.monotonic + monotonic)

    async def sleep(self, seconds: float) -> None:
        self.move(wall=seconds, monotonic=seconds)
