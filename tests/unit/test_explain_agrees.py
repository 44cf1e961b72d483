"""What explain says is what discover then answers, whatever is held and whatever the stores do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.errors import DiscoveryError
from tests.unit.bed import DENIED, STAGE, Bed, make_bed, users

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

BLUE = users("https://blue.test", variant="blue", attributes={"color": "blue"})
GREEN = users("https://green.test", variant="green", attributes={"color": "green"})


async def holding(bed: Bed, age_seconds: float = 0.0) -> None:
    bed.cloud_map.put(BLUE)
    await bed.find()
    bed.clock.advance(age_seconds)


# Each arranges a bed; then explain says what discover answers next.
async def fresh(bed: Bed) -> None:
    await holding(bed, 30)


async def changed_meanwhile(bed: Bed, age_seconds: float = 30) -> None:
    await holding(bed, age_seconds)
    bed.cloud_map.remove(BLUE)
    bed.cloud_map.put(GREEN)


async def stale(bed: Bed) -> None:
    await changed_meanwhile(bed, 61)


async def expired(bed: Bed) -> None:
    await changed_meanwhile(bed, 121)


async def expired_and_failing(bed: Bed) -> None:
    await expired(bed)
    bed.cloud_map.failure = DENIED


async def one_store_behind(bed: Bed) -> None:
    bed.parameters.put(BLUE)
    await changed_meanwhile(bed)


async def backing_off(bed: Bed) -> None:
    await expired_and_failing(bed)
    await bed.find()
    bed.cloud_map.failure = None


async def nothing(bed: Bed) -> None:
    bed.clock.advance(0)


async def nothing_and_failing(bed: Bed) -> None:
    bed.cloud_map.failure = DENIED


async def by_hand(bed: Bed) -> None:
    bed.parameters.put(GREEN)


async def provisional(bed: Bed) -> None:
    bed.parameters.put(GREEN)
    bed.cloud_map.failure = DENIED


async def provisional_again(bed: Bed) -> None:
    await provisional(bed)
    await bed.find()
    bed.clock.advance(1)


async def removed(bed: Bed) -> None:
    await holding(bed, 121)
    bed.cloud_map.remove(BLUE)


async def reported(bed: Bed) -> None:
    await holding(bed)
    await bed.discovery.report_failure(BLUE)
    bed.parameters.put(GREEN)
    bed.cloud_map.remove(BLUE)


SITUATIONS = [
    fresh,
    changed_meanwhile,
    stale,
    expired,
    expired_and_failing,
    backing_off,
    nothing,
    nothing_and_failing,
]
SITUATIONS += [by_hand, provisional, provisional_again, removed, reported]


@pytest.mark.parametrize("arrange", SITUATIONS)
@pytest.mark.parametrize("where", [None, {"color": "green"}, {"color": "red"}])
@pytest.mark.parametrize("stale_wait_seconds", [0.0, 5.0])
@pytest.mark.parametrize("sources", [("cloudmap", "ssm"), ("ssm", "cloudmap")])
async def test_explain_says_what_discover_answers(
    arrange: Callable[[Bed], Awaitable[None]],
    where: dict[str, str] | None,
    stale_wait_seconds: float,
    sources: tuple[str, ...],
) -> None:
    bed = make_bed(stale_wait_seconds=stale_wait_seconds, sources=sources)
    await arrange(bed)

    said = await bed.discovery.explain("users", stage=STAGE, where=where)
    try:
        answer = await bed.find_all(where=where)
    except DiscoveryError:
        assert (said.found, said.candidates) == (False, ())
    else:
        assert said.found, said.error
        assert said.candidates == tuple(answer)
        assert (said.source, said.stale) == (answer.source, answer.stale)
