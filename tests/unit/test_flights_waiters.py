"""Waiters of one flight are many, on many loops and threads, and none disturbs another."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.flights import Landed, Waiting
from tests.unit.airport import Airport
from tests.unit.bed import Bed, RunningClock, make_bed, users

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


def running_bed(**settings: Any) -> Bed:
    bed = make_bed(clock=RunningClock(), timeout=30, **settings)
    bed.cloud_map.put(users())
    return bed


def on_threads(*mains: Callable[[], Coroutine[Any, Any, Any]]) -> list[Any]:
    """Run each on an event loop of its own in a thread of its own, all at once; return what they return."""
    results: list[Any] = [None] * len(mains)
    ready = threading.Barrier(len(mains))

    def run(number: int, main: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        ready.wait()
        results[number] = asyncio.run(main())

    threads = [threading.Thread(target=run, args=(n, main)) for n, main in enumerate(mains)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def test_a_thousand_coroutines_on_four_loops_in_four_threads_make_one_fetch() -> None:
    bed = running_bed()
    bed.cloud_map.delay_seconds = 0.2

    async def ask() -> list[str]:
        return [instance.endpoint for instance in await asyncio.gather(*(bed.find() for _ in range(250)))]

    endpoints = on_threads(ask, ask, ask, ask)

    assert [len(part) for part in endpoints] == [250] * 4
    assert {endpoint for part in endpoints for endpoint in part} == {"https://users.test"}
    assert bed.asked == ["cloudmap"]


async def test_a_cancelled_waiter_does_not_disturb_others() -> None:
    bed = running_bed()
    bed.cloud_map.is_open = False
    waiting = [asyncio.create_task(bed.find()) for _ in range(10)]
    await bed.until(lambda: bed.asked)

    for task in waiting[::2]:
        task.cancel()
    cancelled = await asyncio.gather(*waiting[::2], return_exceptions=True)
    bed.cloud_map.is_open = True
    found = await asyncio.gather(*waiting[1::2])

    assert {type(error) for error in cancelled} == {asyncio.CancelledError}
    assert len(found) == 5
    assert bed.asked == ["cloudmap"]


async def test_the_waiter_that_started_the_flight_may_be_cancelled_too() -> None:
    bed = running_bed()
    bed.cloud_map.is_open = False
    first = asyncio.create_task(bed.find())
    await bed.until(lambda: bed.asked)
    second = asyncio.create_task(bed.find())
    await asyncio.sleep(0)

    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    bed.cloud_map.is_open = True

    assert (await second).endpoint == "https://users.test"
    assert bed.asked == ["cloudmap"]


async def test_a_waiter_that_times_out_does_not_disturb_others() -> None:
    bed = running_bed()
    bed.cloud_map.is_open = False
    patient = asyncio.create_task(bed.find())
    await bed.until(lambda: bed.asked)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await bed.find()
    bed.cloud_map.is_open = True

    assert (await patient).endpoint == "https://users.test"
    assert bed.asked == ["cloudmap"]


async def landed_while_the_loop_is_held_up(airport: Airport) -> asyncio.Task[object]:
    """Return a wait that is over, whose loop was held up until the flight had landed."""
    airport.gate_is_open = False
    flight, _ = airport.launch()
    await airport.until_started(1)
    waiting: asyncio.Task[object] = asyncio.create_task(flight.landed(0.01))
    await asyncio.sleep(0)
    assert flight._waiters
    airport.gate_is_open = True
    time.sleep(0.02)  # noqa: ASYNC251 -- longer than the wait
    while airport.flights._under_way or flight._waiters:
        time.sleep(0.001)  # noqa: ASYNC251 -- still held up
    return waiting


async def test_what_landed_while_the_loop_was_held_up_counts_though_the_wait_is_over() -> None:
    waiting = await landed_while_the_loop_is_held_up(Airport())

    assert await waiting == Landed("number 1")


async def test_what_landed_before_a_freeze_does_not_count_after_it() -> None:
    airport = Airport()
    waiting = await landed_while_the_loop_is_held_up(airport)

    airport.clock.advance(60)

    assert await waiting == Waiting()


async def test_what_nobody_waits_for_any_more_is_held_nevertheless() -> None:
    bed = running_bed()
    bed.cloud_map.is_open = False
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await bed.find()

    bed.cloud_map.is_open = True
    await bed.landed()

    assert bed.discovery.held("users", "Production") is not None


def test_a_waiter_whose_loop_is_closed_does_not_disturb_others() -> None:
    airport = Airport(budget_seconds=30)
    airport.gate_is_open = False
    flight, _ = airport.launch()
    closed = asyncio.new_event_loop()
    waiting = flight.landed()
    closed.run_until_complete(_first_step(closed, waiting))
    assert len(flight._waiters) == 1
    closed.close()

    async def wait_too() -> Any:
        outcome = asyncio.create_task(flight.landed())
        await asyncio.sleep(0)
        airport.gate_is_open = True
        return await outcome

    assert asyncio.run(wait_too()) == Landed("number 1")
    waiting.close()


async def _first_step(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any]) -> None:
    """Step the coroutine to its first wait, so that its loop can be closed under it."""
    assert asyncio.get_running_loop() is loop
    coroutine.send(None)


def test_waiters_may_be_on_loops_that_come_and_go() -> None:
    bed = running_bed(ttl=0.1, stale_while_revalidate=0)

    for number in range(5):
        bed.clock.advance(1)
        assert asyncio.run(bed.find()).endpoint == "https://users.test"
        assert bed.asked == ["cloudmap"] * (number + 1)


def test_one_runner_for_many_calls_works() -> None:
    bed = running_bed(ttl=0.1, stale_while_revalidate=0)

    with asyncio.Runner() as runner:
        for _ in range(3):
            bed.clock.advance(1)
            assert runner.run(bed.find()).endpoint == "https://users.test"

    assert bed.asked == ["cloudmap"] * 3


async def test_waiters_that_are_gone_are_forgotten() -> None:
    airport = Airport(budget_seconds=30)
    airport.gate_is_open = False
    flight, _ = airport.launch()

    for _ in range(20):
        assert await flight.landed(0.001) == Waiting()
    cancelled = asyncio.create_task(flight.landed())
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)

    assert flight._waiters == []
    airport.gate_is_open = True
    await airport.until_empty()


def test_different_keys_fly_at_once() -> None:
    bed = running_bed()
    bed.cloud_map.is_open = False

    async def ask_all() -> int:
        waiting = [asyncio.create_task(bed.find(f"s-{n}")) for n in range(50)]
        await bed.until(lambda: len(bed.asked) == 50)
        bed.cloud_map.is_open = True
        return len(await asyncio.gather(*waiting, return_exceptions=True))

    assert asyncio.run(ask_all()) == 50
