"""What explain says of a ladder, or of a version, is what discover then answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import DiscoveryError
from tests.unit.bed import DENIED, STAGE, Bed, make_bed, users
from tests.unit.test_explain_agrees import SITUATIONS, holding

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LADDER = f"pr-7>{STAGE}"


async def absent_above(bed: Bed) -> None:
    await holding(bed)
    await bed.find(stage=LADDER)


async def absence_forgotten(bed: Bed) -> None:
    await absent_above(bed)
    bed.clock.advance(6)


async def absence_in_doubt(bed: Bed) -> None:
    await absence_forgotten(bed)
    bed.cloud_map.failure = DENIED


async def absence_in_remembered_doubt(bed: Bed) -> None:
    await absence_in_doubt(bed)
    await bed.find(stage=LADDER)


async def above_only(bed: Bed) -> None:
    bed.cloud_map.put(users("https://preview.test", stage="pr-7", version="1.0.0"))


async def above_that_does_not_match(bed: Bed) -> None:
    await holding(bed)
    bed.cloud_map.put(users("https://preview.test", stage="pr-7", version="2.0.0-rc.1"))


async def gone_above(bed: Bed) -> None:
    await holding(bed)
    preview = users("https://preview.test", stage="pr-7", version="2.0.0-rc.1")
    bed.cloud_map.put(preview)
    await bed.find_all(stage="pr-7")
    bed.cloud_map.remove(preview)
    bed.clock.advance(10)


LADDERS = [absent_above, absence_forgotten, absence_in_doubt, absence_in_remembered_doubt]
LADDERS += [above_only, above_that_does_not_match]


async def agree(bed: Bed, **asked: Any) -> None:
    said = await bed.discovery.explain("users", **asked)
    try:
        answer = await bed.discovery.discover_all("users", **asked)
        await bed.discovery.discover("users", **asked)
    except DiscoveryError:
        assert (said.found, said.candidates) == (False, ())
    else:
        assert said.found, said.error
        assert set(said.candidates) <= set(answer)
        assert (said.stage, said.source, said.stale) == (answer.stage, answer.source, answer.stale)


async def test_explain_goes_on_below_a_stage_whose_refresh_says_that_it_is_gone() -> None:
    bed = make_bed()
    await gone_above(bed)

    said = await bed.discovery.explain("users", stage=LADDER)
    found = await bed.discovery.discover("users", stage=LADDER)

    assert said.candidates == (found,)
    assert said.stage == found.stage == STAGE


@pytest.mark.parametrize("arrange", [*SITUATIONS, *LADDERS])
@pytest.mark.parametrize("stale_wait_seconds", [0.0, 5.0])
async def test_explain_says_which_stage_of_a_ladder_answers_and_what(
    arrange: Callable[[Bed], Awaitable[None]], stale_wait_seconds: float
) -> None:
    bed = make_bed(stale_wait_seconds=stale_wait_seconds)
    await arrange(bed)

    await agree(bed, stage=LADDER)


@pytest.mark.parametrize("arrange", [*LADDERS, gone_above])
@pytest.mark.parametrize("version", ["1.x", "^2.0.0-rc.0", "^9"])
async def test_explain_says_which_version_answers(
    arrange: Callable[[Bed], Awaitable[None]], version: str
) -> None:
    bed = make_bed()
    await arrange(bed)

    await agree(bed, stage=LADDER, version=version)
