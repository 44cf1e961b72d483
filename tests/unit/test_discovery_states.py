"""The table of states, as callers see it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.clock import Instant
from cloudmap_discovery.errors import DiscoveryUnavailableError, ServiceNotFoundError
from cloudmap_discovery.events import Hit, Refreshed, StaleServed
from cloudmap_discovery.stores.port import Absent, Found
from tests.unit.bed import DENIED, UNREACHABLE, Bed, BedStore, key_of, listen, make_bed, users

if TYPE_CHECKING:
    from cloudmap_discovery.model import Key

OLD, NEW = "https://old.test", "https://new.test"


async def holding(age_seconds: float, **settings: Any) -> Bed:
    """Return a bed that has held OLD for so long, while the store now has NEW."""
    bed = make_bed(**settings)
    bed.cloud_map.put(users(OLD))
    assert (await bed.find()).endpoint == OLD
    bed.cloud_map.put(users(NEW))
    bed.clock.advance(age_seconds)
    bed.asked.clear()
    return listen(bed)


@pytest.mark.parametrize("age", [0, 30, 60])
async def test_a_fresh_answer_is_served_at_once(age: float) -> None:
    bed = await holding(age)

    answer = await bed.find_all()

    assert answer[0].endpoint == OLD
    assert (answer.stale, answer.age_seconds, answer.source, answer.stage) == (
        False,
        age,
        "cloudmap",
        "Production",
    )
    assert bed.asked == []


@pytest.mark.parametrize("age", [61, 120])
async def test_a_stale_answer_is_served_at_once_while_a_refresh_starts(age: float) -> None:
    bed = await holding(age)
    bed.cloud_map.is_open = False

    answer = await bed.find_all()
    again = await bed.find()
    bed.cloud_map.is_open = True
    await bed.landed()

    assert (answer[0].endpoint, answer.stale) == (OLD, True)
    assert again.endpoint == OLD
    assert (await bed.find()).endpoint == NEW
    assert bed.asked == ["cloudmap"]


async def test_the_caller_that_starts_a_refresh_waits_for_it_up_to_stale_wait() -> None:
    bed = await holding(61, stale_wait_seconds=5)

    answer = await bed.find_all()

    assert (answer[0].endpoint, answer.stale, answer.age_seconds) == (NEW, False, 0)


async def test_the_caller_that_starts_a_refresh_takes_the_held_answer_when_stale_wait_is_over() -> None:
    bed = await holding(61, stale_wait_seconds=0.01)
    bed.cloud_map.is_open = False

    answer = await bed.find_all()
    bed.cloud_map.is_open = True
    await bed.landed()

    assert (answer[0].endpoint, answer.stale) == (OLD, True)
    assert (await bed.find()).endpoint == NEW


async def test_others_take_the_stale_answer_at_once() -> None:
    bed = await holding(61, stale_wait_seconds=5)
    bed.cloud_map.is_open = False
    first = asyncio.create_task(bed.find_all())
    await bed.until(lambda: bed.asked)

    others = [await bed.find_all() for _ in range(3)]
    bed.cloud_map.is_open = True

    assert [answer[0].endpoint for answer in others] == [OLD] * 3
    assert (await first)[0].endpoint == NEW
    assert bed.asked == ["cloudmap"]


@pytest.mark.parametrize("age", [121, 86_400])
async def test_an_expired_answer_waits_for_the_refresh(age: float) -> None:
    bed = await holding(age)

    answer = await bed.find_all()

    assert (answer[0].endpoint, answer.stale) == (NEW, False)


@pytest.mark.parametrize("age", [121, 86_400])
async def test_an_expired_answer_is_served_marked_stale_if_the_refresh_fails(age: float) -> None:
    bed = await holding(age)
    bed.cloud_map.failure = UNREACHABLE

    answer = await bed.find_all()

    assert (answer[0].endpoint, answer.stale, answer.age_seconds) == (OLD, True, age)


async def test_beyond_max_stale_nothing_is_held() -> None:
    bed = await holding(86_401)
    bed.cloud_map.failure = UNREACHABLE

    with pytest.raises(DiscoveryUnavailableError):
        await bed.find()


async def test_an_answer_whose_age_is_negative_is_asked_again_and_still_usable() -> None:
    bed = await holding(-3600)
    bed.cloud_map.failure = UNREACHABLE

    answer = await bed.find_all()

    assert (answer[0].endpoint, answer.stale, answer.age_seconds) == (OLD, True, 0)
    assert bed.asked == ["cloudmap"]


async def test_an_answer_of_today_replaces_one_from_a_clock_that_was_ahead() -> None:
    bed = await holding(0)
    now = bed.clock.now()
    bed.clock.set(now.wall - 3600, now.monotonic + 1)

    assert (await bed.find()).endpoint == NEW
    assert not (await bed.find_all()).stale


async def test_a_monotonic_clock_that_stood_still_in_a_frozen_sandbox_does_not_keep_an_answer_fresh() -> None:
    bed = await holding(0)
    now = bed.clock.now()
    bed.clock.set(now.wall + 3600, now.monotonic)

    assert (await bed.find()).endpoint == NEW


async def test_a_snapshot_restore_makes_everything_held_expired_but_usable() -> None:
    bed = await holding(1)
    bed.discovery.expire()
    bed.cloud_map.failure = DENIED
    while_failing = await bed.find_all()
    bed.cloud_map.failure = None
    bed.clock.advance(1)

    assert (while_failing[0].endpoint, while_failing.stale) == (OLD, True)
    assert (await bed.find()).endpoint == NEW


async def test_a_snapshot_restore_forgets_absences_and_failures() -> None:
    bed = make_bed()
    with pytest.raises(ServiceNotFoundError):
        await bed.find()
    bed.cloud_map.put(users())

    bed.discovery.expire()

    assert (await bed.find()).endpoint == "https://users.test"


@pytest.mark.parametrize(("jitter", "fresh"), [(0.0, 60.0), (0.5, 57.0), (0.999999, 54.0)])
async def test_ttl_is_jittered_down_by_up_to_a_tenth(jitter: float, fresh: float) -> None:
    bed = make_bed(jitter=lambda: jitter)
    bed.cloud_map.put(users(OLD))
    await bed.find()

    bed.clock.advance(fresh - 0.001)
    before = await bed.find_all()
    bed.clock.advance(0.002)
    after = await bed.find_all()

    assert (before.stale, after.stale) == (False, True)


async def test_forgetting_a_key_makes_the_next_caller_ask() -> None:
    bed = await holding(1)

    bed.discovery.forget(key_of())

    assert (await bed.find()).endpoint == NEW


async def test_what_a_flight_brings_that_began_before_forgetting_is_not_held() -> None:
    bed = await holding(61)
    bed.cloud_map.is_open = False
    await bed.find()
    await bed.until(lambda: bed.asked)

    bed.discovery.forget(key_of())
    waiting = asyncio.create_task(bed.find_all())
    bed.cloud_map.is_open = True

    assert (await waiting)[0].endpoint == NEW
    assert bed.asked == ["cloudmap", "cloudmap"]


async def test_a_caller_that_waits_while_its_key_is_forgotten_asks_anew() -> None:
    bed = make_bed()
    bed.cloud_map.put(users(OLD))
    bed.cloud_map.is_open = False
    waiting = asyncio.create_task(bed.find())
    await bed.until(lambda: bed.asked)

    bed.discovery.forget(key_of())
    bed.cloud_map.is_open = True

    assert (await waiting).endpoint == OLD
    assert bed.asked == ["cloudmap", "cloudmap"]


async def test_forgetting_everything_makes_every_caller_ask() -> None:
    bed = await holding(1)
    with pytest.raises(ServiceNotFoundError):
        await bed.find("orders")
    bed.asked.clear()

    bed.discovery.forget_all()

    assert bed.discovery.held("users", "Production") is None
    assert (await bed.find()).endpoint == NEW
    with pytest.raises(ServiceNotFoundError):
        await bed.find("orders")
    assert bed.asked == ["cloudmap", "cloudmap", "ssm"]


class AgedStore(BedStore):
    """A store that has what it fetched half an hour ago, as a snapshot does."""

    async def fetch(
        self, key: Key, *, timeout_seconds: float, since: Instant | None = None
    ) -> Found | Absent:
        said = await super().fetch(key, timeout_seconds=timeout_seconds, since=since)
        assert isinstance(said, Found)
        return replace(said, sent=Instant(said.sent.wall - 1800, said.sent.monotonic - 1800))


async def test_what_a_store_fetched_earlier_is_aged_from_then() -> None:
    bed = make_bed(sources=("ssm", "cloudmap"))
    aged = AgedStore("ssm", bed.clock, bed.asked, mirrored=True)
    aged.put(users(OLD))
    bed.discovery._refresher.ladder._before = (aged,)

    answer = await bed.find_all()

    assert (answer[0].endpoint, answer.stale, answer.age_seconds) == (OLD, True, 1800)


async def test_hits_refreshes_and_stale_answers_are_events() -> None:
    bed = await holding(30)
    await bed.find()
    bed.clock.advance(31)
    await bed.find_all()
    await bed.landed()

    assert bed.of(Hit) == [
        Hit("users", "Production", "cloudmap", 30.0, stale=False),
        Hit("users", "Production", "cloudmap", 61.0, stale=True),
    ]
    assert bed.of(StaleServed) == [
        StaleServed("users", "Production", "cloudmap", 61.0, "its refresh is under way", failing=False)
    ]
    assert bed.of(Refreshed) == [Refreshed("users", "Production", "found", "cloudmap", 0.0)]
    assert len(bed.seen) == 4
