"""`Custom::ServiceEndpoint`: whose record it is, when resources, stacks and lists change."""

from __future__ import annotations

from typing import Any

import pytest

from cloudmap_discovery.errors import OwnershipError, ThrottledError
from cloudmap_discovery.registrar.resource import NotPermittedError
from tests.unit.registrar_bed import OWNER, STACK, URL, RegistrarBed

USERS: dict[str, Any] = {"Service": "users", "Endpoint": URL, "Stage": "Production"}
OTHER_STACK = STACK.replace("users-prod", "users-green")


def throttled() -> ThrottledError:
    return ThrottledError("too fast", code="ThrottlingException", service="servicediscovery")


async def test_a_renamed_resource_keeps_its_record_when_the_old_name_is_cleaned_up() -> None:
    bed = RegistrarBed()
    created = await bed.ask("Create", **USERS, logical_id="Old")
    renamed = await bed.ask("Create", **USERS, logical_id="New")

    outcome = await bed.ask("Delete", **USERS, logical_id="Old", physical=created.physical_id)

    assert renamed.physical_id == created.physical_id
    assert outcome.note == f"the record stays: it is {OWNER}'s (New) by now"
    assert bed.registered == {"users/Production": URL}


async def test_a_stack_that_is_created_anew_takes_its_orphan_over() -> None:
    bed = RegistrarBed()
    await bed.ask("Create", **USERS)

    await bed.ask("Create", **USERS | {"Endpoint": "https://anew.test"}, stack=f"{STACK}-another-id")

    assert bed.registered == {"users/Production": "https://anew.test"}


async def test_another_stacks_record_is_not_touched_without_adopt() -> None:
    bed = RegistrarBed()
    await bed.ask("Create", **USERS)

    with pytest.raises(OwnershipError, match="set Adopt: true to take it over"):
        await bed.ask("Create", **USERS | {"Endpoint": "https://green.test"}, stack=OTHER_STACK)

    assert bed.registered == {"users/Production": URL}


async def test_adopt_takes_over_and_the_former_owners_delete_leaves_it() -> None:
    bed = RegistrarBed()
    blue = await bed.ask("Create", **USERS)
    green = USERS | {"Endpoint": "https://green.test", "Adopt": "true"}

    await bed.ask("Create", **green, stack=OTHER_STACK)
    outcome = await bed.ask("Delete", **USERS, physical=blue.physical_id)
    await bed.ask("Delete", **green, stack=OTHER_STACK, physical=blue.physical_id)

    assert "users-green" in outcome.note
    assert bed.cloud.has("users") == {}


async def test_a_take_over_waits_while_callers_hold_the_former_address() -> None:
    bed = RegistrarBed()
    await bed.ask("Create", **USERS)
    before = bed.clock.monotonic()

    await bed.ask("Create", **USERS | {"Endpoint": "https://green.test", "Adopt": "true"}, stack=OTHER_STACK)

    assert bed.clock.monotonic() - before >= 120


async def test_a_take_over_that_is_rolled_back_gives_the_record_back() -> None:
    bed = RegistrarBed()
    await bed.ask("Create", **USERS, Weight="40", Attributes={"color": "blue"})
    before = dict(bed.cloud.has("users"))
    green = USERS | {"Endpoint": "https://green.test", "Adopt": "true"}
    adopted = await bed.ask("Create", **green, stack=OTHER_STACK)
    await bed.ask("Update", **green, Weight="7", stack=OTHER_STACK, physical=adopted.physical_id)

    outcome = await bed.ask("Delete", **green, stack=OTHER_STACK, physical=adopted.physical_id)

    assert outcome.note == f"the record is {OWNER}'s (Users) again, from whom it was taken over"
    assert bed.cloud.has("users") == before


async def test_a_record_too_large_to_remember_the_former_one_is_taken_over_all_the_same() -> None:
    bed = RegistrarBed()
    await bed.ask("Create", **USERS)
    large = {f"key-{number}": "x" * 1000 for number in range(4)} | {"rest": "y" * 750}

    await bed.ask("Create", **USERS, Attributes=large, Adopt="true", stack=OTHER_STACK)

    (record,) = bed.cloud.has("users").values()
    assert record["rest"]
    assert "adopted-from" not in record


async def test_services_and_stages_that_are_not_on_the_list_are_refused() -> None:
    bed = RegistrarBed(registrar_stages=("Staging", "pr-*"))

    with pytest.raises(NotPermittedError, match="does not register stage 'Production'"):
        await bed.ask("Create", **USERS)

    assert bed.cloud.transport.calls == []


async def test_a_list_that_became_shorter_does_not_keep_a_stack_from_going() -> None:
    bed = RegistrarBed()
    created = await bed.ask("Create", **USERS)
    later = RegistrarBed(bed.cloud, registrar_services=("payments",))

    await later.ask("Delete", **USERS, physical=created.physical_id)

    assert bed.cloud.has("users") == {}


async def test_a_resource_of_an_earlier_namespace_is_removed_there() -> None:
    bed = RegistrarBed()
    created = await bed.ask("Create", **USERS)
    later = RegistrarBed(bed.cloud, namespace="moved")

    await later.ask("Delete", **USERS, physical=created.physical_id)

    assert bed.cloud.has("users") == {}
