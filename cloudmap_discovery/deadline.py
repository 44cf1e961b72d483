"""The time that one registration may take, and the pauses within it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudmap_discovery.errors import RegistrationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 2.0
_GROWTH: Final = 1.6
_LONGEST_CALL_SECONDS: Final = 15.0


class Deadline:
    """A moment by which work on Cloud Map must have ended.

    `monotonic` gives seconds, `sleep` pauses for seconds, `random` gives a number in [0, 1).
    """

    __slots__ = ("_ends", "_monotonic", "_random", "_sleep", "timeout_seconds")

    def __init__(
        self,
        timeout_seconds: float,
        *,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        random: Callable[[], float],
    ) -> None:
        self.timeout_seconds = timeout_seconds
        self._monotonic = monotonic
        self._sleep = sleep
        self._random = random
        self._ends = monotonic() + timeout_seconds

    @property
    def now(self) -> float:
        """The clock's reading, in seconds."""
        return self._monotonic()

    @property
    def seconds_left(self) -> float:
        """The time that is left, never negative."""
        return max(0.0, self._ends - self._monotonic())

    def at_least(self, seconds: float) -> Deadline:
        """Return this deadline, or a new one `seconds` from now if that is later."""
        if self.seconds_left >= seconds:
            return self
        return Deadline(seconds, monotonic=self._monotonic, sleep=self._sleep, random=self._random)

    def call_seconds(self, operation: str, status: str = "not begun") -> float:
        """Return how long one call of the operation may take; raise if no time is left."""
        left = self.seconds_left
        if left <= 0:
            raise self.missed(operation, status)
        return min(left, _LONGEST_CALL_SECONDS)

    async def pause(self, attempt: int, operation: str, status: str) -> None:
        """Wait before the next attempt, longer each time and jittered; raise if no time is left."""
        left = self.seconds_left
        if left <= 0:
            raise self.missed(operation, status)
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * _GROWTH ** min(attempt, 16))
        await self._sleep(min(left, longest * (0.5 + self._random() / 2)))

    def missed(self, operation: str, status: str) -> RegistrationError:
        """Return the error that says so."""
        reason = f"{status} after {self.timeout_seconds:g} s; the operation may still complete"
        return RegistrationError(
            f"{operation} did not end in time: {reason}. Look again with explain, or pass a larger timeout_seconds",
            operation=operation,
            code="Timeout",
            reason=reason,
        )
