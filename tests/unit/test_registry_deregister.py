"""Deregistering removes exactly one record, of its owner, and returns when lookups do not see it any more."""

from __future__ import annotations

from typing import Any

import pytest

from cloudmap_discovery.errors import InvalidValueError, OwnershipError, RegistrationError
from cloudmap_discovery.events import Deregistered
from cloudmap_discovery.model import Instance, Key, record_id
from tests.unit.registry_bed import STAGE, URL, RegistryBed

ID = record_id("users", STAGE, None, None, None)


@pytest.fixture
def bed() -> RegistryBed:
    return RegistryBed()


async def test_the_record_of_exactly_this_identity_goes(bed: RegistryBed) -> None:
    kept = [
        await bed.register("users", URL, **identity) for identity in ({}, {"variant": "blue"}, {"stage": "X"})
    ]
    gone = await bed.register("users", URL, version="1.0.0", tenant="acme", variant="blue")
    bed.events.clear()

    assert await bed.deregister("users", version="1.0.0", tenant="acme", variant="blue") is True

    assert set(bed.cloud.has("users")) == {instance.id for instance in kept}
    assert bed.events == [Deregistered("users", STAGE, gone.id)]


async def test_a_given_instance_goes_by_its_id(bed: RegistryBed) -> None:
    bed.cloud.seed("users", "i-0abc", {"AWS_INSTANCE_IPV4": "10.0.0.1"})
    bed.cloud.seed("users", "i-0def", {"AWS_INSTANCE_IPV4": "10.0.0.2"})

    removed = await bed.deregister(Instance("users", "http://10.0.0.1", id="i-0abc"))

    assert removed
    assert list(bed.cloud.has("users")) == ["i-0def"]
    assert bed.forgotten == [Key("services", "users", "-")]


async def test_the_stage_of_a_given_instance_is_the_one_it_has_now(bed: RegistryBed) -> None:
    bed.cloud.seed("users", "i-0abc", {"endpoint": URL, "stage": "Moved"})

    await bed.deregister(Instance("users", URL, "Before", id="i-0abc"))

    assert bed.forgotten == [Key("services", "users", "Moved")]
    assert bed.mirror.writes == [("users", "Moved", ())]


async def test_what_is_not_there_is_false_and_nothing_is_created(bed: RegistryBed) -> None:
    assert await bed.deregister("users") is False

    assert bed.cloud.namespaces == {}
    assert bed.mirror.writes == []
    assert bed.events == []


async def test_a_record_that_is_not_there_is_false_and_mirrors_are_mended(bed: RegistryBed) -> None:
    bed.cloud.seed_service("users")

    assert await bed.deregister("users") is False

    assert bed.mirror.writes == [("users", STAGE, ())]
    assert bed.forgotten == [Key("services", "users", STAGE)]


async def test_a_service_of_another_namespace_leaves_mirrors_alone(bed: RegistryBed) -> None:
    bed.cloud.seed("users", ID, {"endpoint": URL, "stage": STAGE}, namespace="others")

    assert await bed.deregister("users") is False

    assert bed.mirror.writes == []
    assert ID in bed.cloud.has("users")


@pytest.mark.parametrize(
    ("claim", "allowed"),
    [
        ({"owner": "us", "owner_ref": "One"}, True),
        ({"owner": "us"}, True),
        ({"owner": "us", "owner_ref": "Two"}, False),
        ({"owner": "them", "owner_ref": "One"}, False),
        ({}, False),
        ({"owner_ref": "One"}, False),
    ],
)
async def test_only_the_owner_removes_and_a_reference_must_match(
    bed: RegistryBed, claim: dict[str, Any], *, allowed: bool
) -> None:
    instance = await bed.register("users", URL, owner="us", owner_ref="One")

    if allowed:
        assert await bed.deregister(instance, **claim)
    else:
        with pytest.raises(OwnershipError, match=r"belongs to us \(One\), not to") as caught:
            await bed.deregister(instance, **claim)
        assert caught.value.operation == "DeregisterInstance"

    assert (instance.id not in bed.cloud.has("users")) == allowed


async def test_a_record_by_hand_has_no_reference_to_match(bed: RegistryBed) -> None:
    bed.cloud.seed("users", ID, {"endpoint": URL, "stage": STAGE})

    with pytest.raises(OwnershipError, match=r"belongs to manual, not to manual \(One\)"):
        await bed.deregister("users", owner_ref="One")

    assert await bed.deregister("users")


async def test_it_returns_when_lookups_do_not_see_the_record_any_more(bed: RegistryBed) -> None:
    bed.cloud.seed("users", ID, {"endpoint": URL, "stage": STAGE})
    bed.cloud.propagation_seconds = 9

    await bed.deregister("users")

    assert 9 <= sum(bed.clock.slept) < 15


async def test_it_waits_for_records_of_others_although_they_name_no_stage(bed: RegistryBed) -> None:
    bed.cloud.seed("users", "i-0abc", {"url": URL})
    bed.cloud.propagation_seconds = 9

    await bed.deregister(Instance("users", URL, id="i-0abc"))

    assert sum(bed.clock.slept) >= 9


async def test_it_need_not_wait(bed: RegistryBed) -> None:
    bed.cloud.seed("users", ID, {"endpoint": URL, "stage": STAGE})
    bed.cloud.propagation_seconds = 9

    await bed.deregister("users", wait=False)

    assert bed.count("DiscoverInstances") == 0


async def test_a_record_that_lookups_go_on_seeing_is_an_error_after_all_else_is_done(
    bed: RegistryBed,
) -> None:
    bed.cloud.seed("users", ID, {"endpoint": URL, "stage": STAGE})
    bed.cloud.propagation_seconds = 1000

    with pytest.raises(RegistrationError, match="the record is removed, but lookups still see it after 10 s"):
        await bed.deregister("users", timeout_seconds=10)

    assert bed.mirror.writes == [("users", STAGE, ())]
    assert bed.forgotten == [Key("services", "users", STAGE)]


async def test_a_record_that_was_registered_a_moment_ago_goes_although_nothing_shows_it_yet(
    bed: RegistryBed,
) -> None:
    bed.cloud.listing_lag_seconds = 6
    bed.cloud.propagation_seconds = 8
    await bed.register("users", URL, wait=False)

    assert await bed.deregister("users") is True

    assert bed.cloud.has("users") == {}


async def test_a_record_that_somebody_else_removed_meanwhile_is_false_in_the_end(bed: RegistryBed) -> None:
    bed.cloud.listing_lag_seconds = 1
    await bed.register("users", URL, wait=False)
    bed.cloud.services.clear()
    bed.cloud.seed_service("users")

    assert await bed.deregister("users") is False

    assert sum(bed.clock.slept) < 30


async def test_deregistering_twice_is_true_and_then_false(bed: RegistryBed) -> None:
    await bed.register("users", URL)

    assert await bed.deregister("users") is True
    assert await bed.deregister("users") is False
    assert sum(bed.clock.slept) < 1


async def test_a_record_can_come_back(bed: RegistryBed) -> None:
    await bed.register("users", URL)
    await bed.deregister("users")

    await bed.register("users", "https://back.test")

    assert bed.cloud.has("users")[ID]["endpoint"] == "https://back.test"
    assert bed.mirror.holds == ["https://back.test"]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"service_or_instance": "a b"}, "service"),
        ({"service_or_instance": None}, "service"),
        ({"service_or_instance": "users", "stage": "A>B"}, "stage"),
        ({"service_or_instance": "users", "version": "v1"}, "version"),
        ({"service_or_instance": Instance("users", URL), "stage": "-"}, "stage"),
        ({"service_or_instance": Instance("users", URL), "variant": "blue"}, "variant"),
        ({"service_or_instance": "users", "owner": ""}, "owner"),
        ({"service_or_instance": "users", "owner_ref": 7}, "owner_ref"),
        ({"service_or_instance": "users", "timeout_seconds": -1}, "timeout_seconds"),
    ],
)
async def test_wrong_values_are_errors_before_any_call(
    bed: RegistryBed, arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidValueError) as caught:
        await bed.deregister(**arguments)

    assert caught.value.field == field
    assert bed.cloud.transport.calls == []
