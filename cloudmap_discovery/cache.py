"""What is held of every key, bounded: answers by use, and what is not an answer by a bound of its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery import lifecycle
from cloudmap_discovery.freshness import NOTHING, Entry, Mark
from cloudmap_discovery.values import replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudmap_discovery.model import Key

# One in sixteen goes at a time, so that a full cache does not look for the oldest on every write.
_EVICTED_SHARE: Final = 16


class Slot:
    """An entry and when it was last used; readers write `used` without a lock."""

    __slots__ = ("entry", "used")

    def __init__(self, entry: Entry, used: float) -> None:
        self.entry = entry
        self.used = used


class Cache:
    """A bounded map from key to entry.

    Reading takes no lock: entries are immutable and replaced whole. `on_change` is called with the key of every
    entry that was replaced or went.
    """

    def __init__(
        self, max_entries: int, monotonic: Callable[[], float], on_change: Callable[[Key], None]
    ) -> None:
        self._max_entries = max_entries
        self._monotonic = monotonic
        self._on_change = on_change
        self._lock = threading.Lock()
        self._answers: dict[Key, Slot] = {}
        self._blanks: dict[Key, Slot] = {}
        lifecycle.join(self)

    def slot(self, key: Key) -> Slot | None:
        """Return the slot of a key for which something is held."""
        return self._answers.get(key) or self._blanks.get(key)

    def get(self, key: Key) -> Entry:
        """Return what is held of the key, and count it as used."""
        slot = self.slot(key)
        if slot is None:
            return NOTHING
        slot.used = self._monotonic()
        return slot.entry

    def put(self, key: Key, entry: Entry) -> None:
        """Hold the entry, and let the least recently used of its kind go if there are too many."""
        with self._lock:
            kind, other = (
                (self._answers, self._blanks) if entry.answer is not None else (self._blanks, self._answers)
            )
            gone = [key]
            if key not in kind and len(kind) >= self._max_entries:
                gone.extend(self._evict(kind))
            kind[key] = Slot(entry, self._monotonic())
            other.pop(key, None)
        for changed in gone:
            self._on_change(changed)

    def drop(self, key: Key) -> None:
        """Hold nothing of the key."""
        with self._lock:
            self._answers.pop(key, None)
            self._blanks.pop(key, None)
        self._on_change(key)

    def clear(self) -> None:
        """Hold nothing of any key."""
        for key in [*self._answers, *self._blanks]:
            self.drop(key)

    def mark(self, key: Key, mark: Mark) -> None:
        """Lower the standing of the key's answer, if there is one."""
        with self._lock:
            slot = self._answers.get(key)
            if (
                slot is not None
                and slot.entry.answer is not None
                and slot.entry.answer.mark is not Mark.RESTORED
            ):
                self._answers[key] = Slot(
                    replace(slot.entry, answer=replace(slot.entry.answer, mark=mark)), slot.used
                )
        self._on_change(key)

    def expire_all(self) -> None:
        """Take every answer for expired and forget every absence and failure: they are from before a snapshot."""
        for key in list(self._answers):
            with self._lock:
                slot = self._answers.get(key)
                if slot is not None and slot.entry.answer is not None:
                    answer = replace(slot.entry.answer, mark=Mark.RESTORED)
                    self._answers[key] = Slot(Entry(answer=answer), slot.used)
            self._on_change(key)
        with self._lock:
            self._blanks.clear()

    def services(self, namespace: str) -> set[str]:
        """Return the names of the services of which an answer is held."""
        return {key.service for key in list(self._answers) if key.namespace == namespace}

    def stages(self, namespace: str, service: str) -> set[str]:
        """Return the stages of which an answer is held for the service."""
        return {
            key.stage for key in list(self._answers) if key.namespace == namespace and key.service == service
        }

    def __len__(self) -> int:
        return len(self._answers) + len(self._blanks)

    def after_fork_in_child(self) -> None:
        """Take a new lock: the old one may have been held by a thread that is not there any more."""
        self._lock = threading.Lock()

    def _evict(self, kind: dict[Any, Slot]) -> list[Any]:
        oldest = sorted(kind, key=lambda key: kind[key].used)
        gone = oldest[: max(1, self._max_entries // _EVICTED_SHARE)]
        for key in gone:
            del kind[key]
        return gone
