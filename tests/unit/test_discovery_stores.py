"""The rules of the ladder of stores, as callers see them."""

from __future__ import annotations

import pytest

from cloudmap_discovery.errors import (
    AccessDeniedError,
    DiscoveryUnavailableError,
    ServiceNotFoundError,
    StoreTimeoutError,
)
from cloudmap_discovery.events import FallbackUsed, RecordsSkipped, Refreshed, StoreFailed
from cloudmap_discovery.model import PassedOver
from tests.unit.bed import DENIED, UNREACHABLE, listen, make_bed, users

BY_CLOUD_MAP = users("https://cloud-map.test")
BY_HAND = users("https://by-hand.test")
SSM_FIRST = ("ssm", "cloudmap")


async def test_the_authoritys_answer_asks_no_fallback() -> None:
    bed = make_bed()
    bed.cloud_map.put(BY_CLOUD_MAP)
    bed.parameters.put(BY_HAND)

    answer = await bed.find_all()

    assert (answer[0], answer.source) == (BY_CLOUD_MAP, "cloudmap")
    assert bed.asked == ["cloudmap"]


async def test_a_store_before_the_authority_answers_without_it() -> None:
    bed = make_bed(sources=SSM_FIRST, mirrored=True)
    bed.cloud_map.put(BY_CLOUD_MAP)
    bed.parameters.put(BY_HAND)

    answer = await bed.find_all()

    assert (answer[0], answer.source, answer.stale) == (BY_HAND, "ssm", False)
    assert bed.asked == ["ssm"]


async def test_a_store_before_the_authority_that_is_absent_or_fails_passes_the_question_on() -> None:
    bed = make_bed(sources=SSM_FIRST)
    bed.cloud_map.put(BY_CLOUD_MAP)
    first = await bed.find_all()
    bed.clock.advance(200)
    bed.parameters.failure = DENIED
    second = await bed.find_all()

    assert (first.source, second.source) == ("cloudmap", "cloudmap")
    assert bed.asked == ["ssm", "cloudmap", "ssm", "cloudmap"]


async def test_an_answer_is_aged_from_when_it_was_asked_and_not_from_when_it_came() -> None:
    bed = make_bed()
    bed.cloud_map.put(users())
    bed.cloud_map.takes_seconds = 1.5

    answer = await bed.find_all()

    assert answer.age_seconds == 1.5


async def test_where_the_authority_says_absent_the_held_answer_is_dropped() -> None:
    bed = make_bed()
    bed.cloud_map.put(BY_CLOUD_MAP)
    await bed.find()
    bed.cloud_map.remove(BY_CLOUD_MAP)
    bed.clock.advance(121)

    with pytest.raises(ServiceNotFoundError):
        await bed.find()
    bed.cloud_map.failure = UNREACHABLE
    bed.clock.advance(5)
    with pytest.raises(DiscoveryUnavailableError):
        await bed.find()


async def test_what_people_put_into_a_fallback_answers_where_the_authority_says_absent() -> None:
    bed = listen(make_bed())
    bed.parameters.put(BY_HAND)

    first = await bed.find_all()
    bed.clock.advance(60)
    again = await bed.find_all()

    assert (first[0], first.source, first.stale) == (BY_HAND, "ssm", False)
    assert (again[0], again.stale) == (BY_HAND, False)
    assert bed.asked == ["cloudmap", "ssm"]
    assert bed.of(FallbackUsed) == [
        FallbackUsed("users", "Production", "ssm", "cloudmap does not have it", failing=False)
    ]


async def test_mirrored_values_do_not_count_where_the_authority_says_absent() -> None:
    bed = make_bed(mirrored=True)
    bed.parameters.put(BY_CLOUD_MAP)

    with pytest.raises(ServiceNotFoundError) as caught:
        await bed.find()

    assert caught.value.stores == ("cloudmap", "ssm")


async def test_mirrored_values_count_where_the_authority_fails() -> None:
    bed = listen(make_bed(mirrored=True))
    bed.parameters.put(BY_CLOUD_MAP)
    bed.cloud_map.failure = DENIED

    answer = await bed.find_all()

    assert (answer[0], answer.source, answer.stale) == (BY_CLOUD_MAP, "ssm", True)
    assert bed.of(FallbackUsed) == [FallbackUsed("users", "Production", "ssm", "denied", failing=True)]


async def test_a_fallback_that_fails_adds_its_cause_to_the_error_and_changes_nothing() -> None:
    bed = make_bed()
    bed.parameters.failure = DENIED

    with pytest.raises(ServiceNotFoundError) as caught:
        await bed.find()
    with pytest.raises(ServiceNotFoundError, match="ssm could not be asked: denied"):
        await bed.find()

    (cause,) = caught.value.causes
    assert isinstance(cause, AccessDeniedError)
    assert cause.store == "ssm"
    assert caught.value.__cause__ is cause
    assert bed.asked == ["cloudmap", "ssm"]


async def test_a_fallback_that_fails_later_does_not_take_its_own_record_away() -> None:
    bed = make_bed()
    bed.parameters.put(BY_HAND)
    await bed.find()
    bed.parameters.failure = UNREACHABLE
    bed.clock.advance(121)

    answer = await bed.find_all()

    assert (answer[0], answer.stale) == (BY_HAND, True)


async def test_a_record_by_hand_that_was_removed_is_gone() -> None:
    bed = make_bed()
    bed.parameters.put(BY_HAND)
    await bed.find()
    bed.parameters.remove(BY_HAND)
    bed.clock.advance(121)

    with pytest.raises(ServiceNotFoundError):
        await bed.find()


async def test_a_failing_authority_leaves_its_held_answer_and_asks_no_fallback() -> None:
    bed = make_bed()
    bed.cloud_map.put(BY_CLOUD_MAP)
    bed.parameters.put(BY_HAND)
    await bed.find()
    bed.cloud_map.failure = UNREACHABLE
    bed.clock.advance(121)
    bed.asked.clear()

    answer = await bed.find_all()

    assert (answer[0], answer.source, answer.stale) == (BY_CLOUD_MAP, "cloudmap", True)
    assert bed.asked == ["cloudmap"]


async def test_where_nothing_is_found_the_error_has_every_store_and_cause() -> None:
    bed = listen(make_bed())
    bed.cloud_map.failure = DENIED
    bed.parameters.failure = UNREACHABLE

    with pytest.raises(DiscoveryUnavailableError) as caught:
        await bed.find()

    denied, unreachable = caught.value.causes
    assert (type(denied), denied.store) == (AccessDeniedError, "cloudmap")
    assert (type(unreachable), unreachable.store) == (StoreTimeoutError, "ssm")
    assert "cloudmap: denied; ssm: unreachable" in str(caught.value)
    assert [event.store for event in bed.of(StoreFailed)] == ["cloudmap", "ssm"]
    assert bed.of(Refreshed) == [Refreshed("users", "Production", "failed", None, 0.0)]


async def test_parameter_store_alone_is_the_authority() -> None:
    bed = make_bed(sources=("ssm",), mirrored=True)
    bed.parameters.put(BY_HAND)

    answer = await bed.find_all()
    with pytest.raises(ServiceNotFoundError) as caught:
        await bed.find("orders")

    assert (answer[0], answer.source, answer.stale) == (BY_HAND, "ssm", False)
    assert caught.value.stores == ("ssm",)
    assert "cloudmap" not in bed.asked


async def test_malformed_records_never_break_the_others_and_are_an_event() -> None:
    bed = listen(make_bed())
    bed.cloud_map.put(users())
    bed.cloud_map.passed_over = (PassedOver("id-1", "no address"), PassedOver("id-2", "no address"))

    instance = await bed.find()

    assert instance.endpoint == "https://users.test"
    assert bed.of(RecordsSkipped) == [
        RecordsSkipped("users", "Production", "cloudmap", ("id-1: no address", "id-2: no address"))
    ]


async def test_an_error_of_ours_surfaces_as_itself_at_every_caller() -> None:
    bed = make_bed()
    bed.cloud_map.put(users())
    bed.cloud_map.bug = KeyError("a bug")

    caught = []
    for _ in range(2):
        with pytest.raises(KeyError, match="a bug") as raised:
            await bed.find()
        caught.append(raised.value)

    assert caught[0] is not caught[1]


async def test_names_that_are_spelled_alike_are_told() -> None:
    bed = make_bed()
    bed.cloud_map.put(users())
    await bed.find()

    with pytest.raises(ServiceNotFoundError, match="did you mean 'users'") as caught:
        await bed.find("user")

    assert caught.value.near_misses == ("users",)
