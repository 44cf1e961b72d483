"""What matches is chosen, and a refresh comes before saying that nothing does."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from cloudmap_discovery.errors import NoMatchingInstanceError, ServiceNotFoundError
from cloudmap_discovery.model import Answer
from tests.unit.bed import DENIED, Bed, RunningClock, make_bed, users

BLUE = users("https://blue.test", variant="blue", attributes={"color": "blue"})
GREEN = users("https://green.test", variant="green", attributes={"color": "green"})


async def holding(age_seconds: float, *, sources: tuple[str, ...] = ("cloudmap", "ssm")) -> Bed:
    """Return a bed that has held BLUE for so long."""
    bed = make_bed(sources=sources)
    (bed.cloud_map if sources[0] == "cloudmap" else bed.parameters).put(BLUE)
    await bed.find()
    bed.clock.advance(age_seconds)
    bed.asked.clear()
    return bed


async def test_where_chooses_by_attributes_that_are_exactly_so() -> None:
    bed = make_bed()
    bed.cloud_map.put(BLUE, GREEN)

    assert await bed.find(where={"color": "green"}) == GREEN
    assert list(await bed.find_all(where={"color": "blue"})) == [BLUE]
    with pytest.raises(NoMatchingInstanceError):
        await bed.find(where={"color": "Green"})


async def test_where_and_without_share_what_is_held() -> None:
    bed = make_bed()
    bed.cloud_map.put(BLUE, GREEN)

    for where in (None, {}, {"color": "blue"}, {"color": "green"}):
        await bed.find(where=where)
        await bed.find_all(where=where)

    assert bed.asked == ["cloudmap"]


async def test_an_answer_is_a_sequence_of_all_matches_in_order() -> None:
    bed = make_bed()
    records = [users(f"https://{version}.test", version=version) for version in ("1.0.0", "1.10.0", "1.9.0")]
    bed.cloud_map.put(*records, users("https://tenant.test", tenant="acme", version="9.0.0"))

    answer = await bed.find_all()

    assert isinstance(answer, Answer)
    assert [instance.version for instance in answer] == ["1.10.0", "1.9.0", "1.0.0"]
    assert (len(answer), answer[0], answer[1:]) == (3, records[1], (records[2], records[0]))
    assert records[0] in answer


async def test_a_tenants_records_are_never_returned() -> None:
    bed = make_bed()
    bed.cloud_map.put(users(tenant="acme"))

    with pytest.raises(NoMatchingInstanceError, match="tenant acme"):
        await bed.find()
    with pytest.raises(NoMatchingInstanceError):
        await bed.find_all()


async def test_the_error_says_what_was_wanted_and_what_there_is() -> None:
    bed = make_bed()
    bed.cloud_map.put(BLUE, GREEN)

    with pytest.raises(NoMatchingInstanceError) as caught:
        await bed.find(where={"color": "red"})

    error = caught.value
    assert isinstance(error, ServiceNotFoundError)
    assert (error.wanted, error.stores) == ("color=red", ("cloudmap",))
    assert error.available == tuple(
        f"{instance.id} (variant {instance.variant}, color={instance.variant})"
        for instance in sorted((BLUE, GREEN), key=lambda instance: instance.id)
    )


async def test_where_nothing_matches_and_the_answer_is_older_than_negative_ttl_one_refresh_comes_first() -> (
    None
):
    bed = await holding(5.001)
    bed.cloud_map.put(GREEN)

    found = await bed.find(where={"color": "green"})

    assert found == GREEN
    assert bed.asked == ["cloudmap"]


async def test_where_nothing_matches_even_after_the_refresh_the_error_follows() -> None:
    bed = await holding(30)

    for call in (bed.find, bed.find_all):
        with pytest.raises(NoMatchingInstanceError):
            await call(where={"color": "green"})

    # The refresh that the first call made is younger than negative_ttl for the second.
    assert bed.asked == ["cloudmap"]


async def test_where_nothing_matches_and_the_answer_is_young_no_refresh_comes() -> None:
    bed = await holding(5)
    bed.cloud_map.put(GREEN)

    with pytest.raises(NoMatchingInstanceError):
        await bed.find(where={"color": "green"})

    assert bed.asked == []


async def test_an_answer_that_was_just_fetched_is_not_fetched_again() -> None:
    bed = make_bed(negative_ttl=0, clock=RunningClock())
    bed.cloud_map.put(BLUE)
    bed.cloud_map.delay_seconds = 0.02

    with pytest.raises(NoMatchingInstanceError):
        await bed.find(where={"color": "green"})

    assert bed.asked == ["cloudmap"]


async def test_a_refresh_because_nothing_matched_skips_the_stores_before_the_authority() -> None:
    bed = await holding(30, sources=("ssm", "cloudmap"))
    bed.cloud_map.put(GREEN)

    assert await bed.find(where={"color": "green"}) == GREEN
    assert bed.asked == ["cloudmap"]


async def test_it_skips_them_too_where_an_ordinary_refresh_is_under_way() -> None:
    bed = await holding(61, sources=("ssm", "cloudmap"))
    bed.cloud_map.put(GREEN)

    assert await bed.find(where={"color": "green"}) == GREEN


async def test_one_refresh_is_enough_where_an_ordinary_one_asks_the_authority_first_too() -> None:
    bed = await holding(61)
    bed.cloud_map.put(GREEN)
    bed.cloud_map.is_open = False

    looking_up = asyncio.create_task(bed.find(where={"color": "green"}))
    await bed.until(lambda: bed.asked)
    bed.cloud_map.is_open = True

    assert await looking_up == GREEN
    assert bed.asked == ["cloudmap"]


async def test_where_the_refresh_fails_and_nothing_held_matches_the_error_says_so() -> None:
    bed = await holding(30)
    bed.cloud_map.failure = DENIED

    with pytest.raises(NoMatchingInstanceError):
        await bed.find(where={"color": "green"})
    assert (await bed.find()) == BLUE

    # And while it backs off, it is not asked again for what does not match.
    with pytest.raises(NoMatchingInstanceError):
        await bed.find(where={"color": "green"})
    assert bed.asked == ["cloudmap"]


async def test_many_callers_that_match_nothing_make_one_refresh() -> None:
    bed = await holding(30)
    bed.cloud_map.is_open = False

    waiting = [asyncio.create_task(bed.find(where={"color": "green"})) for _ in range(50)]
    await bed.until(lambda: bed.asked)
    bed.cloud_map.is_open = True
    errors = await asyncio.gather(*waiting, return_exceptions=True)

    assert {type(error) for error in errors} == {NoMatchingInstanceError}
    assert bed.asked == ["cloudmap"]


async def test_the_service_may_turn_out_to_be_gone() -> None:
    bed = await holding(30)
    bed.cloud_map.remove(BLUE)

    with pytest.raises(ServiceNotFoundError) as caught:
        await bed.find(where={"color": "green"})

    assert type(caught.value) is ServiceNotFoundError


@pytest.mark.parametrize("where", [None, {}])
async def test_weights_count_from_what_is_held_and_from_what_was_fetched(
    where: dict[str, str] | None,
) -> None:
    number = random.Random(7)
    bed = make_bed(draw=number.random)
    weights = {"https://a.test": 10, "https://b.test": 30, "https://c.test": 60, "https://drained.test": 0}
    bed.cloud_map.put(*(users(url, variant=url[8], weight=weight) for url, weight in weights.items()))
    draws = 4000

    drawn = Counter([(await bed.find(where=where)).endpoint for _ in range(draws)])

    assert drawn["https://drained.test"] == 0
    expected = {url: draws * weight / 100 for url, weight in weights.items() if weight}
    chi_square = sum((drawn[url] - wanted) ** 2 / wanted for url, wanted in expected.items())
    assert chi_square < 13.82  # 99.9 % with two degrees of freedom; the generator is seeded
