"""Runs a fleet through its day in half an hour of virtual time: quiet, one service deployed, all started anew, Cloud Map down."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.benchmarks.fleet_sandbox import CachingClient, NaiveClient, Place, Tally
from tests.benchmarks.fleet_world import APIS, Registry, World, WorldClock, virtual_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.fleet_sandbox import Client

STEADY: Final = "steady"
STARTS: Final = "all start anew"
DEPLOYED: Final = "one service deployed"
OUTAGE: Final = "Cloud Map down"
RECOVERY: Final = "and back"
_WARM_UP: Final = "warm-up"
# Name and length in seconds, in order.
PHASES: Final = (
    (_WARM_UP, 150),
    (STEADY, 240),
    # Before all start anew: for minutes after that, caches are renewed in step, and the moment would decide the figure.
    (DEPLOYED, 120),
    (STARTS, 150),
    (OUTAGE, 600),
    (RECOVERY, 90),
)
_ALL_START_WITHIN_SECONDS: Final = 10.0
# A peak is the busiest stretch of so many seconds: a sample is too coarse for single ones.
PEAK_SECONDS: Final = 10
# Whether a deployment is seen is counted by stretches of so many seconds.
SEEN_SECONDS: Final = 5

_BUSY_SHARE: Final = 0.3
_BUSY_PER_SECOND: Final = (0.1, 1.5)
_IDLE_PER_SECOND: Final = (1 / 600, 1 / 30)
_MAX_IDLE_SECONDS: Final = (300.0, 600.0)
_MAX_LIFE_SECONDS: Final = 7_200.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """What is simulated: of `sandboxes`, each of which calls so many services, `sample` one by one."""

    ladder: str
    sandboxes: int
    dependencies: int
    is_naive: bool = False
    sample: int = 250

    @property
    def simulated(self) -> int:
        return min(self.sample, self.sandboxes)

    @property
    def weight(self) -> float:
        """How many sandboxes each simulated one stands for."""
        return self.sandboxes / self.simulated


@dataclass
class Figures:
    """What came of a run: calls a second by phase and API, what lookups came to, and how long a change took to be seen."""

    fleet: Fleet
    mean: dict[tuple[str, str], float] = field(default_factory=dict)
    answered: dict[tuple[str, str], float] = field(default_factory=dict)
    peak: dict[tuple[str, str], float] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    seen_by_99_percent_seconds: float = float("nan")

    def share(self, phase: str, *, is_peak: bool) -> float:
        """Return the largest share of a quota in a phase."""
        figures = self.peak if is_peak else self.mean
        return max(figures[phase, name] / api.per_second for name, api in APIS.items())

    @property
    def dollars_a_month(self) -> float:
        """The price of the calls of a month that is all steady, without those that were refused."""
        seconds = 30 * 86_400
        return sum(self.answered[STEADY, name] * seconds * api.price / 1e6 for name, api in APIS.items())


class _Simulation:
    """A fleet under way."""

    def __init__(self, fleet: Fleet, place: Place, seed: int) -> None:
        self._fleet = fleet
        self._place = place
        self._seed = seed
        self.figures = Figures(fleet, tallies={name: Tally() for name, _ in PHASES})
        self._phase = _WARM_UP
        self._all_anew_at = float("inf")
        self._changed_at = float("inf")
        self._changed = place.registry.names[0]
        self._old_answers: Counter[int] = Counter()
        self._new_answers: Counter[int] = Counter()

    async def run(self) -> None:
        loop = self._place.loop
        sandboxes = [loop.create_task(self._sandbox(number)) for number in range(self._fleet.simulated)]
        for name, seconds in PHASES:
            self._phase = name
            began = loop.time()
            if name == STARTS:
                self._all_anew_at = began
            elif name == DEPLOYED:
                self._changed_at = began
                self._place.registry.deploy(self._changed, began)
            self._place.world.is_cloud_map_out = name == OUTAGE
            await asyncio.sleep(seconds)
            self._count(name, int(began), seconds)
        for sandbox in sandboxes:
            sandbox.cancel()
        self.figures.seen_by_99_percent_seconds = self._seen_after()

    async def _sandbox(self, number: int) -> None:
        """Live one life after the other: of a busy function or of an idle one.

        Rates are spread evenly, and requests come from a source of their own: every ladder and client gets the same.
        """
        busy = round(self._fleet.simulated * _BUSY_SHARE)
        is_busy = number < busy
        rank, of = (number, busy) if is_busy else (number - busy, self._fleet.simulated - busy)
        low, high = _BUSY_PER_SECOND if is_busy else _IDLE_PER_SECOND
        rate = low * (high / low) ** ((rank + 0.5) / of)
        draw = random.Random(f"{self._seed} {number}")
        while True:
            await self._life(rate, draw)

    async def _life(self, rate: float, draw: random.Random) -> None:
        loop = self._place.loop
        # Born when a request comes: the first of the fleet at any time of the warm-up, later ones at once.
        if loop.time() < 1:
            await asyncio.sleep(draw.random() * min(1 / rate, 120.0))
        born, dies = loop.time(), loop.time() + _MAX_LIFE_SECONDS * draw.random()
        most_idle = draw.uniform(*_MAX_IDLE_SECONDS)
        client = self._client()
        restart = draw.random() * _ALL_START_WITHIN_SECONDS
        while True:
            await client.invoke(self.figures.tallies[self._phase], self._answered)
            pause = draw.expovariate(rate)
            ends = min(dies, loop.time() + most_idle)
            if born < self._all_anew_at:
                anew_at = (
                    self._all_anew_at + restart
                    if self._all_anew_at < float("inf")
                    else _starts_at() + restart
                )
                if loop.time() + pause >= anew_at:  # replaced: the next one is called at once
                    await asyncio.sleep(max(anew_at - loop.time(), 0.0))
                    return
            await asyncio.sleep(pause)
            if loop.time() >= ends:
                return  # recycled: this request starts another

    def _client(self) -> Client:
        names = self._place.registry.names[: self._fleet.dependencies]
        kind = NaiveClient if self._fleet.is_naive else CachingClient
        return kind(self._place, self._fleet.ladder.split(","), names)

    def _answered(self, name: str, endpoint: str) -> None:
        if name != self._changed or self._phase != DEPLOYED:
            return
        answers = self._old_answers if endpoint.startswith("https://0.") else self._new_answers
        answers[int(self._place.loop.time() - self._changed_at) // SEEN_SECONDS] += 1

    def _seen_after(self) -> float:
        """Return from how many seconds on at most a hundredth of the answers are the old one; NaN if they never were."""
        stretches = self._old_answers | self._new_answers
        old = [
            each
            for each in stretches
            if self._old_answers[each] > (self._old_answers[each] + self._new_answers[each]) / 100
        ]
        if not old:
            return 0.0
        return (max(old) + 1) * SEEN_SECONDS if max(old) < max(stretches) else float("nan")

    def _count(self, phase: str, began: int, seconds: int) -> None:
        for name, calls in self._place.world.calls.items():
            counts = [calls[second] * self._fleet.weight for second in range(began, began + seconds)]
            windows = [
                sum(counts[start : start + PEAK_SECONDS]) / PEAK_SECONDS
                for start in range(max(len(counts) - PEAK_SECONDS, 0) + 1)
            ]
            refused = self._place.world.refused[name]
            refusals = sum(refused[second] for second in range(began, began + seconds)) * self._fleet.weight
            self.figures.mean[phase, name] = sum(counts) / seconds
            self.figures.answered[phase, name] = (sum(counts) - refusals) / seconds
            self.figures.peak[phase, name] = max(windows)


def _starts_at() -> float:
    return float(sum(seconds for name, seconds in PHASES[: [name for name, _ in PHASES].index(STARTS)]))


def simulate(fleet: Fleet, *, file: Callable[[Registry], str], seed: int = 1) -> Figures:
    """Run a fleet; the same seed gives the same figures. `file` gives the path of a snapshot of the registry."""
    source = random.Random(f"{seed} {fleet}")
    with virtual_time() as loop:
        registry = Registry(fleet.dependencies)
        world = World(loop, registry, weight=fleet.weight, random=source)
        place = Place(loop, WorldClock(loop), world, registry, source, file(registry))
        simulation = _Simulation(fleet, place, seed)
        loop.run_until_complete(simulation.run())
        return simulation.figures
