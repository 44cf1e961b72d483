"""Runs over tagged functions, when there is much to do, little time, or AWS throttles."""

from __future__ import annotations

import pytest

from cloudmap_discovery.errors import StoreTimeoutError, ThrottledError
from tests.unit.fake_functions import arn_of
from tests.unit.registrar_bed import RegistrarBed

USERS = {"service": "users", "stage": "Production"}


def throttled() -> ThrottledError:
    return ThrottledError("too fast", code="ThrottlingException", service="servicediscovery")


async def test_a_run_that_cannot_list_the_registry_fails_as_a_whole() -> None:
    bed = RegistrarBed()
    bed.lambdas.add("users", **USERS)
    bed.cloud.transport.answer("ListNamespaces", throttled())

    with pytest.raises(ThrottledError):
        await bed.run()

    assert bed.count("RegisterInstance") == 0


async def test_when_cloud_map_throttles_all_the_way_a_run_gives_up_early_and_the_next_one_goes_on() -> None:
    bed = RegistrarBed()
    for number in range(60):
        bed.lambdas.add(f"f{number:02}", service=f"s{number:02}", stage="Production")
    bed.cloud.transport.answer("RegisterInstance", throttled())

    throttled_run = await bed.run()
    bed.cloud.transport.answer("RegisterInstance", bed.cloud._RegisterInstance)
    summary = await bed.run()

    assert len(throttled_run.done.failed) < 30
    assert throttled_run.done.unfinished > 30
    assert not throttled_run.is_clean
    assert len(bed.registered) == 60
    assert summary.is_clean


async def test_reading_functions_ends_with_the_time_and_leaves_a_line_to_be_written() -> None:
    bed = RegistrarBed()
    for number in range(100):
        bed.lambdas.add(f"f{number:02}", service=f"s{number:02}", stage="Production")

    def slow(_: object) -> StoreTimeoutError:
        bed.clock.advance(15)
        return StoreTimeoutError("no answer")

    bed.lambdas.failing["GetFunction"] = slow
    before = bed.clock.monotonic()

    summary = await bed.run(seconds=100, scheduled=True)

    assert bed.clock.monotonic() - before < 250
    assert len(summary.plan.unread) == 100
    assert summary.plan.unread[-1][1] == "no time was left to read it"


async def test_a_run_whose_time_ends_leaves_the_rest_to_the_next() -> None:
    bed = RegistrarBed()
    for number in range(40):
        bed.lambdas.add(f"f{number:02}", service=f"s{number:02}", stage="Production")
    bed.cloud.operation_seconds = 3.0

    first = await bed.run(seconds=30)
    second = await bed.run()

    assert 0 < len(first.done.registered) < 40
    assert first.done.unfinished + len(first.done.failed) + len(first.done.registered) == 40
    assert len(bed.registered) == 40
    assert second.is_clean


async def test_two_registrars_at_once_make_the_same_records_and_fail_nothing() -> None:
    import asyncio  # noqa: PLC0415 -- used here only

    one = RegistrarBed()
    one.cloud.operation_seconds = 1.0
    other = RegistrarBed(one.cloud)
    for bed in (one, other):
        for number in range(12):
            bed.lambdas.add(f"f{number}", service=f"s{number}", stage="Production")

    summaries = await asyncio.gather(one.run(), other.run())
    removed_from = RegistrarBed(one.cloud)
    both = await asyncio.gather(removed_from.run(forced=True), RegistrarBed(one.cloud).run(forced=True))

    assert all(summary.is_clean for summary in (*summaries, *both))
    assert one.registered == {}


async def test_five_hundred_functions_are_registered_in_one_run_within_lambdas_fifteen_minutes() -> None:
    bed = RegistrarBed()
    bed.cloud.operation_seconds = 2.0
    for number in range(500):
        bed.lambdas.add(f"function-{number:03}", service=f"service-{number:03}", stage="Production")
    before = bed.clock.monotonic()

    summary = await bed.run(scheduled=True)

    assert summary.is_clean
    assert len(bed.registered) == 500
    assert bed.clock.monotonic() - before < 850


async def test_a_timed_out_read_of_one_function_leaves_the_others_to_go_on() -> None:
    bed = RegistrarBed()
    bed.lambdas.add("slow", service="slow", stage="Production")
    bed.lambdas.add("users", **USERS)
    bed.lambdas.failing["GetFunction"] = lambda params: (
        StoreTimeoutError("no answer") if params["FunctionName"] == arn_of("slow") else None
    )

    summary = await bed.run()

    assert list(bed.registered) == ["users/Production"]
    assert [function for function, _ in summary.plan.unread] == [arn_of("slow")]
