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

    def pauses(self, operation: str) -> Pauses:
        """Return the pauses between attempts at the operation."""
        return Pauses(self, operation, self._sleep, self._random)

    def missed(self, operation: str, status: str) -> RegistrationError:
        """Return the error that says so."""
        reason = f"{status} after {self.timeout_seconds:g} s; the operation may still complete"
        return RegistrationError(
            f"{operation} did not end in time: {reason}. Look again with explain, or pass a larger timeout_seconds",
            operation=operation,
            code="Timeout",
            reason=reason,
        )


class Pauses:
    """Pauses between attempts: longer each time, jittered, and none beyond the deadline."""

    __slots__ = ("_deadline", "_longest_seconds", "_operation", "_random", "_sleep")

    def __init__(
        self,
        deadline: Deadline,
        operation: str,
        sleep: Callable[[float], Awaitable[None]],
        random: Callable[[], float],
    ) -> None:
        self._deadline = deadline
        self._operation = operation
        self._sleep = sleep
        self._random = random
        self._longest_seconds = FIRST_PAUSE_SECONDS

    async def next(self, status: str) -> None:
        """Wait before the next attempt; raise an error that tells the status if no time is left."""
        left = self._deadline.seconds_left
        if left <= 0:
            raise self._deadline.missed(self._operation, status)
        seconds = self._longest_seconds * (0.5 + self._random() / 2)
        self._longest_seconds = min(LONGEST_PAUSE_SECONDS, self._longest_seconds * _GROWTH)
        await self._sleep(min(left, seconds))
