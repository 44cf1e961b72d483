"""Turns at a steady rate, for calls whose service bears only so many a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloudmap_discovery.clock import Clock


class Pace:
    """Gives one turn after the other, at most `per_second`, whoever waits for them."""

    def __init__(self, per_second: float, *, clock: Clock, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._seconds_apart = 1 / per_second
        self._clock = clock
        self._sleep = sleep
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for the next turn."""
        now = self._clock.monotonic()
        turn = max(self._next, now)
        self._next = turn + self._seconds_apart
        if turn > now:
            await self._sleep(turn - now)
