"""A plan says what would be done, and nothing is done."""

from __future__ import annotations

import pytest

from cloudmap_discovery.errors import InvalidValueError, OwnershipError
from cloudmap_discovery.model import Instance, record_id
from tests.unit.registry_bed import STAGE, URL, RegistryBed

ID = record_id("users", STAGE, None, None, None)
WRITING = {"CreateHttpNamespace", "CreateService", "RegisterInstance", "DeregisterInstance"}


@pytest.fixture
def bed() -> RegistryBed:
    return RegistryBed()


def nothing_was_written(bed: RegistryBed) -> bool:
    return not WRITING & set(bed.cloud.transport.operations) and not (bed.mirror.writes or bed.events)


async def test_the_first_record_would_create_all_that_is_missing(bed: RegistryBed) -> None:
    plan = await bed.registry.plan_register("users", URL)

    assert nothing_was_written(bed)
    assert (plan.action, plan.creates_namespace, plan.creates_service, plan.present) == (
        "create",
        True,
        True,
        None,
    )
    assert plan.steps() == (
        "create namespace 'services'",
        "create service 'users' in namespace 'services'",
        f"register {URL} as record {ID} of 'users' (stage Production)",
        "rewrite mirror memory",
    )


async def test_what_would_be_written_is_what_is_written(bed: RegistryBed) -> None:
    plan = await bed.registry.plan_register(
        "users", URL, version="1.0.0", weight=5, attributes={"a": "b"}, owner="me"
    )

    written = await bed.register("users", URL, version="1.0.0", weight=5, attributes={"a": "b"}, owner="me")

    assert plan.written == written


async def test_only_what_is_missing_would_be_created(bed: RegistryBed) -> None:
    bed.cloud.seed_service("others")

    plan = await bed.registry.plan_register("users", URL, stage="-")

    assert (plan.creates_namespace, plan.creates_service) == (False, True)
    assert plan.steps()[0] == "create service 'users' in namespace 'services'"
    assert "(no stage)" in plan.steps()[1]


async def test_an_update_shows_what_changes(bed: RegistryBed) -> None:
    present = await bed.register("users", URL)
    before = bed.cloud.has("users")

    plan = await bed.registry.plan_register("users", "https://new.test")

    assert bed.cloud.has("users") == before
    assert (plan.action, plan.present) == ("update", present)
    assert (
        plan.steps()[0] == f"update record {ID} of 'users' (stage Production) from {URL} to https://new.test"
    )


async def test_an_update_of_something_else_than_the_endpoint_names_the_endpoint(bed: RegistryBed) -> None:
    await bed.register("users", URL)

    plan = await bed.registry.plan_register("users", URL, weight=1)

    assert (plan.action, plan.steps()[0]) == (
        "update",
        f"update record {ID} of 'users' (stage Production): {URL}",
    )


async def test_the_same_again_is_unchanged(bed: RegistryBed) -> None:
    await bed.register("users", URL)
    bed.clock.advance(100)

    plan = await bed.registry.plan_register("users", URL)

    assert plan.action == "unchanged"
    assert plan.steps()[0] == f"write record {ID} of 'users' (stage Production) again as it is: {URL}"


async def test_the_record_of_another_owner_would_be_refused(bed: RegistryBed) -> None:
    await bed.register("users", URL, owner="them")

    refused = await bed.registry.plan_register("users", URL)
    adopted = await bed.registry.plan_register("users", URL, adopt=True)

    assert isinstance(refused.refusal, OwnershipError)
    assert refused.steps() == (
        "fail: the record belongs to them, not to manual: pass adopt=True to take it over",
    )
    assert (adopted.refusal, adopted.action) == (None, "update")


async def test_a_malformed_record_in_the_way_would_be_replaced(bed: RegistryBed) -> None:
    bed.cloud.seed("users", ID, {"stage": STAGE})

    plan = await bed.registry.plan_register("users", URL)

    assert (plan.action, plan.present) == ("update", None)


async def test_wrong_values_are_errors_before_any_call(bed: RegistryBed) -> None:
    with pytest.raises(InvalidValueError):
        await bed.registry.plan_register("users", "a b")
    with pytest.raises(InvalidValueError):
        await bed.registry.plan_deregister("a b")

    assert bed.cloud.transport.calls == []


async def test_removing_says_which_record_would_go(bed: RegistryBed) -> None:
    present = await bed.register("users", URL)
    bed.mirror.writes.clear()
    bed.events.clear()

    plan = await bed.registry.plan_deregister("users")

    assert (plan.action, plan.present) == ("remove", present)
    assert plan.steps() == (f"remove record {ID} of 'users' (stage Production)", "rewrite mirror memory")
    assert ID in bed.cloud.has("users")
    assert bed.mirror.writes == []


async def test_removing_what_is_not_there_would_do_nothing(bed: RegistryBed) -> None:
    plan = await bed.registry.plan_deregister(Instance("users", URL, id="i-0abc"))

    assert nothing_was_written(bed)
    assert plan.action == "nothing"
    assert plan.steps() == ("do nothing: there is no record i-0abc of 'users' (no stage)",)


async def test_removing_the_record_of_another_owner_would_be_refused(bed: RegistryBed) -> None:
    await bed.register("users", URL, owner="them", owner_ref="One")

    refused = await bed.registry.plan_deregister("users", owner="them", owner_ref="Two")
    allowed = await bed.registry.plan_deregister("users", owner="them", owner_ref="One")

    assert refused.steps()[0].startswith("fail: the record belongs to them (One), not to them (Two)")
    assert allowed.refusal is None
