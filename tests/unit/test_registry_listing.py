"""What is in a namespace is listed through the control plane, service by service, at a rate that it bears."""

from __future__ import annotations

import asyncio

import pytest

from cloudmap_discovery.errors import AccessDeniedError, InvalidValueError, StoreTimeoutError
from cloudmap_discovery.events import RecordsSkipped
from tests.unit.registry_bed import RegistryBed


def seeded(default_stage: str | None = None) -> RegistryBed:
    bed = RegistryBed(default_stage=default_stage)
    bed.cloud.seed("users", "b", {"endpoint": "https://b.test", "stage": "Production"})
    bed.cloud.seed("users", "a", {"endpoint": "https://a.test", "stage": "Production"})
    bed.cloud.seed("users", "c", {"endpoint": "https://c.test", "stage": "Staging"})
    bed.cloud.seed("orders", "d", {"url": "https://d.test"})
    bed.cloud.seed_service("empty")
    bed.cloud.seed("elsewhere", "e", {"endpoint": "https://e.test"}, namespace="others")
    return bed


async def test_all_services_are_listed_with_all_their_records() -> None:
    records = await seeded().registry.records()

    assert {name: [instance.id for instance in found] for name, found in records.items()} == {
        "empty": [],
        "orders": ["d"],
        "users": ["a", "b", "c"],
    }
    assert list(records) == sorted(records)


async def test_a_stage_has_the_services_with_records_in_it() -> None:
    records = await seeded().registry.records(stage="Production")

    assert {name: [instance.id for instance in found] for name, found in records.items()} == {
        "users": ["a", "b"]
    }


async def test_services_are_those_of_the_stage_the_default_stage_or_no_stage() -> None:
    assert await seeded().registry.services(stage="Staging") == ["users"]
    assert await seeded("Production").registry.services() == ["users"]
    assert await seeded("Production").registry.services(stage="-") == ["orders"]
    assert await seeded().registry.services() == ["orders"]
    assert await seeded().registry.services(stage="Nowhere") == []
    assert await seeded().registry.services(stage="Nowhere>Staging>-") == ["orders", "users"]


async def test_a_namespace_that_is_not_there_has_nothing_and_is_not_created() -> None:
    bed = RegistryBed()

    assert await bed.registry.records() == {}
    assert bed.cloud.namespaces == {}


async def test_a_wrong_stage_is_an_error_before_any_call() -> None:
    bed = RegistryBed()

    with pytest.raises(InvalidValueError):
        await bed.registry.services(stage="A>")

    assert bed.cloud.transport.calls == []


async def test_records_without_an_address_are_left_out_with_an_event() -> None:
    bed = seeded()
    bed.cloud.seed("users", "bad", {"stage": "Production"})

    records = await bed.registry.records(stage="Production")

    assert [instance.id for instance in records["users"]] == ["a", "b"]
    (event,) = bed.events
    assert isinstance(event, RecordsSkipped)
    assert (event.service, event.stage, event.source) == ("users", "Production", "cloudmap")
    assert event.reasons[0].startswith("bad: it has no address")


async def test_a_service_that_is_deleted_meanwhile_has_no_records() -> None:
    bed = seeded()
    listed = bed.cloud._ListServices

    def and_delete(params: object) -> object:
        answer = listed(params)  # type: ignore[arg-type]  # what the transport hands over
        bed.cloud.services.clear()
        return answer

    bed.cloud.transport.answer("ListServices", and_delete)  # type: ignore[arg-type]  # the same

    assert await bed.registry.records() == {"empty": (), "orders": (), "users": ()}


async def test_listings_are_spread_over_time() -> None:
    bed = RegistryBed()
    for n in range(100):
        bed.cloud.seed_service(f"service-{n}")
    began = bed.clock.monotonic()

    await bed.registry.records()

    assert bed.count("ListInstances") == 100
    assert bed.clock.monotonic() - began >= 99 / 50


async def test_a_failure_ends_the_listing_and_leaves_nothing_running() -> None:
    bed = seeded()
    bed.cloud.transport.answer(
        "ListInstances", AccessDeniedError("no", action="servicediscovery:ListInstances")
    )
    before = asyncio.all_tasks()

    with pytest.raises(AccessDeniedError) as caught:
        await bed.registry.records()

    assert caught.value.store == "cloudmap"
    assert asyncio.all_tasks() == before


async def test_a_failure_of_one_service_ends_the_listing_of_the_others() -> None:
    bed = RegistryBed()
    for n in range(100):
        bed.cloud.seed_service(f"service-{n}")
    denied = AccessDeniedError("no", action="servicediscovery:ListInstances")
    bed.cloud.transport.answer("ListInstances", denied, bed.cloud._ListInstances)

    with pytest.raises(AccessDeniedError):
        await bed.registry.records()

    assert bed.count("ListInstances") < 30


async def test_a_listing_that_takes_too_long_is_a_failure_of_the_store() -> None:
    bed = RegistryBed()
    for n in range(100):
        bed.cloud.seed_service(f"service-{n}")

    with pytest.raises(
        StoreTimeoutError, match="listing namespace 'services' took longer than 1 s"
    ) as caught:
        await bed.registry.records(timeout_seconds=1)

    assert (caught.value.store, caught.value.operation) == ("cloudmap", "ListInstances")
