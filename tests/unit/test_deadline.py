"""Work on Cloud Map ends in time, and says so where it did not."""

from __future__ import annotations

import pytest

from cloudmap_discovery.deadline import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Deadline
from cloudmap_discovery.errors import RegistrationError
from tests.unit.timing import WaitingClock


async def test_pauses_grow_to_a_longest_one() -> None:
    clock = WaitingClock()
    deadline = clock.deadline()

    pauses = deadline.pauses("GetOperation")
    for _ in range(12):
        await pauses.next("PENDING")

    assert clock.slept[0] == pytest.approx(FIRST_PAUSE_SECONDS)
    assert clock.slept == sorted(clock.slept)
    assert clock.slept[-1] == pytest.approx(LONGEST_PAUSE_SECONDS)


async def test_pauses_are_spread_over_half_their_length() -> None:
    clock = WaitingClock()
    shortest = Deadline(60, monotonic=clock.monotonic, sleep=clock.sleep, random=lambda: 0.0)

    await shortest.pauses("GetOperation").next("PENDING")

    assert clock.slept == [FIRST_PAUSE_SECONDS / 2]


async def test_the_last_pause_ends_with_the_deadline() -> None:
    clock = WaitingClock()
    deadline = clock.deadline(0.05)

    await deadline.pauses("GetOperation").next("PENDING")

    assert clock.slept == [pytest.approx(0.05)]
    assert deadline.seconds_left == 0


async def test_no_time_left_is_an_error_that_says_what_was_waited_for() -> None:
    clock = WaitingClock()
    deadline = clock.deadline(2)
    clock.advance(2)

    with pytest.raises(
        RegistrationError, match="RegisterInstance did not end in time: it is PENDING after 2 s"
    ) as caught:
        await deadline.pauses("RegisterInstance").next("it is PENDING")

    assert (caught.value.operation, caught.value.code) == ("RegisterInstance", "Timeout")
    assert "the operation may still complete" in caught.value.reason
    with pytest.raises(RegistrationError):
        deadline.call_seconds("GetOperation")


def test_a_call_gets_what_is_left_and_never_too_much() -> None:
    clock = WaitingClock()
    deadline = clock.deadline(20)

    at_first = deadline.call_seconds("GetOperation")
    clock.advance(17)

    assert at_first == 15
    assert deadline.call_seconds("GetOperation") == 3


def test_what_comes_last_can_be_given_some_time() -> None:
    clock = WaitingClock()
    deadline = clock.deadline(20)

    assert deadline.at_least(5) is deadline
    clock.advance(19)
    assert deadline.at_least(5).seconds_left == 5
