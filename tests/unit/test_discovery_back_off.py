"""Failures and absences are remembered, and what failed is left alone for a while."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.errors import DiscoveryUnavailableError, ServiceNotFoundError
from cloudmap_discovery.events import StaleServed
from cloudmap_discovery.model import Instance
from tests.unit.bed import DENIED, STAGE, THROTTLED, UNREACHABLE, Bed, listen, make_bed, users

if TYPE_CHECKING:
    from cloudmap_discovery.errors import StoreError

ORDERS = Instance("orders", "https://orders.test", stage=STAGE)


async def fails(bed: Bed, service: str = "users") -> None:
    with pytest.raises(DiscoveryUnavailableError):
        await bed.find(service)


async def test_a_remembered_failure_is_raised_without_asking() -> None:
    bed = make_bed(sources=("cloudmap",))
    bed.cloud_map.failure = DENIED

    await fails(bed)
    await fails(bed)
    bed.clock.advance(0.999)
    await fails(bed)

    assert bed.asked == ["cloudmap"]


async def test_a_key_backs_off_after_any_failure_for_one_second_doubling_to_thirty() -> None:
    bed = make_bed(sources=("cloudmap",))
    bed.cloud_map.failure = DENIED
    await fails(bed)

    for number, seconds in enumerate((1, 2, 4, 8, 16, 30, 30), start=1):
        bed.clock.advance(seconds - 0.001)
        await fails(bed)
        assert len(bed.asked) == number, seconds
        bed.clock.advance(0.001)
        await fails(bed)
        assert len(bed.asked) == number + 1, seconds


async def test_when_a_back_off_ends_one_probe_goes_out() -> None:
    bed = make_bed(sources=("cloudmap",))
    bed.cloud_map.failure = DENIED
    await fails(bed)
    bed.clock.advance(1)

    errors = await asyncio.gather(*(bed.find() for _ in range(50)), return_exceptions=True)

    assert {type(error) for error in errors} == {DiscoveryUnavailableError}
    assert bed.asked == ["cloudmap"] * 2


async def test_the_first_answer_after_a_back_off_ends_it() -> None:
    bed = make_bed(sources=("cloudmap",))
    bed.cloud_map.failure = DENIED
    await fails(bed)
    bed.cloud_map.failure = None
    bed.cloud_map.put(users())
    bed.clock.advance(1)

    answer = await bed.find_all()

    assert not answer.stale


@pytest.mark.parametrize("failure", [DENIED, UNREACHABLE, THROTTLED])
async def test_a_failure_never_empties_a_good_answer(failure: StoreError) -> None:
    bed = listen(make_bed())
    bed.cloud_map.put(users())
    await bed.find()
    bed.cloud_map.failure = bed.parameters.failure = failure
    bed.seen.clear()

    served = []
    for seconds in (121, 1, 3, 7, 3_600, 80_000):
        bed.clock.advance(seconds)
        answer = await bed.find_all()
        served.append((answer[0].endpoint, answer.stale))

    assert served == [("https://users.test", True)] * 6
    assert all(event.failing for event in bed.of(StaleServed))


async def test_during_a_back_off_a_held_answer_is_served_at_once() -> None:
    bed = listen(make_bed())
    bed.cloud_map.put(users())
    await bed.find()
    bed.cloud_map.failure = DENIED
    bed.clock.advance(121)
    await bed.find()
    bed.asked.clear()
    bed.cloud_map.is_open = False  # whoever asks now, waits

    held = bed.discovery.held("users", STAGE)
    bed.cloud_map.is_open = True

    assert held is not None
    assert bed.asked == []
    assert bed.of(StaleServed)[-1].reason == "denied"


@pytest.mark.parametrize(("failure", "asked"), [(UNREACHABLE, 1), (THROTTLED, 1), (DENIED, 2)])
async def test_a_store_in_trouble_is_not_asked_for_other_keys_either(failure: StoreError, asked: int) -> None:
    bed = make_bed()
    bed.cloud_map.failure = failure
    await fails(bed, "users")

    await fails(bed, "orders")

    assert bed.asked.count("cloudmap") == asked


async def test_a_store_in_trouble_counts_as_failed_and_the_ladder_goes_on() -> None:
    bed = make_bed(mirrored=True)
    bed.parameters.put(users(), ORDERS)
    bed.cloud_map.failure = UNREACHABLE
    await bed.find("users")

    answer = await bed.find_all("orders")

    assert (answer.source, answer.stale) == ("ssm", True)
    assert bed.asked == ["cloudmap", "ssm", "ssm"]


async def probing(bed: Bed, names: list[str]) -> list[asyncio.Task[Instance]]:
    """Return the lookups of the names, begun when a store's back-off had ended and while its probe is under way."""
    bed.cloud_map.failure = UNREACHABLE
    await fails(bed, "first")
    bed.clock.advance(1)
    bed.cloud_map.is_open = False
    lookups = [asyncio.create_task(bed.find(name)) for name in names]
    flights = bed.discovery._refresher.flights
    await bed.until(lambda: len(flights._under_way) == len(names) and bed.asked.count("cloudmap") == 2)
    return lookups


async def test_a_stores_back_off_ends_in_one_probe_for_all_keys() -> None:
    bed = make_bed(mirrored=True)
    lookups = await probing(bed, [f"s-{number}" for number in range(20)])

    bed.cloud_map.is_open = True
    errors = await asyncio.gather(*lookups, return_exceptions=True)

    assert {type(error) for error in errors} == {DiscoveryUnavailableError}
    assert bed.asked.count("cloudmap") == 2


async def test_lookups_wait_for_the_probe_and_are_answered_if_the_store_is_well_again() -> None:
    bed = make_bed()
    names = [f"s-{number}" for number in range(20)]
    bed.cloud_map.put(*(Instance(name, f"https://{name}.test", stage=STAGE) for name in names))
    lookups = await probing(bed, names)

    bed.cloud_map.failure = None
    bed.cloud_map.is_open = True
    found = await asyncio.gather(*lookups)

    assert [instance.service for instance in found] == names


async def test_what_a_fallback_says_while_the_authority_fails_is_held_as_stale_until_the_back_off_ends() -> (
    None
):
    bed = make_bed()
    bed.parameters.put(users("https://fallback.test"))
    bed.cloud_map.failure = DENIED
    await bed.find()

    bed.clock.advance(0.999)
    held = await bed.find_all()
    asked_meanwhile = list(bed.asked)
    bed.cloud_map.failure = None
    bed.cloud_map.put(users("https://authority.test"))
    bed.clock.advance(0.001)
    after = await bed.find_all()

    assert (held[0].endpoint, held.stale) == ("https://fallback.test", True)
    assert asked_meanwhile == ["cloudmap", "ssm"]
    assert (after[0].endpoint, after.stale) == ("https://authority.test", False)


async def test_a_fallbacks_answer_outlives_the_fallback_while_the_authority_fails() -> None:
    bed = make_bed()
    bed.parameters.put(users())
    bed.cloud_map.failure = DENIED
    await bed.find()
    bed.parameters.failure = DENIED
    bed.clock.advance(1)

    answer = await bed.find_all()

    assert (answer[0].endpoint, answer.stale) == ("https://users.test", True)


async def test_back_off_goes_on_doubling_while_a_fallback_answers() -> None:
    bed = make_bed()
    bed.parameters.put(users())
    bed.cloud_map.failure = DENIED
    lengths = []

    for _ in range(4):
        await bed.find()
        back_off = bed.entry().back_off
        assert back_off is not None
        lengths.append(back_off.seconds)
        bed.clock.advance(back_off.seconds)

    assert lengths == [1, 2, 4, 8]


async def test_an_absence_is_remembered_five_seconds_growing_to_sixty_while_misses_repeat() -> None:
    bed = make_bed(sources=("cloudmap",))
    with pytest.raises(ServiceNotFoundError):
        await bed.find()

    for number, seconds in enumerate((5, 10, 20, 40, 60, 60), start=1):
        bed.clock.advance(seconds - 0.001)
        with pytest.raises(ServiceNotFoundError):
            await bed.find()
        assert len(bed.asked) == number, seconds
        bed.clock.advance(0.001)
        with pytest.raises(ServiceNotFoundError):
            await bed.find()
        assert len(bed.asked) == number + 1, seconds


async def test_a_service_that_appears_is_found_when_its_absence_ends() -> None:
    bed = make_bed()
    with pytest.raises(ServiceNotFoundError):
        await bed.find()
    bed.cloud_map.put(users())
    bed.clock.advance(5)

    assert (await bed.find()).endpoint == "https://users.test"


@pytest.mark.parametrize("jitter", [0.0, 0.5, 0.999999])
async def test_back_off_is_jittered_by_at_most_a_half(jitter: float) -> None:
    bed = make_bed(jitter=lambda: jitter)
    bed.cloud_map.failure = bed.parameters.failure = DENIED

    await fails(bed)

    back_off = bed.entry().back_off
    assert back_off is not None
    assert 0.5 <= back_off.seconds <= 1
