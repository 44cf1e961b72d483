"""The stand-in's clock: the time of day, which tests can stop and move."""

import threading
import time


class AdjustableClock:
    """Seconds since the epoch; runs with the time of day until it is frozen, never goes backwards."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ahead_seconds = 0.0
        self._frozen_at: float | None = None

    def now(self) -> float:
        with self._lock:
            return self._now()

    def _now(self) -> float:
        return time.time() + self._ahead_seconds if self._frozen_at is None else self._frozen_at

    def freeze(self) -> None:
        """Stop: from now on time passes only through `advance`."""
        with self._lock:
            self._frozen_at = self._now()

    def advance(self, seconds: float) -> None:
        """Move ahead, frozen or not."""
        if seconds < 0:
            raise ValueError(f"seconds={seconds!r}: the stand-in's clock only moves ahead; give 0 or more")
        with self._lock:
            if self._frozen_at is None:
                self._ahead_seconds += seconds
            else:
                self._frozen_at += seconds

    def thaw(self) -> None:
        """Run again, from the time at which it stands."""
        with self._lock:
            if self._frozen_at is not None:
                self._ahead_seconds = self._frozen_at - time.time()
                self._frozen_at = None

    def reset(self) -> None:
        """Show the time of day again."""
        with self._lock:
            self._ahead_seconds = 0.0
            self._frozen_at = None
