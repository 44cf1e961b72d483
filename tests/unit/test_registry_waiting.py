"""Registering returns when lookups see the record, and says so where they do not."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from cloudmap_discovery.errors import (
    AccessDeniedError,
    RegistrationError,
    StoreTimeoutError,
    ThrottledError,
)
from cloudmap_discovery.events import Registered
from cloudmap_discovery.model import Key, record_id
from tests.unit.fake_cloud_map import FakeCloudMap
from tests.unit.registry_bed import STAGE, URL, RegistryBed

ID = record_id("users", STAGE, None, None, None)
NOW = datetime.fromtimestamp(1_700_000_000, UTC)


@pytest.fixture
def bed() -> RegistryBed:
    return RegistryBed()


async def test_it_returns_when_lookups_see_exactly_what_was_written(bed: RegistryBed) -> None:
    bed.cloud.propagation_seconds = 9
    bed.cloud.seed("users", ID, {"endpoint": "https://old.test", "stage": STAGE})

    await bed.register("users", URL)

    assert 9 <= sum(bed.clock.slept) < 15
    assert bed.count("DiscoverInstances") > 2


async def test_it_need_not_wait(bed: RegistryBed) -> None:
    bed.cloud.propagation_seconds = 9

    await bed.register("users", URL, wait=False)

    assert bed.count("DiscoverInstances") == 0
    assert bed.forgotten == [Key("services", "users", STAGE)]
    assert bed.mirror.holds == [URL]


async def test_a_record_that_lookups_never_see_is_an_error_after_all_else_is_done(bed: RegistryBed) -> None:
    bed.cloud.propagation_seconds = 1000

    with pytest.raises(
        RegistrationError, match="the record is written, but lookups do not see it yet after 10 s"
    ) as caught:
        await bed.register("users", URL, timeout_seconds=10)

    assert (caught.value.operation, caught.value.code) == ("RegisterInstance", "Timeout")
    assert bed.forgotten == [Key("services", "users", STAGE)]
    assert bed.mirror.holds == [URL]
    assert [type(event) for event in bed.events] == [Registered]


@pytest.mark.parametrize("error", [ThrottledError("slow down"), StoreTimeoutError("no answer")])
async def test_what_fails_in_passing_does_not_end_the_waiting(bed: RegistryBed, error: Any) -> None:
    bed.cloud.transport.answer("DiscoverInstances", error, error, bed.cloud._DiscoverInstances)

    instance = await bed.register("users", URL)

    assert instance.id == ID


async def test_who_may_not_look_up_learns_so_after_all_else_is_done(bed: RegistryBed) -> None:
    denied = AccessDeniedError("no", action="servicediscovery:DiscoverInstances")
    bed.cloud.transport.answer("DiscoverInstances", denied)

    with pytest.raises(AccessDeniedError):
        await bed.register("users", URL)

    assert bed.mirror.holds == [URL]


async def test_a_lookup_that_takes_all_the_time_is_no_different(bed: RegistryBed) -> None:
    bed.cloud.propagation_seconds = 1000

    def slowly(params: Any) -> Any:
        bed.clock.advance(100)
        return bed.cloud._DiscoverInstances(params)

    bed.cloud.transport.answer("DiscoverInstances", slowly)

    with pytest.raises(RegistrationError, match="lookups do not see it yet after 60 s"):
        await bed.register("users", URL)

    assert bed.mirror.holds == [URL]


async def test_an_operation_without_end_is_an_error_that_says_it_may_still_complete(bed: RegistryBed) -> None:
    bed.cloud.seed_service("users")
    bed.cloud.operation_seconds = 1000

    with pytest.raises(RegistrationError, match="PENDING after 60 s; the operation may still complete"):
        await bed.register("users", URL)


async def test_two_that_register_the_same_at_once_both_succeed() -> None:
    cloud = FakeCloudMap()
    cloud.operation_seconds = 2
    cloud.propagation_seconds = 3
    one, two = RegistryBed(cloud=cloud), RegistryBed(cloud=cloud)

    first, second = await asyncio.gather(one.register("users", URL), two.register("users", URL))

    assert first.id == second.id == ID
    assert list(cloud.has("users")) == [ID]
    assert len(cloud.namespaces) == len(cloud.services) == 1


async def test_many_that_register_different_records_at_once_all_succeed(bed: RegistryBed) -> None:
    bed.cloud.operation_seconds = 2

    await asyncio.gather(*(bed.register("users", f"https://{n}.test", variant=str(n)) for n in range(10)))

    assert len(bed.cloud.has("users")) == 10
    assert sorted(bed.mirror.holds) == [f"https://{n}.test" for n in range(10)]
