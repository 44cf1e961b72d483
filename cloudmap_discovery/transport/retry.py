"""The one owner of retries: a transport that asks another one again, within the time it was given."""

from __future__ import annotations

import asyncio
from random import SystemRandom
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
    says how many attempts were made.
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
        self._random = SystemRandom().random if random is None else random
        self._sleep = sleep

    def load(self) -> None:
        """Import what retrying needs, so that no call has to."""
        import tenacity  # noqa: F401 -- imported for its time, not for its names

    async def call(
        self, service: str, operation: str, params: Mapping[str, Any], *, timeout_seconds: float
    ) -> Mapping[str, Any]:
        """Call the operation as the inner transport does, again where that may help."""
        from tenacity import AsyncRetrying, retry_if_exception

        deadline = self._clock.monotonic() + timeout_seconds
        made = 0
        latest: StoreError | None = None

        async def attempt() -> Mapping[str, Any]:
            nonlocal made, latest
            left = deadline - self._clock.monotonic()
            if left <= 0 and latest is not None:
                raise latest  # the pause took longer than planned: the machine is busy, or was frozen
            made += 1
            half = timeout_seconds / 2 if self._attempts > 1 else timeout_seconds
            told = min(half, left * _TOLD)
            try:
                async with asyncio.timeout(min(told * _GRACE, left)):
                    return await self._inner.call(service, operation, params, timeout_seconds=told)
            except TimeoutError as error:
                latest = no_answer(Call(service, operation), told)
                raise latest from without_frames(error)
            except StoreError as error:
                latest = error
                raise

        def stop(state: RetryCallState) -> bool:
            left = deadline - self._clock.monotonic() - state.upcoming_sleep
            return state.attempt_number >= self._attempts or left < timeout_seconds * _WORTH_AN_ATTEMPT

        retrying = AsyncRetrying(
            stop=stop,
            wait=self._wait,
            retry=retry_if_exception(_is_retryable),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await retrying(attempt)
        except StoreError as error:
            last = _counted(error, made)
        raise last  # not the one caught: nothing below is to be kept alive by it

    async def aclose(self) -> None:
        """Close every connection of the inner transport."""
        await self._inner.aclose()

    def forget(self) -> None:
        """Drop every connection of the inner transport without touching it."""
        self._inner.forget()

    def _wait(self, state: RetryCallState) -> float:
        ceiling: float = min(_MAX_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2 ** (state.attempt_number - 1))
        return self._random() * ceiling


def _is_retryable(error: BaseException) -> bool:
    return isinstance(error, StoreError) and error.retryable


def _counted(error: StoreError, attempts: int) -> StoreError:
    last = error.fresh()
    if attempts > 1:
        last.args = (f"{error} ({attempts} attempts)", *error.args[1:])
    return last
