"""Choices that are ready to be served: what makes a cached lookup cost less than a microsecond."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudmap_discovery.selection import draw_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudmap_discovery.cache import Slot
    from cloudmap_discovery.freshness import HeldAnswer
    from cloudmap_discovery.model import Instance, Key


class Ready:
    """The candidates of a request, and the stretch of both clocks in which they are fresh."""

    __slots__ = (
        "instances",
        "last",
        "monotonic_from",
        "monotonic_until",
        "only",
        "slot",
        "total",
        "totals",
        "wall_from",
        "wall_until",
    )

    def __init__(self, instances: Sequence[Instance], answer: HeldAnswer, slot: Slot) -> None:
        self.instances = instances
        self.only: Instance | None = instances[0] if len(instances) == 1 else None
        self.totals = draw_weights(instances)
        self.total = self.totals[-1]
        self.last = len(instances) - 1
        self.slot = slot
        self.monotonic_from = answer.sent.monotonic
        self.monotonic_until = answer.sent.monotonic + answer.fresh_seconds
        self.wall_from = answer.sent.wall
        self.wall_until = answer.sent.wall + answer.fresh_seconds


class ReadyTable(dict[tuple[str, str | None], Ready]):
    """Ready choices by the arguments of the request: service, and stage as it was given.

    Bounded by the cache, which calls `invalidate` for whatever changes or goes.
    """

    def __init__(self, default_stage: str) -> None:
        super().__init__()
        self._default_stage = default_stage

    def invalidate(self, key: Key) -> None:
        """Forget what is ready for the key."""
        self.pop((key.service, key.stage), None)
        if key.stage == self._default_stage:
            self.pop((key.service, None), None)
