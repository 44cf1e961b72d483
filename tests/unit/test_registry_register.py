"""Registering writes one record, idempotently, checked before any call."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cloudmap_discovery.errors import (
    InvalidValueError,
    RegistrationError,
    ThrottledError,
)
from cloudmap_discovery.events import MirrorFailed, Registered
from cloudmap_discovery.model import Instance, Key, record_id
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


async def test_a_failed_operation_writes_no_mirror_and_tells_nobody(bed: RegistryBed) -> None:
    bed.cloud.seed_service("users")
    bed.cloud.failures.append(("INTERNAL_FAILURE", "It broke."))

    with pytest.raises(RegistrationError, match="INTERNAL_FAILURE: It broke"):
        await bed.register("users", URL)

    assert bed.mirror.writes == []
    assert bed.events == []


async def test_listeners_hear_of_it(bed: RegistryBed) -> None:
    await bed.register("users", URL, owner="me")

    assert bed.events == [Registered("users", STAGE, ID, URL, "me")]


async def test_a_mirror_that_fails_is_an_event_and_not_a_failure(bed: RegistryBed) -> None:
    bed.mirror.failure = ThrottledError("slow down")

    instance = await bed.register("users", URL)

    assert instance.endpoint == URL
    assert MirrorFailed("users", STAGE, "memory", "slow down") in bed.events


async def test_what_is_held_is_forgotten_again_once_the_mirrors_are_written() -> None:
    bed = RegistryBed()
    before: list[int] = []
    bed.mirror.on_write = lambda: before.append(bed.forgets)

    instance = await bed.register("users", "https://users.test")
    after_registering = bed.forgets
    await bed.deregister(instance)

    # A lookup in between may have read a mirror that did not have the change yet.
    assert (before, after_registering, bed.forgets) == ([1, 3], 2, 4)
