"""Which stores are left alone for a moment, because they were throttled, unreachable or too slow."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.freshness import back_off_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudmap_discovery.clock import Instant
    from cloudmap_discovery.errors import StoreError

MAX_STORE_BACK_OFF_SECONDS: Final = 5.0


class _Trouble:
    __slots__ = ("error", "failures", "probe_ended", "probe_started", "seconds", "since")

    def __init__(self, error: StoreError, since: Instant, seconds: float, failures: int) -> None:
        self.error = error
        self.since = since
        self.seconds = seconds
        self.failures = failures
        self.probe_started: Instant | None = None
        self.probe_ended = asyncio.Event()


class StoreHealth:
    """Remembers trouble by store; used on the I/O thread only.

    A store in trouble is not asked until its back-off ends. Then one call goes out as a probe, and the others wait
    for what it brings (`probe`).
    """

    def __init__(self, random: Callable[[], float], *, probe_seconds: float) -> None:
        self._random = random
        self._probe_seconds = probe_seconds
        self._trouble: dict[str, _Trouble] = {}

    def refusal(self, store: str, now: Instant) -> StoreError | None:
        """Return why the store is not to be asked now, or None; the caller that gets None then asks it."""
        trouble = self._trouble.get(store)
        if trouble is None:
            return None
        waited = now.seconds_since(trouble.since)
        if 0 <= waited < trouble.seconds:
            return _not_asked(trouble.error, f"backing off for another {trouble.seconds - waited:.1f} s")
        probe = trouble.probe_started
        if probe is not None and 0 <= now.seconds_since(probe) < self._probe_seconds:
            return _not_asked(trouble.error, "a probe is under way")
        trouble.probe_started = now
        trouble.probe_ended = asyncio.Event()
        return None

    def probe(self, store: str, now: Instant) -> asyncio.Event | None:
        """Return what is set when the probe that is under way ends; None if there is none."""
        trouble = self._trouble.get(store)
        if trouble is None or trouble.probe_started is None:
            return None
        is_young = 0 <= now.seconds_since(trouble.probe_started) < self._probe_seconds
        return trouble.probe_ended if is_young and not trouble.probe_ended.is_set() else None

    def answered(self, store: str) -> None:
        """Note that the store answered: it is well."""
        trouble = self._trouble.pop(store, None)
        if trouble is not None:
            trouble.probe_ended.set()

    def failed(self, store: str, error: StoreError, asked: Instant, now: Instant) -> None:
        """Note that a call sent at `asked` failed."""
        trouble = self._trouble.get(store)
        if not error.unhealthy:
            # It did answer, only not with a record.
            self.answered(store)
        elif trouble is None:
            seconds = back_off_seconds(1, MAX_STORE_BACK_OFF_SECONDS, self._random)
            self._trouble[store] = _Trouble(error, now, seconds, 1)
        elif trouble.since.seconds_since(asked) <= 0:
            # Calls that were under way when the back-off began are the same trouble, not more of it.
            trouble.probe_ended.set()
            failures = trouble.failures + 1
            seconds = back_off_seconds(failures, MAX_STORE_BACK_OFF_SECONDS, self._random)
            self._trouble[store] = _Trouble(error, now, seconds, failures)

    def clear(self) -> None:
        """Forget all trouble: it was another process's, or before a snapshot."""
        self._trouble.clear()


def _not_asked(error: StoreError, why: str) -> StoreError:
    refusal = error.fresh()
    refusal.args = (f"{why}, after: {error}",)
    return refusal
