"""`Custom::ServiceEndpoint`: what becomes of the registry when stacks come, change and go."""

from __future__ import annotations

from typing import Any

import pytest

from cloudmap_discovery.errors import RegistrationError, RemoteError, ThrottledError
from cloudmap_discovery.registrar.properties import WrongPropertiesError
from cloudmap_discovery.registrar.resource import NotPermittedError, TargetMissingError
from tests.unit.fake_functions import arn_of
from tests.unit.fake_transport import remote
from tests.unit.registrar_bed import OWNER, STACK, URL, RegistrarBed

USERS: dict[str, Any] = {"Service": "users", "Endpoint": URL, "Stage": "Production"}
OTHER_STACK = STACK.replace("users-prod", "users-green")


def throttled() -> ThrottledError:
    return ThrottledError("too fast", code="ThrottlingException", service="servicediscovery")


async def test_create_registers_for_the_stack_under_the_logical_id() -> None:
    bed = RegistrarBed()

    outcome = await bed.ask(
        "Create",
        **USERS,
        Version="1.2.0",
        Tenant="acme",
        Variant="blue",
        Weight="20",
        Attributes={"color": "blue"},
        Dependencies=["payments@^1.2", "mail"],
    )

    ((instance_id, record),) = bed.cloud.has("users").items()
    assert record.pop("registered-at")
    assert record == {
        "endpoint": URL,
        "stage": "Production",
        "version": "1.2.0",
        "tenant": "acme",
        "variant": "blue",
        "weight": "20",
        "color": "blue",
        "depends-on": "payments@^1.2,mail",
        "owner": OWNER,
        "owner-ref": "Users",
        "owner-stack": "5a1c",
    }
    service = bed.cloud.service("users")
    assert service is not None
    assert outcome.physical_id == f"services/users/{instance_id}"
    assert outcome.data == {
        "InstanceId": instance_id,
        "ServiceArn": service.arn,
        "Service": "users",
        "Stage": "Production",
        "Endpoint": URL,
        "Namespace": "services",
    }


async def test_a_service_that_is_created_is_marked_as_the_registrars() -> None:
    bed = RegistrarBed()

    await bed.ask("Create", **USERS)

    service = bed.cloud.service("users")
    assert service is not None
    assert service.tags == {"cloudmap-discovery:created-by": "registrar"}


async def test_a_create_does_not_wait_for_callers_since_there_are_none() -> None:
    bed = RegistrarBed()

    await bed.ask("Create", **USERS, DrainSeconds="600")

    assert sum(bed.clock.slept) < 5


async def test_wrong_properties_are_told_all_at_once_and_nothing_is_called() -> None:
    bed = RegistrarBed()

    with pytest.raises(WrongPropertiesError) as caught:
        await bed.ask("Create", Service="no good", Stage="Production", Weigth="3")

    assert len(caught.value.faults) == 3
    assert bed.cloud.transport.calls == []


async def test_an_update_of_the_endpoint_keeps_the_id_and_waits_while_callers_hold_the_old_one() -> None:
    bed = RegistrarBed(ttl=60.0, stale_while_revalidate=30.0)
    created = await bed.ask("Create", **USERS)
    before = bed.clock.monotonic()

    updated = await bed.ask(
        "Update", **USERS | {"Endpoint": "https://new.test"}, old=USERS, physical=created.physical_id
    )

    assert updated.physical_id == created.physical_id
    assert bed.registered == {"users/Production": "https://new.test"}
    assert 90 <= bed.clock.monotonic() - before < 100


@pytest.mark.parametrize(("drain", "seconds"), [("0", 0), ("7.5", 7.5), (None, 120)])
async def test_how_long_an_update_waits_can_be_said(drain: str | None, seconds: float) -> None:
    bed = RegistrarBed()
    created = await bed.ask("Create", **USERS)
    before = bed.clock.monotonic()
    more: dict[str, Any] = {} if drain is None else {"DrainSeconds": drain}

    await bed.ask("Update", **USERS | {"Endpoint": "https://new.test"}, **more, physical=created.physical_id)

    assert seconds <= bed.clock.monotonic() - before < seconds + 5


async def test_an_update_that_leaves_the_endpoint_does_not_wait() -> None:
    bed = RegistrarBed()
    created = await bed.ask("Create", **USERS)
    before = bed.clock.monotonic()

    await bed.ask("Update", **USERS, Weight="5", old=USERS, physical=created.physical_id)

    assert bed.clock.monotonic() - before < 5
    (record,) = bed.cloud.has("users").values()
    assert record["weight"] == "5"


async def test_waiting_ends_with_the_functions_time_and_says_so() -> None:
    bed = RegistrarBed()
    created = await bed.ask("Create", **USERS)

    updated = await bed.ask(
        "Update",
        **USERS | {"Endpoint": "https://new.test", "DrainSeconds": "800"},
        physical=created.physical_id,
        seconds=100,
    )

    assert updated.note == "waited 98 s instead of 800 s for callers: the function's time is up"


async def test_a_new_version_is_another_resource_and_the_old_record_goes_with_the_clean_up() -> None:
    bed = RegistrarBed()
    old = USERS | {"Version": "1.0.0"}
    new = USERS | {"Version": "2.0.0", "Endpoint": "https://v2.test"}
    created = await bed.ask("Create", **old)

    updated = await bed.ask("Update", **new, old=old, physical=created.physical_id)
    both = len(bed.cloud.has("users"))
    await bed.ask("Delete", **old, physical=created.physical_id)

    assert updated.physical_id != created.physical_id
    assert both == 2
    assert [record["version"] for record in bed.cloud.has("users").values()] == ["2.0.0"]


async def test_a_rollback_restores_the_record_that_was_there() -> None:
    bed = RegistrarBed()
    old, new = USERS | {"Version": "1.0.0"}, USERS | {"Version": "2.0.0"}
    created = await bed.ask("Create", **old)
    before = dict(bed.cloud.has("users"))
    updated = await bed.ask("Update", **new, old=old, physical=created.physical_id)

    back = await bed.ask("Update", **old, old=new, physical=updated.physical_id)
    await bed.ask("Delete", **new, physical=updated.physical_id)

    assert back.physical_id == created.physical_id
    assert bed.cloud.has("users") == before


async def test_a_rollback_of_the_endpoint_restores_it() -> None:
    bed = RegistrarBed()
    created = await bed.ask("Create", **USERS)
    new = USERS | {"Endpoint": "https://new.test"}
    await bed.ask("Update", **new, old=USERS, physical=created.physical_id)

    await bed.ask("Update", **USERS, old=new, physical=created.physical_id)

    assert bed.registered == {"users/Production": URL}


async def test_a_failed_update_leaves_no_record_under_an_id_that_cloudformation_never_learns() -> None:
    bed = RegistrarBed()
    old, new = USERS | {"Version": "1.0.0"}, USERS | {"Version": "2.0.0"}
    created = await bed.ask("Create", **old)
    bed.cloud.transport.answer("GetService", remote("InvalidInput"))

    with pytest.raises(RemoteError):
        await bed.ask("Update", **new, old=old, physical=created.physical_id)

    assert [record["version"] for record in bed.cloud.has("users").values()] == ["1.0.0"]


async def test_what_a_failed_update_left_all_the_same_goes_with_the_rollback() -> None:
    bed = RegistrarBed()
    old, new = USERS | {"Version": "1.0.0"}, USERS | {"Version": "2.0.0"}
    created = await bed.ask("Create", **old)
    # The function was ended after it had written, so CloudFormation knows the old id only.
    await bed.ask("Update", **new, old=old, physical=created.physical_id)

    await bed.ask("Update", **old, old=new, physical=created.physical_id)

    assert [record["version"] for record in bed.cloud.has("users").values()] == ["1.0.0"]


async def test_delete_removes_the_record_and_waits_until_cloud_map_has_done_it() -> None:
    bed = RegistrarBed()
    created = await bed.ask("Create", **USERS)
    bed.cloud.operation_seconds = 4.0

    deleted = await bed.ask("Delete", **USERS, physical=created.physical_id)

    assert bed.cloud.has("users") == {}
    assert deleted.physical_id == created.physical_id
    assert bed.count("GetOperation") > 2


async def test_delete_of_what_is_gone_succeeds_but_only_after_it_could_have_spread() -> None:
    bed = RegistrarBed()
    created = await bed.ask("Create", **USERS)
    await bed.ask("Delete", **USERS, physical=created.physical_id)
    before = bed.clock.monotonic()

    again = await bed.ask("Delete", **USERS, physical=created.physical_id)

    assert again.note == "the record was not there any more"
    assert bed.clock.monotonic() - before >= 15


async def test_a_record_that_has_not_spread_yet_is_waited_for_so_that_none_is_left_behind() -> None:
    cloud = RegistrarBed().cloud
    cloud.listing_lag_seconds = cloud.propagation_seconds = 9.0
    creator, remover = RegistrarBed(cloud), RegistrarBed(cloud)
    with pytest.raises(RegistrationError):
        await creator.ask("Create", **USERS, seconds=1.0)

    # Another sandbox, which knows nothing of what was written.
    await remover.ask("Delete", **USERS, physical="not-registered/Users/b7d0")

    assert cloud.has("users") == {}


async def test_a_failed_create_is_deleted_by_its_properties() -> None:
    bed = RegistrarBed()
    await bed.ask("Create", **USERS)

    await bed.ask("Delete", **USERS, physical="users-prod-Users-1ABCDEF")

    assert bed.cloud.has("users") == {}


@pytest.mark.parametrize("properties", [{"Service": "no good"}, {}, {"Service": "users", "Stage": "a>b"}])
async def test_the_delete_of_what_was_never_right_succeeds_without_a_call(properties: dict[str, Any]) -> None:
    bed = RegistrarBed()

    outcome = await bed.ask("Delete", **properties, physical="not-registered/Users/b7d0")

    assert outcome.note == "nothing was registered"
    assert bed.cloud.transport.calls == []


async def test_a_delete_waits_for_callers_only_where_that_is_said() -> None:
    bed = RegistrarBed()
    created = await bed.ask("Create", **USERS)
    before = bed.clock.monotonic()

    await bed.ask("Delete", **USERS, DrainSeconds="60", physical=created.physical_id)

    assert 60 <= bed.clock.monotonic() - before < 65


async def test_verify_refuses_what_does_not_exist_before_anything_is_written() -> None:
    bed = RegistrarBed()

    with pytest.raises(TargetMissingError, match="there is no such function"):
        await bed.ask("Create", **USERS | {"Endpoint": arn_of("nowhere"), "Verify": "true"})

    assert bed.count("RegisterInstance") == 0


async def test_verify_passes_what_exists() -> None:
    bed = RegistrarBed()
    function = bed.lambdas.add("users")

    await bed.ask("Create", **USERS | {"Endpoint": function, "Verify": "true"})

    assert bed.registered == {"users/Production": function}


async def test_a_resource_of_another_type_is_refused_and_its_delete_succeeds() -> None:
    bed = RegistrarBed()
    event = {"ResourceType": "Custom::Something"}

    with pytest.raises(NotPermittedError, match="Custom::ServiceEndpoint, not Custom::Something"):
        await bed.ask_as(event, "Create", **USERS)
    outcome = await bed.ask_as(event, "Delete", **USERS, physical="whatever")

    assert outcome.note == "nothing was registered"


async def test_throttling_is_sat_out_as_long_as_there_is_time() -> None:
    bed = RegistrarBed()
    answers = [throttled()] * 6
    bed.cloud.transport.answer("RegisterInstance", *answers, bed.cloud._RegisterInstance)

    await bed.ask("Create", **USERS)

    assert bed.registered == {"users/Production": URL}


async def test_throttling_to_the_end_is_an_error_that_says_so() -> None:
    bed = RegistrarBed()
    bed.cloud.transport.answer("RegisterInstance", throttled())

    with pytest.raises(ThrottledError):
        await bed.ask("Create", **USERS, seconds=60)


async def test_a_failed_operation_of_cloud_map_is_told_in_aws_words() -> None:
    bed = RegistrarBed()
    bed.cloud.failures = [("ACCESS_DENIED", "not allowed to do that")]

    with pytest.raises(RegistrationError, match="ACCESS_DENIED: not allowed to do that"):
        await bed.ask("Create", **USERS)
