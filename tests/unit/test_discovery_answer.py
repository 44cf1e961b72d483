"""An answer without any match is one, as long as the service is there."""

from __future__ import annotations

import pytest

from cloudmap_discovery.errors import DiscoveryUnavailableError, InvalidValueError, ServiceNotFoundError
from tests.unit.bed import DENIED, STAGE, make_bed, users

BLUE = users("https://blue.test", variant="blue", attributes={"color": "blue"})


async def test_matches_are_those_of_discover_all() -> None:
    bed = make_bed()
    bed.cloud_map.put(BLUE)

    first = await bed.discovery.answer("users", stage=STAGE, where={"color": "blue"})
    held = await bed.discovery.answer("users", stage=STAGE)

    assert list(first) == list(held) == [BLUE]
    assert (held.source, held.stage, held.stale) == ("cloudmap", STAGE, False)
    assert bed.asked == ["cloudmap"]


async def test_where_nothing_matches_the_answer_says_how_old_that_is() -> None:
    bed = make_bed()
    bed.cloud_map.put(BLUE)
    await bed.find()
    bed.clock.advance(3)

    answer = await bed.discovery.answer("users", stage=f"pr-1>{STAGE}", version="^9")

    assert list(answer) == []
    assert (answer.service, answer.stage, answer.source, answer.age_seconds) == (
        "users",
        STAGE,
        "cloudmap",
        3,
    )


async def test_before_it_says_that_nothing_matches_it_asks_again() -> None:
    bed = make_bed()
    bed.cloud_map.put(BLUE)
    await bed.find()
    bed.clock.advance(30)
    green = users("https://green.test", variant="green", attributes={"color": "green"})
    bed.cloud_map.put(green)

    answer = await bed.discovery.answer("users", stage=STAGE, where={"color": "green"})

    assert list(answer) == [green]


async def test_what_is_not_there_or_cannot_be_asked_is_an_error() -> None:
    bed = make_bed()
    with pytest.raises(ServiceNotFoundError):
        await bed.discovery.answer("users", stage=STAGE)
    with pytest.raises(InvalidValueError):
        await bed.discovery.answer("a b", stage=STAGE)
    bed.cloud_map.failure = bed.parameters.failure = DENIED

    with pytest.raises(DiscoveryUnavailableError):
        await bed.discovery.answer("orders", stage=STAGE)


async def test_an_override_is_the_answer() -> None:
    bed = make_bed()

    with bed.discovery.override({"users": "http://localhost:3001"}):
        answer = await bed.discovery.answer("users", stage=STAGE)

    assert [str(each) for each in answer] == ["http://localhost:3001"]
    assert bed.asked == []
