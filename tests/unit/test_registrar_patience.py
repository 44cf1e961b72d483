"""Whoever waits for AWS or for callers waits within the function's time, and says what it did not wait for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.errors import AccessDeniedError, RegistrationError, StoreTimeoutError, ThrottledError
from cloudmap_discovery.registrar.patience import PROPAGATION_SECONDS, Patience, attempt_seconds
from tests.unit.timing import WaitingClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator


class Waiting:
    """Patience on a clock, with so much of a function's time; attempts end as `outcomes` say, the last for ever."""

    def __init__(self, seconds: float = 900.0, *, random: float = 1.0) -> None:
        self.clock = WaitingClock()
        self.patience = Patience(sleep=self.clock.sleep, random=lambda: random)
        self.timeouts: list[float] = []
        self._ends = self.clock.monotonic() + seconds

    def left(self) -> float:
        return max(self._ends - self.clock.monotonic(), 0.0)

    async def attempt(self, *outcomes: bool | Exception, each: float = 0.0) -> bool:
        return await self.patience.attempt(self._making(iter(outcomes), each), self.left)

    async def until(self, *outcomes: bool | Exception, each: float = 0.0) -> bool:
        return await self.patience.until(self._making(iter(outcomes), each), self.left)

    def _making(
        self, outcomes: Iterator[bool | Exception], each: float
    ) -> Callable[[float], Awaitable[bool]]:
        last: bool | Exception = False

        async def make(timeout_seconds: float) -> bool:
            nonlocal last
            self.timeouts.append(timeout_seconds)
            self.clock.advance(each)
            last = next(outcomes, last)
            if isinstance(last, Exception):
                raise last
            return last

        return make


def throttled() -> ThrottledError:
    return ThrottledError("too fast", code="ThrottlingException")


# Attempts


async def test_an_attempt_that_succeeds_waits_for_nothing() -> None:
    waiting = Waiting()

    assert await waiting.attempt(True)
    assert waiting.clock.slept == []
    assert waiting.timeouts == [120]


async def test_an_attempt_is_made_anew_while_aws_fails_in_passing() -> None:
    waiting = Waiting()

    assert await waiting.attempt(throttled(), StoreTimeoutError("no answer"), throttled(), True)
    assert waiting.clock.slept == [1, 2, 4]


async def test_pauses_grow_to_twenty_seconds_and_end_with_the_functions_time() -> None:
    waiting = Waiting(100)

    with pytest.raises(ThrottledError):
        await waiting.attempt(throttled())

    assert waiting.clock.slept == [1, 2, 4, 8, 16, 20, 20, 20]
    assert waiting.left() == 9


async def test_pauses_are_spread_so_that_not_all_come_at_once() -> None:
    waiting = Waiting(random=0.0)

    await waiting.attempt(throttled(), throttled(), True)

    assert waiting.clock.slept == [0.5, 1]


@pytest.mark.parametrize(
    "error", [AccessDeniedError("not allowed"), RegistrationError("it failed"), ValueError("a bug")]
)
async def test_what_does_not_pass_is_raised_at_once(error: Exception) -> None:
    waiting = Waiting()

    with pytest.raises(type(error)):
        await waiting.attempt(error, True)

    assert waiting.clock.slept == []


async def test_each_attempt_is_told_what_it_may_take() -> None:
    waiting = Waiting(130)

    with pytest.raises(StoreTimeoutError):
        await waiting.attempt(StoreTimeoutError("no answer"), each=100)

    assert waiting.timeouts == [120, 29]


async def test_what_is_tried_again_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)

    await Waiting().attempt(throttled(), True)

    assert "AWS is asked again in about 1 s: too fast" in caplog.text


@pytest.mark.parametrize(
    ("left", "seconds"), [(900.0, 120.0), (120.0, 120.0), (7.5, 7.5), (1.0, 2.0), (0.0, 2.0)]
)
def test_an_attempt_may_take_two_minutes_and_always_has_two_seconds(left: float, seconds: float) -> None:
    assert attempt_seconds(lambda: left) == seconds


@given(st.floats(0, 2000), st.floats(0, 60), st.floats(0, 0.999))
async def test_no_pause_goes_beyond_the_functions_time(seconds: float, each: float, random: float) -> None:
    waiting = Waiting(seconds, random=random)

    with pytest.raises(ThrottledError):
        await waiting.attempt(throttled(), each=each)

    assert sum(waiting.clock.slept) <= seconds


# Until it is so


async def test_what_is_so_at_once_is_not_waited_for() -> None:
    waiting = Waiting()

    assert await waiting.until(True)
    assert waiting.clock.slept == []


async def test_a_no_is_believed_only_after_a_registration_has_had_time_to_spread() -> None:
    waiting = Waiting()

    assert not await waiting.until(False)
    assert sum(waiting.clock.slept) == PROPAGATION_SECONDS
    assert waiting.clock.slept == [1, 2, 4, 8]


async def test_a_yes_after_a_while_ends_the_waiting() -> None:
    waiting = Waiting()

    assert await waiting.until(False, False, True)
    assert waiting.clock.slept == [1, 2]


async def test_a_failure_in_between_is_no_answer() -> None:
    waiting = Waiting()

    assert await waiting.until(False, throttled(), False, True)
    assert waiting.clock.slept == [1, 1, 2]


async def test_a_no_is_believed_when_the_functions_time_ends() -> None:
    waiting = Waiting(8)

    assert not await waiting.until(False)
    assert waiting.clock.slept == [1, 2]


@given(st.floats(0, 60), st.floats(0, 5))
async def test_waiting_for_it_ends_with_the_functions_time(seconds: float, each: float) -> None:
    waiting = Waiting(seconds)

    assert not await waiting.until(False, each=each)
    assert sum(waiting.clock.slept) <= min(seconds, PROPAGATION_SECONDS)


# Draining


async def test_callers_have_the_time_that_they_are_given() -> None:
    waiting = Waiting()

    assert await waiting.patience.drain(330, waiting.left) == ""
    assert waiting.clock.slept == [330]


async def test_no_time_is_no_wait() -> None:
    waiting = Waiting(0)

    assert await waiting.patience.drain(0, waiting.left) == ""
    assert waiting.clock.slept == []


async def test_callers_that_do_not_get_their_time_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    waiting = Waiting(100.0)
    told = "waited 98 s instead of 330.5 s for callers: the function's time is up"

    assert await waiting.patience.drain(330.5, waiting.left) == told
    assert waiting.clock.slept == [98]
    assert told in caplog.text


async def test_without_any_time_left_nothing_is_waited_for_and_that_is_told() -> None:
    waiting = Waiting(1.0)

    assert await waiting.patience.drain(5, waiting.left) == (
        "waited 0 s instead of 5 s for callers: the function's time is up"
    )
    assert waiting.clock.slept == []
