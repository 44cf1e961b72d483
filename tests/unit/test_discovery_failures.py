"""Remembered failures are data: every caller gets an exception of its own."""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.errors import (
    AccessDeniedError,
    DiscoveryError,
    DiscoveryUnavailableError,
    ServiceNotFoundError,
    StoreTimeoutError,
)
from tests.unit.bed import DENIED, Bed, make_bed

if TYPE_CHECKING:
    from cloudmap_discovery.errors import StoreError

CALLERS = 1000


def depth(error: BaseException) -> int:
    return len(traceback.extract_tb(error.__traceback__))


async def failing(failure: StoreError | None, *, of_fallback: StoreError | None = None) -> Bed:
    """Return a bed that has just failed, and remembers it."""
    bed = make_bed()
    bed.cloud_map.failure, bed.parameters.failure = failure, of_fallback
    with pytest.raises(DiscoveryError):
        await bed.find()
    bed.asked.clear()
    return bed


async def caught_by_each(bed: Bed, callers: int = CALLERS) -> list[BaseException]:
    results = await asyncio.gather(*(bed.find() for _ in range(callers)), return_exceptions=True)
    return [result for result in results if isinstance(result, BaseException)]


@pytest.mark.parametrize(
    ("failure", "kind"), [(DENIED, DiscoveryUnavailableError), (None, ServiceNotFoundError)]
)
async def test_a_thousand_callers_get_a_thousand_exceptions(
    failure: StoreError | None, kind: type[Exception]
) -> None:
    bed = await failing(failure, of_fallback=DENIED)

    errors = await caught_by_each(bed)

    assert {type(error) for error in errors} == {kind}
    assert len({id(error) for error in errors}) == CALLERS
    assert len({id(cause) for error in errors for cause in error.causes}) == CALLERS * len(errors[0].causes)  # type: ignore[attr-defined]  # both kinds have causes
    assert bed.asked == []


@pytest.mark.parametrize("failure", [DENIED, None])
async def test_tracebacks_do_not_grow_with_the_number_of_callers(failure: StoreError | None) -> None:
    bed = await failing(failure, of_fallback=DENIED)

    errors = await caught_by_each(bed)
    depths = {depth(error) for error in errors}
    remembered = bed.entry()

    assert len(depths) == 1
    assert depths.pop() < 20
    held = [*(remembered.absence.causes if remembered.absence else ())]
    held += remembered.back_off.causes if remembered.back_off else ()
    assert held
    assert {depth(cause) for cause in held} == {0}


async def test_waiters_of_one_flight_get_exceptions_of_their_own_too() -> None:
    bed = make_bed(timeout=60)
    bed.cloud_map.failure = bed.parameters.failure = DENIED
    bed.cloud_map.delay_seconds = 0.02

    errors = await caught_by_each(bed)

    assert len({id(error) for error in errors}) == CALLERS
    assert max(depth(error) for error in errors) < 20
    assert bed.asked == ["cloudmap", "ssm"]


async def test_a_bug_that_many_wait_for_does_not_grow_either() -> None:
    bed = make_bed(timeout=60)
    bed.cloud_map.bug = KeyError("a bug")
    bed.cloud_map.is_open = False

    waiting = [asyncio.create_task(bed.find()) for _ in range(CALLERS)]
    await bed.until(lambda: bed.asked)
    bed.cloud_map.is_open = True
    errors = await asyncio.gather(*waiting, return_exceptions=True)

    assert {type(error) for error in errors} == {KeyError}
    assert len({id(error) for error in errors}) == CALLERS
    assert max(depth(error) for error in errors if isinstance(error, KeyError)) < 30


async def test_causes_are_kept_with_the_cause_of_each() -> None:
    root = OSError("connection refused")
    failure = StoreTimeoutError("unreachable", service="servicediscovery", operation="DiscoverInstances")
    failure.__cause__ = root
    bed = make_bed(sources=("cloudmap",))
    bed.cloud_map.failure = failure

    for _ in range(3):
        with pytest.raises(DiscoveryUnavailableError) as caught:
            await bed.find()
        (cause,) = caught.value.causes
        assert caught.value.__cause__ is cause
        assert (cause.store, cause.service, cause.operation) == (
            "cloudmap",
            "servicediscovery",
            "DiscoverInstances",
        )
        assert cause.__cause__ is root
        assert cause.retryable


async def test_what_one_caller_adds_to_its_exception_is_not_seen_by_others() -> None:
    bed = await failing(DENIED, of_fallback=DENIED)

    first, second = await caught_by_each(bed, 2)
    assert isinstance(first, DiscoveryUnavailableError)
    assert isinstance(second, DiscoveryUnavailableError)
    first.add_note("mine")
    first.causes[0].add_note("mine as well")
    first.causes[0].store = "changed"

    assert not hasattr(second, "__notes__")
    assert not hasattr(second.causes[0], "__notes__")
    assert second.causes[0].store == "cloudmap"
    (third,) = await caught_by_each(bed, 1)
    assert isinstance(third, DiscoveryUnavailableError)
    assert isinstance(third.causes[0], AccessDeniedError)
    assert third.causes[0].store == "cloudmap"
