"""A flight up the ladder is recorded when it lands, and asks nobody where another has just landed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import DiscoveryError
from cloudmap_discovery.flights import Landed
from cloudmap_discovery.model import Instance
from tests.unit.bed import DENIED, STAGE, Bed, key_of, listen, make_bed, users

if TYPE_CHECKING:
    from cloudmap_discovery.freshness import Entry


async def flown(bed: Bed, **about: Any) -> Entry:
    flight, is_ours = bed.discovery._refresher.start(key_of(), **about)
    outcome = await flight.landed()
    assert is_ours
    assert isinstance(outcome, Landed)
    return outcome.value


async def test_a_flight_lands_with_what_is_held_from_then_on() -> None:
    bed = make_bed()
    bed.cloud_map.put(users())

    entry = await flown(bed)

    assert entry is bed.entry()
    assert entry.answer is not None
    assert entry.answer.instances == (users(),)


@pytest.mark.parametrize("outcome", ["found", "absent", "failed"])
async def test_a_flight_that_starts_where_another_has_just_landed_asks_nobody(outcome: str) -> None:
    bed = listen(make_bed())
    if outcome == "found":
        bed.cloud_map.put(users())
    bed.cloud_map.failure = bed.parameters.failure = DENIED if outcome == "failed" else None
    await asyncio.gather(bed.find(), return_exceptions=True)
    bed.asked.clear()
    bed.seen.clear()
    held = bed.entry()

    entry = await flown(bed)

    assert entry is held
    assert (bed.asked, bed.seen) == ([], [])


async def test_a_flight_that_is_forced_asks_even_where_the_answer_is_fresh() -> None:
    bed = make_bed()
    bed.cloud_map.put(users("https://old.test"))
    await bed.find()
    bed.cloud_map.put(users("https://new.test"))
    bed.clock.advance(1)

    entry = await flown(bed, authority_first=True)

    assert entry.answer is not None
    assert entry.answer.instances == (users("https://new.test"),)


@pytest.mark.parametrize(
    ("name", "known", "alike"),
    [
        ("users-servic", ["users-service", "orders"], ("users-service",)),
        ("users", ["orders", "mail"], ()),
        ("users", [], ()),
    ],
)
async def test_near_misses_are_known_names_that_are_spelled_alike(
    name: str, known: list[str], alike: tuple[str, ...]
) -> None:
    bed = make_bed()
    for other in known:
        bed.cloud_map.put(Instance(other, "https://x.test", stage=STAGE))
        await bed.find(other)

    with pytest.raises(DiscoveryError) as caught:
        await bed.find(name)

    assert caught.value.near_misses == alike  # type: ignore[attr-defined]  # a ServiceNotFoundError
