"""report_failure sets an instance aside where there are others, and has its key refreshed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.errors import ServiceNotFoundError
from cloudmap_discovery.events import EndpointFailed
from cloudmap_discovery.model import Instance
from tests.unit.bed import DENIED, STAGE, Bed, listen, make_bed, users

if TYPE_CHECKING:
    from collections.abc import Callable

A, B = (users(f"https://{name}.test", variant=name, attributes={"pool": "x"}) for name in "ab")


async def holding(*instances: Instance, sources: tuple[str, ...] = ("cloudmap", "ssm")) -> Bed:
    bed = make_bed(sources=sources)
    (bed.cloud_map if sources[0] == "cloudmap" else bed.parameters).put(*(instances or (A, B)))
    await bed.find()
    bed.asked.clear()
    return bed


def always(number: float) -> Callable[[], float]:
    return lambda: number


async def chosen(bed: Bed, where: dict[str, str] | None = None) -> set[str]:
    """Return what is chosen over the whole range of the random source."""
    found = set()
    for number in (0.0, 0.25, 0.5, 0.75, 0.999):
        bed.discovery._held._random = always(number)
        found.add((await bed.find(where=where)).endpoint)
    await bed.landed()
    return found


async def test_both_are_chosen_as_long_as_nothing_is_reported() -> None:
    assert await chosen(await holding()) == {A.endpoint, B.endpoint}


@pytest.mark.parametrize("where", [None, {"pool": "x"}])
async def test_a_reported_instance_is_set_aside_for_ten_seconds(where: dict[str, str] | None) -> None:
    bed = await holding()

    await bed.discovery.report_failure(A)
    at_once = await chosen(bed, where)
    bed.clock.advance(9.9)
    later = await chosen(bed, where)
    bed.clock.advance(0.1)
    afterwards = await chosen(bed, where)

    assert (at_once, later) == ({B.endpoint}, {B.endpoint})
    assert afterwards == {A.endpoint, B.endpoint}


async def test_an_instance_is_set_aside_also_where_its_choice_was_ready() -> None:
    bed = await holding()
    await chosen(bed)
    await bed.discovery.report_failure(A)
    assert await chosen(bed) == {B.endpoint}
    await bed.discovery.report_failure(B)

    # Within five seconds no second refresh, but neither what was ready.
    await bed.discovery.report_failure(A)

    assert await chosen(bed) == {A.endpoint, B.endpoint}
    assert bed.asked == ["cloudmap"]


async def test_the_only_instance_stays() -> None:
    bed = await holding(A)

    await bed.discovery.report_failure(A)

    assert await chosen(bed) == {A.endpoint}


async def test_every_match_is_still_listed() -> None:
    bed = await holding()

    await bed.discovery.report_failure(A)

    assert set(await bed.find_all()) == {A, B}


async def test_a_report_makes_the_key_stale_and_the_next_caller_refreshes_it() -> None:
    bed = await holding()

    await bed.discovery.report_failure(A)
    answer = await bed.find_all()
    await bed.landed()
    again = await bed.find_all()

    assert (answer.stale, again.stale) == (True, False)
    assert bed.asked == ["cloudmap"]


async def test_a_key_becomes_stale_at_most_once_in_five_seconds() -> None:
    bed = await holding()

    for _ in range(5):
        await bed.discovery.report_failure(A)
        await bed.find()
        await bed.landed()
        bed.clock.advance(0.9)
    asked_within_five_seconds = len(bed.asked)
    bed.clock.advance(0.5)
    await bed.discovery.report_failure(A)
    await bed.find()
    await bed.landed()

    assert (asked_within_five_seconds, len(bed.asked)) == (1, 2)


async def test_a_refresh_after_a_report_skips_the_stores_before_the_authority() -> None:
    bed = await holding(sources=("ssm", "cloudmap"))
    moved = users("https://moved.test")
    bed.cloud_map.put(moved)

    await bed.discovery.report_failure(A)
    await bed.find()
    await bed.landed()

    assert await bed.find() == moved
    assert bed.asked == ["cloudmap"]


async def test_a_refresh_that_was_sent_before_the_report_does_not_answer_it() -> None:
    bed = await holding()
    bed.clock.advance(61)
    bed.cloud_map.is_open = False
    await bed.find()
    await bed.until(lambda: bed.asked)

    await bed.discovery.report_failure(A)
    await bed.find()
    bed.cloud_map.is_open = True
    await bed.landed()
    await bed.until(lambda: len(bed.asked) == 2)

    assert not (await bed.find_all()).stale


async def test_a_report_does_not_empty_what_is_held() -> None:
    bed = await holding()
    bed.cloud_map.failure = DENIED

    await bed.discovery.report_failure(A)
    await bed.find()
    await bed.landed()
    answer = await bed.find_all()

    assert set(answer) == {A, B}
    assert answer.stale


async def test_a_reported_service_may_turn_out_to_be_gone() -> None:
    bed = await holding(A)
    bed.cloud_map.remove(A)

    await bed.discovery.report_failure(A)
    await bed.find()
    await bed.landed()

    with pytest.raises(ServiceNotFoundError):
        await bed.find()


async def test_a_report_of_something_that_is_not_held_changes_nothing() -> None:
    bed = listen(await holding())
    stranger = Instance("orders", "https://orders.test", stage=STAGE)

    await bed.discovery.report_failure(stranger)

    assert (await bed.find_all()).stale is False
    assert bed.asked == []
    assert bed.of(EndpointFailed) == [EndpointFailed("orders", STAGE, stranger.id, "https://orders.test")]
