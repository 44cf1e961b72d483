"""explain asks every store, changes nothing, and says what discover would answer and why."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import DiscoveryError, MalformedRecordError
from cloudmap_discovery.model import HeldReport, PassedOver
from tests.unit.bed import DENIED, STAGE, UNREACHABLE, Bed, RunningClock, key_of, listen, make_bed, users

if TYPE_CHECKING:
    from cloudmap_discovery.model import Explanation

BLUE = users("https://blue.test", variant="blue", attributes={"color": "blue"})
GREEN = users("https://green.test", variant="green", attributes={"color": "green"})


async def explained(bed: Bed, **about: Any) -> Explanation:
    return await bed.discovery.explain("users", stage=STAGE, **about)


async def holding(bed: Bed, age_seconds: float = 0.0) -> Bed:
    bed.cloud_map.put(BLUE)
    await bed.find()
    bed.clock.advance(age_seconds)
    return bed


async def test_every_store_says_what_it_has_and_how_long_it_took() -> None:
    bed = make_bed(mirrored=True)
    bed.cloud_map.put(BLUE)
    bed.cloud_map.takes_seconds = 0.25
    bed.parameters.put(BLUE, GREEN)

    said = await explained(bed)

    cloud_map, parameters = said.stores
    assert (cloud_map.store, cloud_map.outcome, cloud_map.instances) == ("cloudmap", "found", (BLUE,))
    assert cloud_map.took_seconds == 0.25
    assert (cloud_map.note, parameters.note) == (None, "a projection of Cloud Map")
    assert (parameters.store, parameters.outcome, len(parameters.instances)) == ("ssm", "found", 2)
    assert (said.service, said.stage, said.namespace) == ("users", STAGE, "services")
    assert (said.found, said.candidates, said.source, said.stale) == (True, (BLUE,), "cloudmap", False)


async def test_stores_are_asked_all_at_once_each_with_the_whole_budget() -> None:
    bed = make_bed(clock=RunningClock(), timeout=0.1)
    for store in (bed.cloud_map, bed.parameters):
        store.put(BLUE)
        store.is_open = False

    explaining = asyncio.create_task(explained(bed))
    await bed.until(lambda: len(bed.asked) == 2)
    said = await explaining

    assert [report.outcome for report in said.stores] == ["failed", "failed"]
    assert [report.error for report in said.stores] == ["no answer within 0.10 s"] * 2


async def test_absence_and_failure_are_told() -> None:
    bed = make_bed()
    bed.cloud_map.failure = DENIED

    said = await explained(bed)

    assert [report.outcome for report in said.stores] == ["failed", "absent"]
    assert said.stores[0].error == "denied"
    assert said.error == "cloudmap: denied"
    assert not said.found


async def test_records_that_were_skipped_are_told_with_the_store() -> None:
    bed = make_bed()
    skipped = (PassedOver("/services/Production/users", "no address"),)
    bed.cloud_map.put(BLUE)
    bed.cloud_map.passed_over = skipped
    bed.parameters.failure = MalformedRecordError("/services", "not usable", passed_over=skipped)

    said = await explained(bed)

    assert [report.passed_over for report in said.stores] == [skipped, skipped]


async def test_instances_that_were_passed_over_are_told_with_the_reason() -> None:
    bed = make_bed()
    old, new = users(version="1.0.0"), users(version="2.0.0")
    theirs = users(tenant="acme")
    bed.cloud_map.put(old, new, theirs)

    said = await explained(bed)

    assert said.candidates == (new,)
    assert set(said.passed_over) == {
        PassedOver(old.id, "there is a higher version"),
        PassedOver(theirs.id, "belongs to tenant acme"),
    }


async def test_nothing_that_is_held_or_known_of_stores_changes() -> None:
    bed = listen(await holding(make_bed(), 30))
    bed.cloud_map.failure = UNREACHABLE
    before = bed.entry()
    bed.seen.clear()

    await explained(bed)

    assert bed.entry() is before
    assert bed.health._trouble == {}
    assert bed.seen == []


async def test_a_store_in_trouble_is_asked_nevertheless() -> None:
    bed = make_bed()
    bed.cloud_map.failure = UNREACHABLE
    with pytest.raises(DiscoveryError):
        await bed.find()
    bed.cloud_map.failure = None
    bed.cloud_map.put(BLUE)

    said = await explained(bed)

    assert said.stores[0].outcome == "found"
    assert said.error == "its failure is remembered: unreachable"


@pytest.mark.parametrize(
    ("age", "state"), [(0, "fresh"), (61, "stale"), (121, "expired"), (86_401, "missing")]
)
async def test_what_is_held_is_told_with_its_state(age: float, state: str) -> None:
    bed = await holding(make_bed(), age)

    held = (await explained(bed)).held

    assert held.state == state
    if state != "missing":
        assert (held.source, held.age_seconds, held.instances) == ("cloudmap", age, (BLUE,))


async def test_nothing_held_is_told() -> None:
    assert (await explained(make_bed())).held == HeldReport("nothing")


async def test_a_remembered_absence_is_told() -> None:
    bed = make_bed()
    with pytest.raises(DiscoveryError):
        await bed.find()
    bed.clock.advance(2)

    said = await explained(bed)

    assert said.held == HeldReport("absent", age_seconds=2)
    assert said.error == "its absence is remembered"


async def test_a_remembered_failure_is_told_with_the_rest_of_its_back_off() -> None:
    bed = make_bed(sources=("cloudmap",))
    bed.cloud_map.failure = DENIED
    with pytest.raises(DiscoveryError):
        await bed.find()
    bed.clock.advance(0.25)

    said = await explained(bed)

    assert said.held == HeldReport("failing", back_off_seconds=0.75, detail="denied")


async def test_a_held_answer_during_a_back_off_is_told_with_it() -> None:
    bed = await holding(make_bed(), 121)
    bed.cloud_map.failure = DENIED
    await bed.find()

    held = (await explained(bed)).held

    assert (held.state, held.back_off_seconds, held.detail) == ("stale", 1.0, "denied")


async def test_instances_that_are_set_aside_are_told() -> None:
    bed = await holding(make_bed())
    bed.cloud_map.put(GREEN)
    bed.discovery.forget(key_of())
    await bed.find()
    await bed.discovery.report_failure(BLUE)

    said = await explained(bed)

    assert said.candidates == (GREEN,)
    assert said.passed_over == (
        PassedOver(BLUE.id, "is set aside: it was reported as unreachable a moment ago"),
    )


async def test_explaining_does_not_count_as_use() -> None:
    bed = await holding(make_bed())
    slot = bed.discovery._cache.slot(key_of())
    assert slot is not None
    used = slot.used
    bed.clock.advance(5)

    await explained(bed)

    assert slot.used == used


async def test_what_was_asked_for_is_told_where_nothing_has_it() -> None:
    bed = await holding(make_bed())

    said = await explained(bed, where={"color": "red"})

    assert said.where == {"color": "red"}
    assert said.error == "no instance has color=red"
    assert said.passed_over == (PassedOver(BLUE.id, "does not have color=red"),)
