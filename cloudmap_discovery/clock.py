"""Two clocks, since neither is trustworthy alone across a frozen sandbox."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Callable


@value
class Instant:
    """One moment on both clocks, in seconds: `wall` since the epoch, `monotonic` since an arbitrary start."""

    wall: float
    monotonic: float

    def seconds_since(self, earlier: Instant) -> float:
        """Return the time passed since `earlier`: the larger of both clocks, or a negative number if either ran back."""
        wall = self.wall - earlier.wall
        monotonic = self.monotonic - earlier.monotonic
        return min(wall, monotonic) if wall < 0 or monotonic < 0 else max(wall, monotonic)

    def longest_since(self, earlier: Instant) -> float:
        """Return the time passed since `earlier` on the clock that moved more: what a budget has lost."""
        return max(self.wall - earlier.wall, self.monotonic - earlier.monotonic)


class Clock(Protocol):
    """What tells the time. Its two readers are attributes, so that a hot path can call them directly."""

    wall: Callable[[], float]
    monotonic: Callable[[], float]

    def now(self) -> Instant:
        """Read both clocks."""
        ...


class SystemClock:
    """The clocks of the machine."""

    __slots__ = ("monotonic", "wall")

    def __init__(self) -> None:
        self.wall: Callable[[], float] = time.time
        self.monotonic: Callable[[], float] = time.monotonic

    def now(self) -> Instant:
        """Read both clocks."""
        return Instant(time.time(), time.monotonic())
