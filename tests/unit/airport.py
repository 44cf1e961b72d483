"""Flights that the test holds back, lets go and times."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from cloudmap_discovery.flights import Flight, Flights
from cloudmap_discovery.testing import FakeClock
from tests.unit.bed import IO

if TYPE_CHECKING:
    from cloudmap_discovery.clock import Instant


class Airport:
    """Flights that take off at once, and come back with a number when `gate` opens."""

    def __init__(self, budget_seconds: float = 2.0) -> None:
        self.clock = FakeClock()
        self.flights = Flights(IO, self.clock)
        self.budget_seconds = budget_seconds
        self.gate_is_open = True
        self.takes_seconds = 0.0
        self.error: BaseException | None = None
        self.started: list[Instant] = []
        self.recorded: list[int] = []

    def launch(self, key: str = "key", **about: Any) -> tuple[Flight[str], bool]:
        return self.flights.launch(key, self._fly, self._land, budget_seconds=self.budget_seconds, **about)

    async def _fly(self, started: Instant) -> int:
        self.started.append(started)
        number = len(self.started)
        while not self.gate_is_open:  # noqa: ASYNC110 -- opened from another thread
            await asyncio.sleep(0.001)
        self.clock.advance(self.takes_seconds)
        if self.error is not None:
            raise self.error
        return number

    def _land(self, number: int) -> str:
        self.recorded.append(number)
        return f"number {number}"

    async def until_empty(self) -> None:
        async with asyncio.timeout(10):
            while self.flights._under_way:  # noqa: ASYNC110 -- emptied by another thread
                await asyncio.sleep(0.001)

    async def until_started(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.started) < count:  # noqa: ASYNC110 -- appended to by another thread
                await asyncio.sleep(0.001)
