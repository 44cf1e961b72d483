"""Time that passes only where somebody waits for it."""

from __future__ import annotations

import asyncio

from cloudmap_discovery.deadline import Deadline
from cloudmap_discovery.testing import FakeClock


class WaitingClock(FakeClock):
    """A clock that is moved by sleeping; `slept` has every pause."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)

    def deadline(self, timeout_seconds: float = 60.0) -> Deadline:
        return Deadline(timeout_seconds, monotonic=self.monotonic, sleep=self.sleep, random=lambda: 1.0)
