"""Instances that callers could not reach, set aside for a moment where there are others."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from cloudmap_discovery import lifecycle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudmap_discovery.clock import Instant
    from cloudmap_discovery.model import Instance, Key

ASIDE_SECONDS: Final = 10.0
BETWEEN_REFRESHES_SECONDS: Final = 5.0


class SetAside:
    """Remembers reports of failure by key and instance; replaced whole, so that reading takes no lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reported: dict[tuple[Key, str], Instant] = {}
        self._refreshed: dict[Key, Instant] = {}
        lifecycle.join(self)

    def report(self, key: Key, instance_id: str, now: Instant) -> bool:
        """Set the instance aside; returns whether the key is to be refreshed: at most once in five seconds."""
        with self._lock:
            return self._report(key, instance_id, now)

    def _report(self, key: Key, instance_id: str, now: Instant) -> bool:
        current = {
            which: since for which, since in self._reported.items() if _within(since, now, ASIDE_SECONDS)
        }
        self._reported = {**current, (key, instance_id): now}
        refreshed = {
            which: since
            for which, since in self._refreshed.items()
            if _within(since, now, BETWEEN_REFRESHES_SECONDS)
        }
        due = key not in refreshed
        self._refreshed = {**refreshed, key: now} if due else refreshed
        return due

    def without(self, key: Key, instances: Sequence[Instance], now: Instant) -> Sequence[Instance]:
        """Return the instances that are not set aside, or all of them if there is no other."""
        reported = self._reported
        if not reported:
            return instances
        left = [
            instance
            for instance in instances
            if (since := reported.get((key, instance.id))) is None or not _within(since, now, ASIDE_SECONDS)
        ]
        return left or instances

    def holds(self, key: Key, now: Instant) -> bool:
        """Return whether any instance of the key is set aside."""
        return any(
            which == key and _within(since, now, ASIDE_SECONDS)
            for (which, _), since in self._reported.items()
        )

    def after_fork_in_child(self) -> None:
        """Take a new lock: the old one may have been held by a thread that is not there any more."""
        self._lock = threading.Lock()


def _within(since: Instant, now: Instant, seconds: float) -> bool:
    return 0 <= now.seconds_since(since) < seconds
