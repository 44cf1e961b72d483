"""Choices that are ready to be served: what makes a cached lookup cost less than a microsecond."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from cloudmap_discovery import lifecycle
from cloudmap_discovery.selection import draw_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cloudmap_discovery.cache import Slot
    from cloudmap_discovery.freshness import Absence, HeldAnswer
    from cloudmap_discovery.model import Instance, Key

# Requests that differ in version, tenant or ladder and are answered from one key: more than code has, as long as it
# does not make them up from its input.
_MOST_FOR_A_KEY: Final = 64

Asked = tuple[str, str | None, str | None, str | None]
"""The arguments of a request as they were given: service, stage, version, tenant."""


class Ready:
    """The candidates of a request, and the stretch of both clocks in which they are fresh.

    `absences` are those of the stages above the one that serves: a ladder is ready as long as they are remembered.
    """

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

    def __init__(
        self,
        instances: Sequence[Instance],
        answer: HeldAnswer,
        slot: Slot,
        absences: Sequence[Absence] = (),
    ) -> None:
        self.instances = instances
        self.only: Instance | None = instances[0] if len(instances) == 1 else None
        self.totals = draw_weights(instances)
        self.total = self.totals[-1]
        self.last = len(instances) - 1
        self.slot = slot
        stretches = [(answer.sent, answer.fresh_seconds), *((one.since, one.seconds) for one in absences)]
        self.monotonic_from = max(since.monotonic for since, _ in stretches)
        self.monotonic_until = min(since.monotonic + seconds for since, seconds in stretches)
        self.wall_from = max(since.wall for since, _ in stretches)
        self.wall_until = min(since.wall + seconds for since, seconds in stretches)


class ReadyTable:
    """Ready choices by the arguments of the request; `get` is the dict's own, and takes no lock.

    The cache calls `invalidate` for whatever changes or goes; a key for which a great many different requests are
    ready starts anew.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._choices: dict[Asked, Ready] = {}
        self._asked: dict[Key, set[Asked]] = {}
        self.get: Callable[[Asked], Ready | None] = self._choices.get
        lifecycle.join(self)

    def keep(self, asked: Asked, keys: Iterable[Key], ready: Ready) -> None:
        """Have the choice ready for the request, as long as what is held of all these keys stays as it is."""
        with self._lock:
            for key in keys:
                if len(self._asked.get(key, ())) >= _MOST_FOR_A_KEY:
                    self._forget(key)
                self._asked.setdefault(key, set()).add(asked)
            self._choices[asked] = ready

    def invalidate(self, key: Key) -> None:
        """Forget what is ready and depends on the key."""
        if key in self._asked:
            with self._lock:
                self._forget(key)

    def forget_all(self) -> None:
        """Have nothing ready."""
        with self._lock:
            self._asked.clear()
            self._choices.clear()

    def after_fork_in_child(self) -> None:
        """Take a new lock: the old one may have been held by a thread that is not there any more."""
        self._lock = threading.Lock()

    def _forget(self, key: Key) -> None:
        for asked in self._asked.pop(key, ()):
            self._choices.pop(asked, None)
