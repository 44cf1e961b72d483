"""One budget for a whole lookup, shared out over the stores, whatever they do."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import DiscoveryUnavailableError, StoreTimeoutError
from cloudmap_discovery.io_thread import IOThread
from tests.unit.bed import DENIED, Bed, BedStore, RunningClock, listen, make_bed, users

if TYPE_CHECKING:
    from cloudmap_discovery.clock import Instant
    from cloudmap_discovery.model import Key
    from cloudmap_discovery.stores.port import Absent, Found

BUDGET = 0.2
# What a noisy machine may add.
NOISE = 1.0


def hanging(**settings: Any) -> Bed:
    """Return a bed whose stores would take half a minute each."""
    bed = make_bed(clock=RunningClock(), timeout=BUDGET, **settings)
    for store in (bed.cloud_map, bed.parameters):
        store.put(users())
        store.delay_seconds = 30
    return bed


async def timed(lookup: Any) -> tuple[float, Any]:
    started = time.monotonic()
    results = await asyncio.gather(lookup, return_exceptions=True)
    return time.monotonic() - started, results[0]


async def test_stores_that_hang_never_make_a_lookup_exceed_its_budget() -> None:
    bed = hanging()

    took, error = await timed(bed.find())

    assert isinstance(error, DiscoveryUnavailableError)
    assert [(type(cause), cause.store) for cause in error.causes] == [
        (StoreTimeoutError, "cloudmap"),
        (StoreTimeoutError, "ssm"),
    ]
    assert BUDGET * 0.9 <= took < BUDGET + NOISE
    assert bed.asked == ["cloudmap", "ssm"]


async def test_the_first_of_two_stores_gets_sixty_percent() -> None:
    bed = hanging()

    _, error = await timed(bed.find())

    assert str(error.causes[0]) == "no answer within 0.12 s"
    assert str(error.causes[1]).startswith("no answer within 0.0")


async def test_a_fallback_answers_within_the_budget_where_the_authority_hangs() -> None:
    bed = hanging()
    bed.parameters.delay_seconds = 0

    took, instance = await timed(bed.find())

    assert instance.endpoint == "https://users.test"
    assert took < BUDGET + NOISE


async def test_a_held_answer_is_served_within_the_budget_where_the_authority_hangs() -> None:
    bed = hanging()
    bed.cloud_map.delay_seconds = 0
    await bed.find()
    bed.cloud_map.delay_seconds = 30
    bed.clock.advance(121)

    took, answer = await timed(bed.find_all())

    assert answer.stale
    assert took < BUDGET + NOISE


async def test_the_budget_belongs_to_the_flight_and_late_waiters_share_what_is_left() -> None:
    bed = hanging(sources=("cloudmap",))
    first = asyncio.create_task(timed(bed.find()))
    await asyncio.sleep(BUDGET / 2)

    took, error = await timed(bed.find())

    assert isinstance(error, DiscoveryUnavailableError)
    assert took < BUDGET / 2 + NOISE
    assert (await first)[0] < BUDGET + NOISE
    assert bed.asked == ["cloudmap"]


async def test_a_caller_that_ends_its_wait_earlier_does_not_wait_longer() -> None:
    bed = hanging()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(BUDGET / 10):
            await bed.find()

    took, error = await timed(bed.find())
    assert isinstance(error, DiscoveryUnavailableError)
    assert took < BUDGET + NOISE


class Blocking(BedStore):
    """A store with a bug: it holds up the whole I/O thread."""

    async def fetch(
        self, key: Key, *, timeout_seconds: float, since: Instant | None = None
    ) -> Found | Absent:
        time.sleep(5)  # noqa: ASYNC251 -- the bug
        return await super().fetch(key, timeout_seconds=timeout_seconds, since=since)


async def test_a_store_that_holds_up_the_io_thread_does_not_hold_up_its_waiters() -> None:
    bed = make_bed(clock=RunningClock(), timeout=BUDGET, sources=("cloudmap",), io=IOThread())
    bed.discovery._refresher.ladder.authority = Blocking("cloudmap", bed.clock, bed.asked, mirrored=False)

    took, error = await timed(bed.find())

    assert isinstance(error, DiscoveryUnavailableError)
    assert "no answer within the budget" in str(error)
    assert took < BUDGET + NOISE


async def test_prefetching_is_bounded_by_the_budget() -> None:
    bed = hanging()

    took, result = await timed(bed.discovery.prefetch(*(f"s-{n}" for n in range(20)), stage="-"))

    assert result is None
    assert took < BUDGET + NOISE


async def test_a_wall_clock_that_is_put_back_does_not_lengthen_the_wait() -> None:
    bed = hanging()
    looking_up = asyncio.create_task(timed(bed.find()))
    await bed.until(lambda: bed.asked)
    assert isinstance(bed.clock, RunningClock)
    bed.clock.set(-3600, 0)

    took, error = await looking_up

    assert isinstance(error, DiscoveryUnavailableError)
    assert took < BUDGET + NOISE


async def test_an_answer_that_arrives_after_a_freeze_is_discarded_and_its_connection_closed() -> None:
    bed = make_bed()
    bed.cloud_map.put(users())
    bed.cloud_map.takes_seconds = 3600

    with pytest.raises(DiscoveryUnavailableError):
        await bed.find()
    bed.cloud_map.takes_seconds = 0
    instance = await bed.find()

    assert instance.endpoint == "https://users.test"
    assert bed.discarded == [True]
    assert bed.entry().answer is not None


async def test_a_freeze_is_nobodys_fault() -> None:
    bed = listen(make_bed())
    bed.cloud_map.put(users())
    await bed.find()
    bed.clock.advance(61)
    bed.cloud_map.takes_seconds = 3600

    await bed.find()
    await bed.landed()
    bed.cloud_map.takes_seconds = 0
    answer = await bed.find_all()

    assert bed.entry().back_off is None
    assert bed.health.refusal("cloudmap", bed.clock.now()) is None
    assert not answer.stale


async def test_a_store_that_is_merely_slow_is_to_blame() -> None:
    bed = make_bed(sources=("cloudmap",))
    bed.cloud_map.put(users())
    bed.cloud_map.takes_seconds = 2.2

    with pytest.raises(DiscoveryUnavailableError):
        await bed.find()

    assert bed.entry().back_off is not None
    assert bed.health.refusal("cloudmap", bed.clock.now()) is not None


async def test_a_refused_store_leaves_its_share_to_the_others() -> None:
    bed = hanging()
    bed.cloud_map.failure, bed.cloud_map.delay_seconds = DENIED, 0

    _, error = await timed(bed.find())

    given = float(str(error.causes[1]).removeprefix("no answer within ").removesuffix(" s"))
    assert 0.6 * BUDGET < given <= BUDGET
