"""What is registered is listed once for all who ask, and what was listed is not lost to a failure."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.errors import ConfigurationError, StoreError, StoreTimeoutError
from cloudmap_discovery.io_thread import IOThread
from cloudmap_discovery.model import Instance
from cloudmap_discovery.server.overview import Overview, Read
from cloudmap_discovery.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

USERS: dict[str, tuple[Instance, ...]] = {
    "users": (Instance("users", "https://users.test", stage="Production"),)
}
ORDERS: dict[str, tuple[Instance, ...]] = {
    "orders": (Instance("orders", "https://orders.test", stage="Staging"),)
}


class FakeReader:
    def __init__(self, source: str = "cloudmap", behind_seconds: float = 0.0) -> None:
        self.source = source
        self.records: dict[str, tuple[Instance, ...]] = dict(USERS)
        self.reads = 0
        self.error: StoreError | None = None
        self.seconds = 0.0
        self.unusable: frozenset[tuple[str, str]] = frozenset()
        self.freezes: Callable[[], None] = lambda: None
        self.waits_for: asyncio.Event | None = None
        self.given: list[float] = []
        self._behind_seconds = behind_seconds

    async def read(self, timeout_seconds: float) -> Read:
        self.given.append(timeout_seconds)
        self.reads += 1
        await asyncio.sleep(self.seconds)
        self.freezes()
        if self.waits_for is not None:
            await self.waits_for.wait()
        if self.error is not None:
            raise self.error.fresh()
        return Read(self.records, self._behind_seconds, self.unusable)


def overview(*readers: FakeReader, clock: FakeClock, max_stale_seconds: float = 3600.0) -> Overview:
    return Overview(
        readers, io=IOThread(), clock=clock, ttl_seconds=60.0, max_stale_seconds=max_stale_seconds
    )


async def test_it_is_read_once_for_all_who_ask_at_once_and_while_it_is_fresh() -> None:
    reader, clock = FakeReader(), FakeClock()
    reader.seconds = 0.05
    tested = overview(reader, clock=clock)

    listed = await asyncio.gather(*(tested.listed() for _ in range(100)))
    clock.advance(59)
    later = await tested.listed()

    assert reader.reads == 1
    assert {one.source for one in listed} == {"cloudmap"}
    assert (later.records, later.age_seconds, later.stale) == (USERS, 59.0, False)


async def test_it_is_read_anew_when_it_is_no_longer_fresh_or_something_was_written() -> None:
    reader, clock = FakeReader(), FakeClock()
    tested = overview(reader, clock=clock)
    await tested.listed()
    reader.records = ORDERS

    clock.advance(61)
    aged = await tested.listed()
    tested.forget()
    await tested.listed()

    assert aged.records == ORDERS
    assert reader.reads == 3


async def test_a_failure_leaves_what_was_listed_marked_stale_with_the_reason_and_is_not_repeated_at_once() -> (
    None
):
    reader, clock = FakeReader(), FakeClock()
    tested = overview(reader, clock=clock)
    await tested.listed()
    reader.error = StoreTimeoutError("no answer", store="cloudmap")
    clock.advance(61)

    listed = await tested.listed()
    await tested.listed()

    assert (listed.records, listed.age_seconds, listed.stale, listed.why_stale) == (
        USERS,
        61,
        True,
        "no answer",
    )
    assert reader.reads == 2


async def test_what_was_being_read_when_something_was_written_is_not_taken_for_new() -> None:
    reader, clock = FakeReader(), FakeClock()
    reader.seconds = 0.2
    tested = overview(reader, clock=clock)
    before = asyncio.ensure_future(tested.listed())
    while not reader.reads:  # noqa: ASYNC110 -- it is read on another thread
        await asyncio.sleep(0.001)
    reader.records = ORDERS

    tested.forget()
    after = await tested.listed()
    await before
    later = await tested.listed()

    assert after.records == later.records == ORDERS
    assert not after.stale
    assert reader.reads == 2


async def test_a_failure_after_a_write_leaves_what_was_listed_before_marked_stale() -> None:
    reader = FakeReader()
    tested = overview(reader, clock=FakeClock())
    await tested.listed()
    reader.error = StoreTimeoutError("no answer", store="cloudmap")

    tested.forget()
    listed = await tested.listed()

    assert (listed.records, listed.stale) == (USERS, True)


async def test_after_a_write_that_cannot_be_seen_nobody_but_the_first_waits_for_it() -> None:
    reader, clock = FakeReader(), FakeClock()
    tested = overview(reader, clock=clock)
    await tested.listed()
    reader.error = StoreTimeoutError("no answer", store="cloudmap")
    tested.forget()
    await tested.listed()
    clock.advance(6)
    reader.waits_for = asyncio.Event()

    async with asyncio.timeout(15):  # a listing may take 25 seconds
        listed = await tested.listed()
    tested.forget()
    reader.error = reader.waits_for = None
    again = await tested.listed()

    assert (listed.records, listed.why_stale) == (USERS, "a newer listing is under way")
    assert not again.stale


async def test_what_is_too_old_is_not_served() -> None:
    reader, clock = FakeReader(), FakeClock()
    tested = overview(reader, clock=clock, max_stale_seconds=100.0)
    await tested.listed()
    reader.error = StoreTimeoutError("no answer", store="cloudmap")
    clock.advance(101)

    with pytest.raises(StoreTimeoutError, match="no answer"):
        await tested.listed()


async def test_after_a_failure_with_nothing_held_it_is_asked_again_five_seconds_later() -> None:
    reader, clock = FakeReader(), FakeClock()
    tested = overview(reader, clock=clock)
    reader.error = StoreTimeoutError("no answer", store="cloudmap")
    for _ in range(3):
        with pytest.raises(StoreTimeoutError):
            await tested.listed()
    reader.error = None
    clock.advance(5)

    listed = await tested.listed()

    assert listed.records == USERS
    assert reader.reads == 2


async def test_the_next_place_is_read_where_the_first_one_fails() -> None:
    first, second = FakeReader("s3"), FakeReader("cloudmap")
    first.error = StoreTimeoutError("no answer", store="s3")

    listed = await overview(first, second, clock=FakeClock()).listed()

    assert (listed.source, listed.records, listed.stale) == ("cloudmap", USERS, False)


async def test_a_snapshot_is_as_old_as_when_it_was_compared() -> None:
    clock = FakeClock()
    tested = overview(FakeReader("file", behind_seconds=500.0), clock=clock)
    await tested.listed()
    clock.advance(10)

    listed = await tested.listed()

    assert listed.age_seconds == 510.0
    assert not listed.stale


async def test_a_clock_that_ran_back_does_not_make_it_fresh() -> None:
    reader, clock = FakeReader(), FakeClock()
    tested = overview(reader, clock=clock)
    await tested.listed()

    clock.set(clock.wall() - 7200, clock.monotonic() + 1)
    await tested.listed()

    assert reader.reads == 2


async def test_with_no_place_to_read_from_it_says_so_and_does_not_ask_to_come_again() -> None:
    with pytest.raises(ConfigurationError, match="DISCOVERY_SOURCES is 'ssm'; it must be a list with"):
        await overview(clock=FakeClock()).listed()


def test_services_of_one_stage_are_those_that_have_records_there() -> None:
    clock = FakeClock()
    tested = overview(FakeReader(), clock=clock)

    listed = asyncio.run(tested.listed())

    assert listed.in_stage("Production") == USERS
    assert listed.in_stage("Staging") == {}


async def test_of_a_place_of_which_nothing_can_be_used_what_was_held_goes_on() -> None:
    reader, clock = FakeReader(), FakeClock()
    tested = overview(reader, clock=clock)
    await tested.listed()
    reader.records, reader.unusable = {"users": ()}, frozenset({("users", "Production")})
    clock.advance(61)

    listed = await tested.listed()

    assert listed.records == USERS
    assert listed.unusable == {("users", "Production")}
    assert not listed.stale


async def test_what_was_read_across_a_freeze_is_not_served_as_fresh() -> None:
    reader, clock = FakeReader(), FakeClock()
    reader.freezes = lambda: clock.advance(3600)
    tested = overview(reader, clock=clock)

    with pytest.raises(StoreTimeoutError, match="listing from cloudmap took longer"):
        await tested.listed()


async def test_a_reading_that_was_frozen_is_not_waited_for_when_the_process_goes_on() -> None:
    reader, clock = FakeReader(), FakeClock()
    never = asyncio.Event()
    tested = overview(reader, clock=clock)
    await tested.listed()
    clock.advance(61)
    reader.waits_for = never
    slow = await tested.listed()
    clock.advance(300)
    reader.waits_for = None

    again = await tested.listed()

    assert (slow.stale, again.stale, again.age_seconds) == (True, False, 0.0)


async def test_one_place_that_hangs_leaves_time_for_the_next() -> None:
    first, second = FakeReader("s3"), FakeReader("cloudmap")
    await overview(first, second, clock=FakeClock()).listed()
    first.error = StoreTimeoutError("no answer", store="s3")
    await overview(first, second, clock=FakeClock()).listed()

    assert first.given == [10.0, 10.0]
    assert second.given == [25.0]
