"""The one owner of retries: a transport that asks another one again, within the time it was given."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.errors import StoreError, without_frames
from cloudmap_discovery.transport.errors import Call, no_answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from tenacity import RetryCallState

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.transport.port import Transport

_FIRST_WAIT_SECONDS: Final = 0.1
_MAX_WAIT_SECONDS: Final = 2.0
# What an attempt is told is a little less than what is left, so that its own error, which knows most, comes in time.
_TOLD: Final = 0.95
_GRACE: Final = 1.1
_WORTH_AN_ATTEMPT: Final = 0.05


class RetryingTransport:
    """Calls another transport up to `attempts` times, with full-jitter exponential back-off between them.

    Only errors that are `retryable` are retried. All attempts and waits stay inside `timeout_seconds`, of which a
    single attempt gets at most half, so that one that hangs leaves room for another. The last error is raised; it
    says how many attempts were made, or why there was but one: something unusable may stand in tenacity's place.
    """

    def __init__(
        self,
        inner: Transport,
        *,
        attempts: int = 3,
        clock: Clock | None = None,
        random: Callable[[], float] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if attempts < 1:
            raise ValueError(f"attempts={attempts}: at least 1")
        self._inner = inner
        self._attempts = attempts
        self._clock: Clock = SystemClock() if clock is None else clock
        self._random = _system_random if random is None else random
        self._sleep = sleep
        self._is_loaded = False
        self._obstacle: str | None = None

    def load(self) -> None:
        """Import what a retry needs, for whoever can spare the time ahead; otherwise the first retry does it."""
        from cloudmap_discovery.shadowing import shadowing  # noqa: PLC0415 -- for retries only

        try:
            from tenacity import AsyncRetrying, retry_if_exception

            made: Any = AsyncRetrying(retry=retry_if_exception(_is_retryable), reraise=True)
            why = "" if callable(made) else "its AsyncRetrying cannot be called"
        except Exception as error:  # noqa: BLE001 -- what stands in its place is not ours, and may raise anything
            why = f"{type(error).__name__}: {error}"
        if why:
            said = f"tenacity cannot be used ({why})"
            self._obstacle = "; ".join(filter(None, (said, shadowing(("tenacity",)))))
        self._is_loaded = True

    async def call(
        self, service: str, operation: str, params: Mapping[str, Any], *, timeout_seconds: float
    ) -> Mapping[str, Any]:
        """Call the operation as the inner transport does, again where that may help."""
        calls = _Calls(self._inner, service, operation, params, timeout_seconds, self._clock, self._attempts)
        try:
            return await calls.attempt()
        except StoreError as error:
            last = error
        if last.retryable and not calls.is_over(1) and await self._can_retry_within(calls.seconds_left):
            try:
                return await self._again(calls, last)
            except StoreError as error:
                last = error
        # Not the one caught: nothing below is to be kept alive by it.
        raise _told(last, calls.made, self._obstacle)

    async def _can_retry_within(self, seconds: float) -> bool:
        # Off the event loop: with a fraction of a processor, it would stand still for half a second.
        if not self._is_loaded:
            try:
                async with asyncio.timeout(seconds):
                    await asyncio.get_running_loop().run_in_executor(None, self.load)
            except TimeoutError:
                return False
        return self._obstacle is None

    async def _again(self, calls: _Calls, first: StoreError) -> Mapping[str, Any]:
        """Retry after a first attempt that ended in the error given."""
        from tenacity import AsyncRetrying, retry_if_exception

        unseen = [first]

        async def attempt() -> Mapping[str, Any]:
            if unseen:
                raise unseen.pop()  # the first attempt was made before any of this was imported
            return await calls.attempt()

        # A function may bring a tenacity as old as 6.3: it hands its state over by this very name, and asks for the
        # pause after it has asked whether to stop. So the pause is drawn by who asks first, and kept for the other.
        pauses: list[float] = []

        def pause(retry_state: RetryCallState) -> float:
            while len(pauses) < retry_state.attempt_number:
                pauses.append(self._pause(len(pauses)))
            return pauses[-1]

        def stop(retry_state: RetryCallState) -> bool:
            return calls.is_over(retry_state.attempt_number, pause(retry_state))

        retrying = AsyncRetrying(
            stop=stop,
            wait=pause,
            retry=retry_if_exception(_is_retryable),
            sleep=self._sleep,
            reraise=True,
        )
        return await retrying(attempt)

    async def aclose(self) -> None:
        """Close every connection of the inner transport."""
        await self._inner.aclose()

    def forget(self) -> None:
        """Drop every connection of the inner transport without touching it."""
        self._inner.forget()

    def _pause(self, retries: int) -> float:
        ceiling: float = min(_MAX_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2**retries)
        return self._random() * ceiling


class _Calls:
    """The attempts at one call, within its time."""

    __slots__ = ("_attempts", "_clock", "_ends", "_inner", "_latest", "_seconds", "_what", "made")

    def __init__(
        self,
        inner: Transport,
        service: str,
        operation: str,
        params: Mapping[str, Any],
        seconds: float,
        clock: Clock,
        attempts: int,
    ) -> None:
        self._inner = inner
        self._what = (service, operation, params)
        self._seconds = seconds
        self._clock = clock
        self._ends = clock.monotonic() + seconds
        self._attempts = attempts
        self._latest: StoreError | None = None
        self.made = 0

    async def attempt(self) -> Mapping[str, Any]:
        """Ask once; raises the error before it where no time is left."""
        left = self.seconds_left
        if left <= 0 and self._latest is not None:
            raise self._latest  # the pause took longer than planned: the machine is busy, or was frozen
        self.made += 1
        service, operation, params = self._what
        half = self._seconds / 2 if self._attempts > 1 else self._seconds
        told = min(half, left * _TOLD)
        try:
            async with asyncio.timeout(min(told * _GRACE, left)):
                return await self._inner.call(service, operation, params, timeout_seconds=told)
        except TimeoutError as error:
            self._latest = no_answer(Call(service, operation), told)
            raise self._latest from without_frames(error)
        except StoreError as error:
            self._latest = error
            raise

    @property
    def seconds_left(self) -> float:
        """The time that is left."""
        return self._ends - self._clock.monotonic()

    def is_over(self, made: int, pause_seconds: float = 0.0) -> bool:
        """Return whether, after so many attempts and another pause, no further attempt is to be made."""
        too_late = self.seconds_left - pause_seconds < self._seconds * _WORTH_AN_ATTEMPT
        return made >= self._attempts or too_late


def _system_random() -> float:
    from random import SystemRandom  # noqa: PLC0415 -- tenacity, which comes before it, has imported it

    return SystemRandom().random()


def _is_retryable(error: BaseException) -> bool:
    return isinstance(error, StoreError) and error.retryable


def _told(error: StoreError, attempts: int, obstacle: str | None) -> StoreError:
    last = error.fresh()
    if attempts > 1:
        last.args = (f"{error} ({attempts} attempts)", *error.args[1:])
    elif error.retryable and obstacle is not None:
        last.args = (f"{error} (not tried again: {obstacle})", *error.args[1:])
    return last
