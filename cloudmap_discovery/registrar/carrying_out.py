"""Carries out a plan, record by record, at rates that Cloud Map's control plane bears."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.errors import (
    DiscoveryError,
    InvalidValueError,
    OwnershipError,
    RegistrationError,
    StoreError,
)
from cloudmap_discovery.pacing import Pace
from cloudmap_discovery.registrar.permits import tagged_function
from cloudmap_discovery.registrar.reconcile import Change, Kept

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.model import Instance
    from cloudmap_discovery.registrar.looking import Looking
    from cloudmap_discovery.registrar.reconcile import Plan, Removal
    from cloudmap_discovery.registrar.sweeping import Sweeper
    from cloudmap_discovery.registry import Registry

    Step = Change | Removal

CONCURRENT: Final = 8
# The rates of RegisterInstance are not published; each of them takes some five calls of the control plane.
_PER_SECOND: Final = 5.0
_STEP_SECONDS: Final = 60.0
_LEAST_SECONDS: Final = 5.0
# So many in a row fail because AWS throttles or does not answer: then the rest would fail, too.
_MOST_TROUBLE: Final = 16
# Up to so many changes write the mirrors one by one; of more, one `sync` afterwards makes less work.
FEW: Final = 20


@dataclass(slots=True)
class Done:
    """What became of a plan: records that were written and removed, what `failed` and why, what was left `unfinished`."""

    registered: list[Instance] = field(default_factory=list)
    updated: list[Instance] = field(default_factory=list)
    removed: list[Instance] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    failed: list[tuple[Instance, str]] = field(default_factory=list)
    unfinished: int = 0


class CarryingOut:
    """Does what plans say; whatever it does not get to, the next plan says again."""

    def __init__(
        self,
        registry: Registry,
        looking: Looking,
        sweeper: Sweeper,
        *,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._registry = registry
        self._looking = looking
        self._sweeper = sweeper
        self._pace = Pace(_PER_SECOND, clock=clock, sleep=sleep)

    async def carry_out(self, plan: Plan, deadline: Deadline, *, mirrored: bool) -> Done:
        """Write what is to be written, then remove what is to be removed; errors of one record keep no other.

        Whether mirrors are written with each record is `mirrored`. Ends early where no time is left, or AWS is in
        trouble altogether.
        """
        run = _Run(self._registry, self._looking, self._sweeper, self._pace, deadline, mirrored=mirrored)
        await run.do(plan.changes)
        if plan.stopped is None:
            await run.do(plan.removals)
        return run.done


class _Run:
    def __init__(
        self,
        registry: Registry,
        looking: Looking,
        sweeper: Sweeper,
        pace: Pace,
        deadline: Deadline,
        *,
        mirrored: bool,
    ) -> None:
        self._registry = registry
        self._looking = looking
        self._sweeper = sweeper
        self._pace = pace
        self._deadline = deadline
        self._mirrored = mirrored
        self._trouble = 0
        self._unwritten: set[str | None] = set()
        self.done = Done()

    async def do(self, steps: Sequence[Step]) -> None:
        waiting = iter(steps)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(CONCURRENT, len(steps))):
                group.create_task(self._work(waiting))

    async def _work(self, waiting: Iterator[Step]) -> None:
        for step in waiting:
            if self._trouble < _MOST_TROUBLE and self._deadline.seconds_left > _LEAST_SECONDS:
                await self._pace.turn()
            if self._trouble >= _MOST_TROUBLE or self._deadline.seconds_left <= _LEAST_SECONDS:
                self.done.unfinished += 1
                continue
            try:
                await (self._change(step) if isinstance(step, Change) else self._remove(step))
            except (StoreError, RegistrationError, InvalidValueError) as error:
                self._failed(step, error)
            else:
                self._trouble = 0

    async def _change(self, change: Change) -> None:
        written = await self._registry.write(
            change.record,
            adopt_from=None if change.present is None or not change.adopt else change.present.owner,
            wait=False,
            mirrored=self._mirrored,
            timeout_seconds=self._seconds,
        )
        if change.present is None:
            self.done.registered.append(written)
            await self._sweeper.in_use(written.service, self._registry.deadline(self._seconds))
        else:
            self.done.updated.append(written)

    async def _remove(self, removal: Removal) -> None:
        record = removal.record
        if removal.proof == "moved" and record.owner in self._unwritten:
            self.done.kept.append(Kept(record, "what is to take its place could not be written"))
            return
        # The plan may be minutes old, and the function may have been created anew meanwhile.
        if not await self._looking.is_unwanted(removal.function, record.service, record.id):
            self.done.kept.append(Kept(record, "its function wants it again"))
            return
        removed = await self._registry.deregister(
            record,
            owner=record.owner,
            owner_ref=record.owner_ref,
            wait=False,
            mirrored=self._mirrored,
            timeout_seconds=self._seconds,
        )
        if removed:
            self.done.removed.append(record)

    def _failed(self, step: Step, error: DiscoveryError) -> None:
        if isinstance(step, Change):
            self._unwritten.add(step.record.owner)
        elif isinstance(error, OwnershipError) and tagged_function(error.owner) != step.function:
            self.done.kept.append(Kept(step.record, f"it is {error.owner}'s by now"))
            return
        self.done.failed.append((step.record, str(error)))
        is_trouble = error.code == "Timeout" if isinstance(error, RegistrationError) else _is_unhealthy(error)
        self._trouble = self._trouble + 1 if is_trouble else 0

    @property
    def _seconds(self) -> float:
        return max(min(_STEP_SECONDS, self._deadline.seconds_left), 0.1)


def _is_unhealthy(error: DiscoveryError) -> bool:
    return isinstance(error, StoreError) and error.unhealthy
