"""Registering writes one record, idempotently, and returns when lookups can see it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from cloudmap_discovery.errors import (
    AccessDeniedError,
    InvalidValueError,
    OwnershipError,
    RegistrationError,
    StoreTimeoutError,
    ThrottledError,
)
from cloudmap_discovery.events import MirrorFailed, Registered
from cloudmap_discovery.model import Instance, Key, record_id
from tests.unit.fake_cloud_map import FakeCloudMap
from tests.unit.registry_bed import STAGE, URL, RegistryBed

ID = record_id("users", STAGE, None, None, None)
NOW = datetime.fromtimestamp(1_700_000_000, UTC)


@pytest.fixture
def bed() -> RegistryBed:
    return RegistryBed()


async def test_the_first_record_of_a_registry_creates_all_that_is_missing(bed: RegistryBed) -> None:
    instance = await bed.register(
        "users",
        URL,
        version="1.0.0",
        tenant="acme",
        variant="blue",
        weight=7,
        attributes={"color": "x"},
        owner="me",
    )

    assert instance == Instance(
        "users",
        URL,
        STAGE,
        version="1.0.0",
        tenant="acme",
        variant="blue",
        weight=7,
        attributes={"color": "x"},
        owner="me",
        registered_at=NOW,
    )
    assert bed.cloud.has("users") == {
        instance.id: {
            "endpoint": URL,
            "stage": STAGE,
            "version": "1.0.0",
            "tenant": "acme",
            "variant": "blue",
            "weight": "7",
            "color": "x",
            "owner": "me",
            "registered-at": "2023-11-14T22:13:20Z",
        }
    }


async def test_a_record_that_nobody_claims_is_by_hand(bed: RegistryBed) -> None:
    instance = await bed.register("users", URL)

    assert (instance.owner, instance.owner_ref, instance.id) == ("manual", None, ID)


async def test_registering_again_updates_the_record_and_keeps_its_date(bed: RegistryBed) -> None:
    first = await bed.register("users", URL, attributes={"old": "1"})
    bed.clock.advance(3600)

    second = await bed.register("users", "https://new.test", attributes={"new": "2"})

    assert second.id == first.id
    assert second.registered_at == first.registered_at
    ((instance_id, attributes),) = bed.cloud.has("users").items()
    assert instance_id == first.id
    assert attributes["endpoint"] == "https://new.test"
    assert "old" not in attributes
    assert attributes["registered-at"] == "2023-11-14T22:13:20Z"


async def test_registering_the_same_again_changes_nothing(bed: RegistryBed) -> None:
    first = await bed.register("users", URL)
    before = bed.cloud.has("users")
    bed.clock.advance(5)

    second = await bed.register("users", URL)

    assert second == first
    assert bed.cloud.has("users") == before


async def test_a_date_that_is_none_is_replaced(bed: RegistryBed) -> None:
    bed.cloud.seed("users", ID, {"endpoint": URL, "stage": STAGE, "registered-at": "yesterday"})

    instance = await bed.register("users", URL)

    assert instance.registered_at == NOW


@pytest.mark.parametrize(
    ("stage", "default", "expected"), [("A", "B", "A"), (None, "B", "B"), ("-", "B", "-"), ("-", None, "-")]
)
async def test_the_stage_is_the_argument_or_the_default(
    stage: str | None, default: str | None, expected: str
) -> None:
    bed = RegistryBed(default_stage=default)

    instance = await bed.register("users", URL, stage=stage)

    assert instance.stage == expected
    assert bed.cloud.has("users")[instance.id]["stage"] == expected
    assert bed.forgotten == [Key("services", "users", expected)]


async def test_no_stage_at_all_is_an_error_that_says_what_to_do() -> None:
    bed = RegistryBed(default_stage=None)

    with pytest.raises(InvalidValueError, match=r"pass stage=… or set DISCOVERY_STAGE; stage='-' for none"):
        await bed.register("users", URL)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"service": "a b"}, "service"),
        ({"service": None}, "service"),
        ({"endpoint": "a b"}, "endpoint"),
        ({"endpoint": None}, "endpoint"),
        ({"endpoint": 7}, "endpoint"),
        ({"stage": "A>B"}, "stage"),
        ({"stage": ""}, "stage"),
        ({"stage": 7}, "stage"),
        ({"version": "v1"}, "version"),
        ({"version": 1}, "version"),
        ({"tenant": ""}, "tenant"),
        ({"variant": "ü"}, "variant"),
        ({"weight": -1}, "weight"),
        ({"weight": True}, "weight"),
        ({"weight": "7"}, "weight"),
        ({"attributes": {"stage": "x"}}, "attributes"),
        ({"attributes": {1: "x", "a": "y"}}, "attributes"),
        ({"attributes": "color=blue"}, "attributes"),
        ({"attributes": {f"k{n}": "" for n in range(27)}}, "attributes"),
        ({"owner": ""}, "owner"),
        ({"owner": "x" * 1025}, "owner"),
        ({"owner_ref": "ü"}, "owner_ref"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"timeout_seconds": True}, "timeout_seconds"),
        ({"timeout_seconds": float("inf")}, "timeout_seconds"),
        ({"timeout_seconds": float("nan")}, "timeout_seconds"),
        ({"timeout_seconds": "60"}, "timeout_seconds"),
    ],
)
async def test_wrong_values_are_errors_before_any_call(
    bed: RegistryBed, arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidValueError) as caught:
        await bed.register(**{"service": "users", "endpoint": URL, **arguments})

    assert caught.value.field == field
    assert bed.cloud.transport.calls == []


async def test_the_record_of_another_owner_is_left_alone(bed: RegistryBed) -> None:
    await bed.register("users", URL, owner="cfn:1:eu:stack", owner_ref="Endpoint")

    with pytest.raises(
        OwnershipError, match=r"belongs to cfn:1:eu:stack \(Endpoint\), not to manual: pass adopt=True"
    ) as caught:
        await bed.register("users", "https://mine.test")

    assert (caught.value.owner, caught.value.owner_ref, caught.value.claimant, caught.value.operation) == (
        "cfn:1:eu:stack",
        "Endpoint",
        "manual",
        "RegisterInstance",
    )
    assert bed.cloud.has("users")[ID]["endpoint"] == URL


async def test_the_record_of_another_owner_can_be_adopted(bed: RegistryBed) -> None:
    theirs = await bed.register("users", URL, owner="them")
    bed.clock.advance(60)

    ours = await bed.register("users", "https://mine.test", owner="us", adopt=True)

    assert (ours.owner, ours.endpoint, ours.registered_at) == (
        "us",
        "https://mine.test",
        theirs.registered_at,
    )
    assert bed.cloud.has("users")[ID]["owner"] == "us"


async def test_the_same_owner_may_overwrite_whatever_the_reference(bed: RegistryBed) -> None:
    await bed.register("users", URL, owner="us", owner_ref="One")

    instance = await bed.register("users", URL, owner="us", owner_ref="Two")

    assert bed.cloud.has("users")[ID]["owner-ref"] == instance.owner_ref == "Two"


async def test_a_record_without_an_owner_is_by_hand_and_may_be_overwritten_by_hand(bed: RegistryBed) -> None:
    bed.cloud.seed("users", ID, {"endpoint": "https://old.test", "stage": STAGE})

    await bed.register("users", URL)

    assert bed.cloud.has("users")[ID]["endpoint"] == URL
    with pytest.raises(OwnershipError, match="belongs to manual, not to us"):
        await bed.register("users", URL, owner="us")


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


async def test_a_failed_operation_writes_no_mirror_and_tells_nobody(bed: RegistryBed) -> None:
    bed.cloud.seed_service("users")
    bed.cloud.failures.append(("INTERNAL_FAILURE", "It broke."))

    with pytest.raises(RegistrationError, match="INTERNAL_FAILURE: It broke"):
        await bed.register("users", URL)

    assert bed.mirror.writes == []
    assert bed.events == []


async def test_an_operation_without_end_is_an_error_that_says_it_may_still_complete(bed: RegistryBed) -> None:
    bed.cloud.seed_service("users")
    bed.cloud.operation_seconds = 1000

    with pytest.raises(RegistrationError, match="PENDING after 60 s; the operation may still complete"):
        await bed.register("users", URL)


async def test_listeners_hear_of_it(bed: RegistryBed) -> None:
    await bed.register("users", URL, owner="me")

    assert bed.events == [Registered("users", STAGE, ID, URL, "me")]


async def test_a_mirror_that_fails_is_an_event_and_not_a_failure(bed: RegistryBed) -> None:
    bed.mirror.failure = ThrottledError("slow down")

    instance = await bed.register("users", URL)

    assert instance.endpoint == URL
    assert MirrorFailed("users", STAGE, "memory", "slow down") in bed.events


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
