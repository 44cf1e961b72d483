"""Waiting within a function's time: for AWS to answer after all, and for callers to forget an old address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from cloudmap_discovery.errors import RegistrationError, StoreError
from cloudmap_discovery.events import LOGGER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    SecondsLeft = Callable[[], float]

T = TypeVar("T")

# Cloud Map says InstanceNotFound also of an instance that was registered a moment ago. How long that lasts is not
# published; who believes it at once leaves a record that nobody removes any more.
PROPAGATION_SECONDS: Final = 15.0
_ATTEMPT_SECONDS: Final = 120.0
_LEAST_SECONDS: Final = 2.0
_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 20.0


class Patience:
    """Waits with `sleep`, by times that `random` (in [0, 1)) spreads.

    Its methods take a function that says how many seconds are left.
    """

    def __init__(self, *, sleep: Callable[[float], Awaitable[None]], random: Callable[[], float]) -> None:
        self._sleep = sleep
        self._random = random

    async def attempt(self, attempt: Callable[[float], Awaitable[T]], seconds_left: SecondsLeft) -> T:
        """Make the attempt, which is told its time, until AWS does not fail in passing any more, or no time is left."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return await attempt(attempt_seconds(seconds_left))
            except (StoreError, RegistrationError) as error:
                if not _may_pass(error) or seconds_left() < pause + _LEAST_SECONDS:
                    raise
                LOGGER.warning("AWS is asked again in about %g s: %s", pause, error)
            await self._sleep(pause * (0.5 + self._random() / 2))
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def until(self, attempt: Callable[[float], Awaitable[bool]], seconds_left: SecondsLeft) -> bool:
        """Make the attempt until it is true, or false for longer than a registration takes to spread."""
        waited, pause = 0.0, _FIRST_PAUSE_SECONDS
        while not await self.attempt(attempt, seconds_left):
            if waited >= PROPAGATION_SECONDS or seconds_left() < pause + _LEAST_SECONDS:
                return False
            await self._sleep(pause)
            waited += pause
            pause = max(min(pause * 2, PROPAGATION_SECONDS - waited), _FIRST_PAUSE_SECONDS)
        return True

    async def drain(self, seconds: float, seconds_left: SecondsLeft) -> str:
        """Wait while callers may still use what they hold; return what there is to say of it."""
        granted = min(seconds, max(seconds_left() - _LEAST_SECONDS, 0.0))
        if granted > 0:
            await self._sleep(granted)
        if granted < seconds:
            text = f"waited {granted:.0f} s instead of {seconds:g} s for callers: the function's time is up"
            LOGGER.warning("%s", text)
            return text
        return ""


def _may_pass(error: StoreError | RegistrationError) -> bool:
    # What ended for want of time may have been throttled all along, and is done again without harm.
    return error.retryable if isinstance(error, StoreError) else error.code == "Timeout"


def attempt_seconds(seconds_left: SecondsLeft) -> float:
    """Return how long one attempt may take."""
    return max(min(_ATTEMPT_SECONDS, seconds_left()), _LEAST_SECONDS)
