"""Sequences of requests after which the record has to be whose it should be: renamed, copied, refused."""

from __future__ import annotations

from typing import Any

import pytest

from cloudmap_discovery.errors import OwnershipError, ThrottledError
from cloudmap_discovery.registrar.properties import WrongPropertiesError
from cloudmap_discovery.registrar.resource import NotPermittedError
from tests.unit.fake_functions import arn_of
from tests.unit.registrar_bed import STACK, URL, RegistrarBed

USERS: dict[str, Any] = {"Service": "users", "Endpoint": URL, "Stage": "Production"}
GREEN, RED = (STACK.replace("users-prod", name) for name in ("users-green", "users-red"))


def adopting(name: str) -> dict[str, Any]:
    return USERS | {"Endpoint": f"https://{name}.test", "Adopt": "true", "DrainSeconds": "0"}


# Within one stack


async def test_a_renamed_resource_that_is_rolled_back_leaves_the_record_to_the_old_name() -> None:
    bed = RegistrarBed()
    await bed.ask("Create", **USERS, logical_id="Old")
    before = dict(bed.cloud.has("users"))
    new = await bed.ask("Create", **USERS, logical_id="New")

    await bed.ask("Delete", **USERS, logical_id="New", physical=new.physical_id)

    assert bed.cloud.has("users") == before


async def test_a_renamed_resource_that_stays_has_nobody_to_give_it_back_to_and_goes_with_its_stack() -> None:
    bed = RegistrarBed()
    old = await bed.ask("Create", **USERS, logical_id="Old")
    await bed.ask("Create", **USERS, logical_id="New")
    await bed.ask("Delete", **USERS, logical_id="Old", physical=old.physical_id)

    await bed.ask("Delete", **USERS, logical_id="New", physical=old.physical_id)

    assert bed.cloud.has("users") == {}


async def test_a_copied_resource_gives_the_record_back_when_it_is_taken_away_again() -> None:
    bed = RegistrarBed()
    await bed.ask("Create", **USERS)
    copied = USERS | {"Endpoint": "https://wrong.test"}
    copy = await bed.ask("Create", **copied, logical_id="Copy")

    await bed.ask("Delete", **copied, logical_id="Copy", physical=copy.physical_id)

    assert bed.registered == {"users/Production": URL}


async def test_a_handover_within_a_stack_that_fails_half_way_leaves_everybody_his_own() -> None:
    bed = RegistrarBed()
    x, y = USERS | {"Variant": "x"}, USERS | {"Variant": "y", "Endpoint": "https://b.test"}
    a = await bed.ask("Create", **x, logical_id="A")
    await bed.ask("Create", **y, logical_id="B")
    before = dict(bed.cloud.has("users"))
    moved = x | {"Variant": "y"}

    after = await bed.ask("Update", **moved, logical_id="A", old=x, physical=a.physical_id)
    await bed.ask("Update", **x, logical_id="A", old=moved, physical=after.physical_id)
    await bed.ask("Delete", **moved, logical_id="A", physical=after.physical_id)

    assert bed.cloud.has("users") == before


async def test_two_resources_that_swap_their_identities_both_keep_a_record() -> None:
    bed = RegistrarBed()
    x, y = USERS | {"Variant": "x"}, USERS | {"Variant": "y"}
    a = await bed.ask("Create", **x, logical_id="A")
    b = await bed.ask("Create", **y, logical_id="B")

    await bed.ask("Update", **y, logical_id="A", old=x, physical=a.physical_id)
    await bed.ask("Update", **x, logical_id="B", old=y, physical=b.physical_id)
    await bed.ask("Delete", **x, logical_id="A", physical=a.physical_id)
    await bed.ask("Delete", **y, logical_id="B", physical=b.physical_id)

    owners = {record["variant"]: record["owner-ref"] for record in bed.cloud.has("users").values()}
    assert owners == {"x": "B", "y": "A"}
    assert not any("adopted-from" in record for record in bed.cloud.has("users").values())


async def test_an_orphan_that_a_new_stack_of_the_name_takes_over_goes_with_it() -> None:
    bed = RegistrarBed()
    await bed.ask("Create", **USERS, logical_id="Before")
    anew = f"{STACK}-anew"
    created = await bed.ask("Create", **USERS, stack=anew)

    await bed.ask("Delete", **USERS, stack=anew, physical=created.physical_id)

    assert bed.cloud.has("users") == {}


# Several stacks


@pytest.mark.parametrize("order", ["red first", "green first"])
async def test_whoever_took_over_from_whom_the_first_has_it_again_in_the_end(order: str) -> None:
    bed = RegistrarBed()
    blue = await bed.ask("Create", **USERS)
    for name, stack in (("green", GREEN), ("red", RED)):
        await bed.ask("Create", **adopting(name), stack=stack)
    gone = [("red", RED), ("green", GREEN)]

    for name, stack in gone if order == "red first" else reversed(gone):
        await bed.ask("Delete", **adopting(name), stack=stack, physical=blue.physical_id)

    assert bed.registered == {"users/Production": URL}
    (record,) = bed.cloud.has("users").values()
    assert not any(name.startswith("adopted-from") for name in record)


async def test_a_record_that_is_given_back_is_waited_for_since_callers_hold_the_other_address() -> None:
    bed = RegistrarBed()
    blue = await bed.ask("Create", **USERS)
    green = adopting("green")
    del green["DrainSeconds"]
    await bed.ask("Create", **green, stack=GREEN)
    before = bed.clock.monotonic()

    await bed.ask("Delete", **green, stack=GREEN, physical=blue.physical_id)

    assert bed.clock.monotonic() - before >= 120


async def test_a_record_that_hardly_fits_is_remembered_over_several_attributes() -> None:
    bed = RegistrarBed()
    await bed.ask("Create", **USERS, Attributes={"long": "x" * 1000, "more": "y" * 600})
    before = dict(bed.cloud.has("users"))
    adopted = await bed.ask("Create", **adopting("green"), stack=GREEN)

    await bed.ask("Delete", **adopting("green"), stack=GREEN, physical=adopted.physical_id)

    assert bed.cloud.has("users") == before


async def test_a_record_that_does_not_fit_is_told_of() -> None:
    bed = RegistrarBed()
    await bed.ask("Create", **USERS, Attributes={f"long-{n}": "x" * 1000 for n in range(4)})

    adopted = await bed.ask("Create", **adopting("green"), Attributes={"own": "z" * 1000}, stack=GREEN)

    assert "cannot be given back" in adopted.note


@pytest.mark.parametrize("name", ["adopted-from", "adopted-from-2", "owner-stack"])
async def test_what_the_registrar_keeps_for_itself_is_no_attribute_of_users(name: str) -> None:
    with pytest.raises(WrongPropertiesError, match="the registrar keeps this one for itself"):
        await RegistrarBed().ask("Create", **USERS, Attributes={name: "x"})


# Refused, and taken back


async def test_an_update_that_is_refused_for_another_owner_can_be_taken_back() -> None:
    bed = RegistrarBed()
    blue = await bed.ask("Create", **USERS)
    await bed.ask("Create", **adopting("green"), stack=GREEN)
    new = USERS | {"Weight": "50"}
    with pytest.raises(OwnershipError):
        await bed.ask("Update", **new, old=USERS, physical=blue.physical_id)

    back = await bed.ask("Update", **USERS, old=new, physical=blue.physical_id)

    assert back.physical_id == blue.physical_id
    assert "the record stays" in back.note
    assert bed.registered == {"users/Production": "https://green.test"}


async def test_an_update_that_is_not_permitted_any_more_can_be_taken_back() -> None:
    bed = RegistrarBed()
    created = await bed.ask("Create", **USERS)
    later = RegistrarBed.over(bed, registrar_stages=("Staging",))
    new = USERS | {"Weight": "50"}
    with pytest.raises(NotPermittedError):
        await later.ask("Update", **new, old=USERS, physical=created.physical_id)

    await later.ask("Update", **USERS, old=new, physical=created.physical_id)

    assert bed.registered == {"users/Production": URL}


async def test_an_update_can_be_taken_back_whose_target_is_gone() -> None:
    bed = RegistrarBed()
    function = bed.lambdas.add("users")
    verified = USERS | {"Endpoint": function, "Verify": "true"}
    created = await bed.ask("Create", **verified)
    del bed.lambdas.functions[arn_of("users")]
    new = verified | {"Weight": "x"}
    with pytest.raises(WrongPropertiesError):
        await bed.ask("Update", **new, old=verified, physical=created.physical_id)

    back = await bed.ask("Update", **verified, old=new, physical=created.physical_id)

    assert back.data["Endpoint"] == function


# What has not spread yet, and what throttles


async def test_a_leftover_that_has_not_spread_yet_is_removed_all_the_same() -> None:
    bed = RegistrarBed()
    created = await bed.ask("Create", **USERS)
    new = USERS | {"Version": "2.0.0"}
    # The function was ended after it had written: CloudFormation knows the old id only.
    await bed.ask("Update", **new, old=USERS, physical=created.physical_id)
    bed.cloud.listing_lag_seconds = bed.cloud.propagation_seconds = 5.0

    await RegistrarBed.over(bed).ask("Update", **USERS, old=new, physical=created.physical_id)

    bed.clock.advance(60)
    assert ["version" in record for record in bed.cloud.has("users").values()] == [False]


async def test_a_take_over_that_has_not_spread_yet_is_given_back_all_the_same() -> None:
    bed = RegistrarBed()
    await bed.ask("Create", **USERS)
    bed.clock.advance(60)
    await bed.ask("Create", **adopting("green"), stack=GREEN)
    bed.cloud.listing_lag_seconds = 5.0

    await RegistrarBed.over(bed).ask(
        "Delete", **adopting("green"), stack=GREEN, physical="not-registered/Users/b7d0"
    )

    bed.clock.advance(60)
    assert bed.registered == {"users/Production": URL}


@pytest.mark.parametrize("operation", ["GetOperation", "DiscoverInstances"])
@pytest.mark.parametrize("kind", ["Create", "Delete"])
async def test_throttling_of_whatever_is_called_is_sat_out(kind: str, operation: str) -> None:
    bed = RegistrarBed()
    physical = (await bed.ask("Create", **USERS)).physical_id if kind == "Delete" else None
    began, real = bed.clock.monotonic(), getattr(bed.cloud, f"_{operation}")

    def throttled(params: Any) -> Any:
        is_over = bed.clock.monotonic() - began >= 300
        return real(params) if is_over else ThrottledError("too fast", code="ThrottlingException")

    bed.cloud.transport.answer(operation, throttled)
    await bed.ask(kind, **USERS, physical=physical)

    assert len(bed.cloud.has("users")) == (kind == "Create")


# Tags


async def test_an_old_plan_overwrites_nobody_who_has_the_record_since() -> None:
    bed = RegistrarBed()
    gone = bed.lambdas.add("f", service="users", stage="Production")
    await bed.run()
    del bed.lambdas.functions[gone]
    bed.lambdas.add("g", service="users", stage="Production")
    read = await bed.parts.runs.read(bed.parts.core.registry.deadline(600))
    await bed.ask("Create", **USERS, Adopt="true", DrainSeconds="0")

    done = await bed.carried_out(read.plan)

    assert bed.registered == {"users/Production": URL}
    assert len(done.failed) == 1


async def test_a_function_that_moves_to_another_registrars_stage_leaves_ours() -> None:
    bed = RegistrarBed(registrar_stages=("Production",))
    staging = RegistrarBed.over(bed, registrar_stages=("Staging",))
    function = bed.lambdas.add("f", service="users", stage="Production")
    await bed.run()
    bed.lambdas.functions[function].tags["discovery:stage"] = "Staging"

    await bed.run()
    await staging.run()

    assert bed.registered == {"users/Staging": function}


async def test_a_record_that_the_list_does_not_cover_any_more_is_reported_when_its_function_is_gone() -> None:
    bed = RegistrarBed()
    function = bed.lambdas.add("f", service="users", stage="Production")
    await bed.run()
    del bed.lambdas.functions[function]

    summary = await RegistrarBed.over(bed, registrar_stages=("Staging",)).run(scheduled=True)

    assert [one.service for one in summary.gone] == ["users"]
    assert bed.registered == {"users/Production": function}
