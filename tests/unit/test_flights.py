"""One flight for a key; what it brings is recorded in time or not at all."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.flights import Abandoned, Landed, Waiting
from tests.unit.airport import Airport

if TYPE_CHECKING:
    from cloudmap_discovery.clock import Instant


async def test_a_flight_lands_with_what_was_recorded() -> None:
    airport = Airport()
    started = airport.clock.now()

    flight, is_ours = airport.launch()

    assert is_ours
    assert await flight.landed() == Landed("number 1")
    assert (airport.recorded, airport.started) == ([1], [started])


async def test_while_a_flight_is_under_way_callers_share_it() -> None:
    airport = Airport()
    airport.gate_is_open = False

    first, first_is_ours = airport.launch()
    second, second_is_ours = airport.launch()
    other, other_is_ours = airport.launch("other")
    under_way = airport.flights.is_under_way("key")
    airport.gate_is_open = True

    assert first is second
    assert other is not first
    assert (first_is_ours, second_is_ours, other_is_ours) == (True, False, True)
    assert under_way
    assert await first.landed() == await second.landed()
    assert not airport.flights.is_under_way("key")


async def test_a_flight_of_another_kind_is_as_good_unless_it_is_to_be_replaced() -> None:
    airport = Airport()
    airport.gate_is_open = False
    ordinary, _ = airport.launch()
    await airport.until_started(1)

    special, special_is_ours = airport.launch(kind="special", replaces_other_kinds=True)
    same, same_is_ours = airport.launch(kind="special", replaces_other_kinds=True)
    joined, joined_is_ours = airport.launch()
    await airport.until_started(2)
    airport.gate_is_open = True

    assert special is same is joined
    assert (special_is_ours, same_is_ours, joined_is_ours) == (True, False, False)
    assert await ordinary.landed() == Abandoned()
    assert await special.landed() == Landed("number 2")
    assert airport.recorded == [2]


async def test_after_a_flight_another_starts() -> None:
    airport = Airport()
    first, _ = airport.launch()
    await first.landed()

    second, is_ours = airport.launch()

    assert is_ours
    assert await second.landed() == Landed("number 2")


async def test_a_flight_that_landed_can_be_waited_for_again() -> None:
    airport = Airport()
    flight, _ = airport.launch()
    await airport.until_empty()

    assert await flight.landed() == Landed("number 1")
    assert await flight.landed(0) == Landed("number 1")


async def test_a_wait_may_be_shorter_than_the_flight() -> None:
    airport = Airport()
    airport.gate_is_open = False
    flight, _ = airport.launch()

    assert await flight.landed(0.01) == Waiting()
    assert await flight.landed(0) == Waiting()
    airport.gate_is_open = True
    assert await flight.landed() == Landed("number 1")


async def test_a_wait_is_never_longer_than_the_rest_of_the_budget() -> None:
    airport = Airport(budget_seconds=0.05)
    airport.gate_is_open = False
    flight, _ = airport.launch()
    began = time.monotonic()

    outcome = await flight.landed(60)
    airport.gate_is_open = True

    assert outcome == Waiting()
    assert time.monotonic() - began < 10
    await airport.until_empty()


@pytest.mark.parametrize("seconds", [2.001, 3600, -1])
async def test_a_flight_older_than_its_budget_is_abandoned_and_a_new_caller_starts_another(
    seconds: float,
) -> None:
    airport = Airport()
    airport.gate_is_open = False
    old, _ = airport.launch()
    await airport.until_started(1)
    airport.clock.advance(seconds)

    under_way = airport.flights.is_under_way("key")
    new, is_ours = airport.launch()
    await airport.until_started(2)
    airport.gate_is_open = True

    assert not under_way
    assert is_ours
    assert await new.landed() == Landed("number 2")
    assert isinstance(await old.landed(5), Abandoned | Waiting)
    await airport.until_empty()
    assert airport.recorded == [2]


async def test_what_a_frozen_flight_brings_is_discarded() -> None:
    airport = Airport()
    airport.takes_seconds = 3600

    flight, _ = airport.launch()
    await airport.until_empty()

    assert await flight.landed() == Abandoned()
    assert airport.recorded == []
    assert flight.was_frozen


async def test_what_an_abandoned_flight_brings_is_discarded() -> None:
    airport = Airport()
    airport.gate_is_open = False
    one, _ = airport.launch("one")
    two, _ = airport.launch("two")
    three, _ = airport.launch("three")
    await airport.until_started(3)

    airport.flights.abandon("one")
    airport.flights.abandon("unknown")
    one_under_way = airport.flights.is_under_way("one")
    airport.flights.abandon_all()
    airport.gate_is_open = True

    assert not one_under_way
    assert [await flight.landed() for flight in (one, two, three)] == [Abandoned()] * 3
    assert airport.recorded == []


async def test_an_abandoned_flight_does_not_end_the_one_that_took_its_place() -> None:
    airport = Airport()
    airport.gate_is_open = False
    airport.launch()
    await airport.until_started(1)
    airport.flights.abandon("key")
    new, is_ours = airport.launch()
    await airport.until_started(2)
    airport.gate_is_open = True

    assert is_ours
    assert await new.landed() == Landed("number 2")
    assert airport.recorded == [2]


async def test_what_is_abandoned_while_it_is_recorded_is_abandoned_after_that() -> None:
    airport = Airport()
    held: dict[str, int] = {}
    is_landing = threading.Event()

    async def fly(_: Instant) -> int:
        return 1

    def land(number: int) -> None:
        is_landing.set()
        time.sleep(0.05)
        held["key"] = number

    def forget() -> None:
        is_landing.wait()
        airport.flights.abandon("key")
        held.pop("key", None)

    forgetting = threading.Thread(target=forget)
    forgetting.start()
    flight, _ = airport.flights.launch("key", fly, land, budget_seconds=2.0)
    await flight.landed()
    await asyncio.to_thread(forgetting.join)

    assert held == {}


async def test_a_bug_reaches_every_waiter_as_an_exception_of_its_own() -> None:
    airport = Airport()
    airport.error = KeyError("a bug")
    flight, _ = airport.launch()
    caught: list[BaseException] = []

    for _ in range(3):
        with pytest.raises(KeyError, match="a bug") as raised:
            await flight.landed()
        caught.append(raised.value)

    assert len({id(error) for error in caught}) == 3
    assert airport.recorded == []


async def test_a_bug_that_cannot_be_copied_is_raised_as_it_is() -> None:
    class Uncopyable(Exception):  # noqa: N818 -- it is none of the package's errors
        def __copy__(self) -> Uncopyable:
            raise TypeError("not to be copied")

    airport = Airport()
    airport.error = Uncopyable("a bug")
    flight, _ = airport.launch()

    with pytest.raises(Uncopyable, match="a bug"):
        await flight.landed()


async def test_a_bug_in_recording_reaches_the_waiters_too() -> None:
    airport = Airport()

    async def fly(_: Instant) -> int:
        return 1

    def land(_: int) -> Any:
        raise ZeroDivisionError

    flight, _ = airport.flights.launch("key", fly, land, budget_seconds=2.0)

    with pytest.raises(ZeroDivisionError):
        await flight.landed()
    assert not airport.flights.is_under_way("key")


async def test_a_flight_that_is_cancelled_is_abandoned() -> None:
    airport = Airport()
    airport.error = asyncio.CancelledError()

    flight, _ = airport.launch()

    assert await flight.landed() == Abandoned()


async def test_the_child_of_a_fork_starts_flights_of_its_own() -> None:
    airport = Airport()
    airport.gate_is_open = False
    in_parent, _ = airport.launch()
    await airport.until_started(1)
    airport.flights._lock.acquire()

    airport.flights.after_fork_in_child()
    in_child, is_ours = airport.launch()
    airport.gate_is_open = True

    assert is_ours
    assert in_child is not in_parent
    assert isinstance(await in_child.landed(), Landed)
