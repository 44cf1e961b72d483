"""Ladders of stages: the first that has the service serves, and a failure is not taken for an absence."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.errors import (
    DiscoveryUnavailableError,
    NoMatchingInstanceError,
    ServiceNotFoundError,
)
from cloudmap_discovery.events import StaleServed
from tests.unit.bed import DENIED, Bed, listen, make_bed, users

if TYPE_CHECKING:
    from cloudmap_discovery.clock import Instant
    from cloudmap_discovery.model import Key
    from cloudmap_discovery.stores.port import Absent, Found

LADDER = "pr-7>Staging>Production"
PREVIEW = users("https://preview.test", stage="pr-7")
STAGING = users("https://staging.test", stage="Staging")
PRODUCTION = users("https://production.test", stage="Production")


def ladder_bed(*records: object, **settings: object) -> Bed:
    bed = make_bed(sources=("cloudmap",), **settings)  # type: ignore[arg-type]  # settings of any type
    bed.cloud_map.put(*records)  # type: ignore[arg-type]  # instances
    return bed


def stages_asked(bed: Bed) -> list[str]:
    return [key.stage for key in bed.cloud_map.asked]


def fail_in(bed: Bed, *stages: str) -> None:
    """Let Cloud Map fail for these stages alone, from now on."""
    fetch = type(bed.cloud_map).fetch

    async def failing(key: Key, *, timeout_seconds: float, since: Instant | None = None) -> Found | Absent:
        bed.cloud_map.failure = DENIED if key.stage in stages else None
        return await fetch(bed.cloud_map, key, timeout_seconds=timeout_seconds, since=since)

    bed.cloud_map.fetch = failing  # type: ignore[method-assign]  # a fake that is told more than it can say


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([PREVIEW, STAGING, PRODUCTION], PREVIEW),
        ([STAGING, PRODUCTION], STAGING),
        ([PRODUCTION], PRODUCTION),
    ],
)
async def test_the_first_stage_that_has_the_service_serves(records: list[object], expected: object) -> None:
    bed = ladder_bed(*records)

    found = await bed.discovery.discover("users", stage=LADDER)
    answer = await bed.discovery.discover_all("users", stage=LADDER)

    assert found == expected
    assert answer.stage == found.stage


async def test_a_ladder_may_be_the_default_stage() -> None:
    bed = ladder_bed(STAGING, PRODUCTION, stage=LADDER)

    assert await bed.discovery.discover("users") == STAGING
    assert await bed.discovery.discover("users", stage="Production") == PRODUCTION


async def test_all_stages_are_asked_at_the_same_time() -> None:
    bed = ladder_bed(PRODUCTION)
    bed.cloud_map.is_open = False
    lookup = asyncio.ensure_future(bed.discovery.discover("users", stage=LADDER))

    await bed.until(lambda: len(bed.asked) == 3)
    bed.cloud_map.is_open = True

    assert await lookup == PRODUCTION


async def test_each_stage_is_held_for_itself_and_shared() -> None:
    bed = ladder_bed(STAGING, PRODUCTION)
    await bed.discovery.discover("users", stage=LADDER)

    assert bed.discovery.held("users", "Staging") == STAGING
    assert bed.discovery.held("users", "pr-7>Staging") == STAGING
    await bed.landed(stage="Production")
    assert sorted(stages_asked(bed)) == ["Production", "Staging", "pr-7"]


async def test_nothing_below_a_stage_that_is_held_is_asked() -> None:
    bed = ladder_bed(STAGING, PRODUCTION)
    await bed.discovery.discover("users", stage="Staging")

    found = await bed.discovery.discover("users", stage=LADDER)

    assert found == STAGING
    assert stages_asked(bed) == ["Staging", "pr-7"]


async def test_a_held_ladder_asks_nobody_until_an_absence_above_is_forgotten() -> None:
    bed = ladder_bed(PRODUCTION)
    await bed.discovery.discover("users", stage="pr-7>Production")
    bed.clock.advance(4.9)
    assert bed.discovery.held("users", "pr-7>Production") == PRODUCTION

    bed.clock.advance(0.2)
    bed.cloud_map.put(PREVIEW)

    assert bed.discovery.held("users", "pr-7>Production") is None
    assert await bed.discovery.discover("users", stage="pr-7>Production") == PREVIEW


async def test_a_ready_ladder_is_forgotten_when_a_stage_above_changes() -> None:
    bed = ladder_bed(PRODUCTION)
    for _ in range(2):
        await bed.discovery.discover("users", stage="pr-7>Production")
    assert bed.discovery._ready._choices

    bed.cloud_map.put(PREVIEW)
    bed.discovery.forget_all()

    assert not bed.discovery._ready._choices
    assert await bed.discovery.discover("users", stage="pr-7>Production") == PREVIEW


async def test_a_stage_that_fails_is_not_taken_for_one_that_has_nothing() -> None:
    bed = ladder_bed(STAGING, PRODUCTION)
    fail_in(bed, "pr-7")

    with pytest.raises(DiscoveryUnavailableError) as caught:
        await bed.discovery.discover("users", stage=LADDER)

    assert caught.value.stage == "pr-7"


async def test_a_stage_that_fails_below_the_one_that_serves_does_no_harm() -> None:
    bed = ladder_bed(STAGING)
    fail_in(bed, "Production")

    assert await bed.discovery.discover("users", stage=LADDER) == STAGING


async def test_an_absence_that_is_held_survives_a_failure_and_makes_the_answer_stale() -> None:
    bed = listen(ladder_bed(PRODUCTION))
    await bed.discovery.discover("users", stage="pr-7>Production")
    fail_in(bed, "pr-7")
    bed.clock.advance(6)

    answer = await bed.discovery.discover_all("users", stage="pr-7>Production")
    again = bed.discovery.held_all("users", "pr-7>Production")

    assert (answer.stage, list(answer), answer.stale) == ("Production", [PRODUCTION], True)
    assert again is not None
    assert again.stale
    assert all(event.failing for event in bed.of(StaleServed))
    assert bed.of(StaleServed)


async def test_an_absence_is_held_no_longer_than_an_answer_would_be() -> None:
    bed = ladder_bed(PRODUCTION, max_stale=100)
    await bed.discovery.discover("users", stage="pr-7>Production")
    fail_in(bed, "pr-7")
    bed.clock.advance(101)

    with pytest.raises(DiscoveryUnavailableError):
        await bed.discovery.discover("users", stage="pr-7>Production")


async def test_a_service_that_is_in_no_stage_is_not_found_in_any() -> None:
    bed = ladder_bed(users("https://elsewhere.test", stage="Test"))
    await bed.discovery.discover("users", stage="Test")

    with pytest.raises(ServiceNotFoundError) as caught:
        await bed.discovery.discover("users", stage=LADDER)

    error = caught.value
    assert (error.stage, error.stores, error.stages) == (LADDER, ("cloudmap",), ("Test",))
    assert "in any of the stages 'pr-7>Staging>Production'" in str(error)
    assert "it is known in stage Test" in str(error)


async def test_a_stage_that_was_absent_and_cannot_be_asked_now_is_no_proof_that_nothing_is_there() -> None:
    bed = ladder_bed()
    with pytest.raises(ServiceNotFoundError):
        await bed.discovery.discover("users", stage="pr-7>Production")
    fail_in(bed, "pr-7")
    bed.clock.advance(6)

    with pytest.raises(DiscoveryUnavailableError):
        await bed.discovery.discover("users", stage="pr-7>Production")


async def test_a_stage_that_has_the_service_ends_the_ladder_even_if_nothing_there_matches() -> None:
    preview = users("https://preview.test", stage="pr-7", version="1.6.0-pr7.1", tenant=None)
    bed = ladder_bed(preview, PRODUCTION)

    with pytest.raises(NoMatchingInstanceError) as caught:
        await bed.discovery.discover("users", stage=LADDER)

    assert caught.value.stage == "pr-7"
    assert caught.value.versions == ("1.6.0-pr7.1",)
    assert (await bed.discovery.discover("users", stage=LADDER, version="^1.6.0-pr7")) == preview


async def test_a_stage_whose_refresh_says_that_it_is_gone_leaves_the_lookup_to_those_below() -> None:
    preview = users("https://preview.test", stage="pr-7", version="1.0.0")
    below = users("https://staging.test", stage="Staging", version="2.0.0")
    bed = ladder_bed(preview, below)
    await bed.discovery.discover("users", stage="pr-7")
    bed.cloud_map.remove(preview)
    bed.clock.advance(10)

    assert await bed.discovery.discover("users", stage="pr-7>Staging", version="^2") == below


async def test_a_caller_that_gives_up_leaves_the_calls_to_the_others() -> None:
    bed = ladder_bed(STAGING)
    bed.cloud_map.is_open = False
    impatient = asyncio.ensure_future(bed.discovery.discover("users", stage="pr-7>Staging"))
    patient = asyncio.ensure_future(bed.discovery.discover("users", stage="pr-7>Staging"))
    await bed.until(lambda: len(bed.asked) == 2)

    impatient.cancel()
    bed.cloud_map.is_open = True

    assert await patient == STAGING
    assert len(bed.asked) == 2


async def test_prefetch_and_lookups_of_many_take_ladders() -> None:
    bed = ladder_bed(STAGING)
    await bed.discovery.prefetch("users", stage=LADDER)
    await bed.landed(stage="Production")

    assert await bed.discovery.discover_many(["users"], stage=LADDER) == {"users": STAGING}
    assert len(bed.asked) == 3
