"""fake_registry stands in for AWS in users' own unit tests, in two lines."""

from __future__ import annotations

from typing import Any

import pytest

import cloudmap_discovery
from cloudmap_discovery import sync
from cloudmap_discovery.api import process
from cloudmap_discovery.errors import (
    DiscoveryUnavailableError,
    InvalidValueError,
    ServiceNotFoundError,
    StoreTimeoutError,
    ThrottledError,
)
from cloudmap_discovery.handler import async_handler
from cloudmap_discovery.testing import fake_registry


@async_handler
async def handler(event: dict[str, Any], _context: object) -> str:
    return (await cloudmap_discovery.discover(event["name"], stage=event.get("stage"))).url


def test_a_handler_is_tested_in_two_lines() -> None:
    with fake_registry({"users": "https://users.test"}):
        assert handler({"name": "users"}, None) == "https://users.test"


def test_records_without_a_stage_are_found_in_every_stage() -> None:
    with fake_registry({"users": "https://users.test"}):
        for stage in (None, "-", "Production"):
            assert sync.discover("users", stage=stage).endpoint == "https://users.test"


def test_the_environment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCOVERY_TTL", "not a number")

    with fake_registry({"users": "https://users.test"}):
        assert sync.discover("users").endpoint == "https://users.test"


def test_outside_the_block_everything_is_as_it_was() -> None:
    before = process._core, process.held, process.held_all

    with fake_registry({"users": "https://users.test"}):
        inside = process._core
        with fake_registry({"users": "https://inner.test"}):
            assert sync.discover("users").endpoint == "https://inner.test"
        assert sync.discover("users").endpoint == "https://users.test"
        assert process._core is inside

    assert (process._core, process.held, process.held_all) == before


def test_outside_the_block_everything_is_as_it_was_also_after_an_exception() -> None:
    before = process._core

    with pytest.raises(ServiceNotFoundError), fake_registry():
        sync.discover("users")

    assert process._core is before


def test_records_put_and_removed_meanwhile_count_at_once() -> None:
    with fake_registry() as registry:
        with pytest.raises(ServiceNotFoundError):
            sync.discover("users")
        registry.put("users", "https://users.test")
        assert sync.discover("users").endpoint == "https://users.test"
        registry.put("users", "https://staging.test", stage="Staging", version="1.0.0")
        assert sync.discover("users", stage="Staging").endpoint == "https://staging.test"

        registry.remove("users", stage="Staging")
        assert sync.discover("users", stage="Staging").endpoint == "https://users.test"
        registry.remove("users")
        with pytest.raises(ServiceNotFoundError):
            sync.discover("users")


def test_an_outage_leaves_what_is_held_and_fails_the_rest_until_it_heals() -> None:
    with fake_registry({"users": "https://users.test", "orders": "https://orders.test"}) as registry:
        sync.discover("users")
        registry.fail(ThrottledError("Rate exceeded"))
        registry.advance(3600)

        answer = sync.discover_all("users")
        with pytest.raises(DiscoveryUnavailableError, match="Rate exceeded"):
            sync.discover("orders")
        registry.heal()

        assert (answer[0].endpoint, answer.stale) == ("https://users.test", True)
        assert sync.discover("orders").endpoint == "https://orders.test"
        assert not sync.discover_all("users").stale


def test_what_was_asked_tells_lookups_that_were_not_cached() -> None:
    with fake_registry({"users": "https://users.test"}, stage="Production") as registry:
        for _ in range(3):
            sync.discover("users")
        sync.discover("users", stage="Staging")

        assert registry.asked == [("users", "Production"), ("users", "Staging")]


def test_code_that_registers_is_tested_too() -> None:
    with fake_registry(stage="Production") as registry:
        written = sync.register("users", "https://users.test", version="1.2.0")

        assert sync.discover("users") == written
        assert registry.records == (written,)
        assert sync.services() == ["users"]
        assert sync.deregister(written)
        assert not sync.deregister(written)
        assert len(registry.records) == 0


def test_registering_during_an_outage_fails_as_it_would() -> None:
    with fake_registry() as registry:
        registry.fail(StoreTimeoutError("unreachable"))

        with pytest.raises(StoreTimeoutError):
            sync.register("users", "https://users.test", stage="Production")


@pytest.mark.parametrize(
    ("service", "endpoint", "stage"),
    [("", "https://a.test", "x"), ("users", "with space", "x"), ("users", "https://a.test", "a b")],
)
def test_records_that_could_not_be_registered_are_refused(service: str, endpoint: str, stage: str) -> None:
    with fake_registry() as registry, pytest.raises(InvalidValueError):
        registry.put(service, endpoint, stage=stage)


def test_services_lists_what_a_stage_has() -> None:
    with fake_registry({"users": "https://users.test"}, stage="Production") as registry:
        registry.put("orders", "https://orders.test", stage="Staging")

        assert sync.services(stage="Production") == ["users"]
        assert sync.services(stage="Staging") == ["orders"]


async def test_a_fake_registry_takes_a_ladder_as_its_stage() -> None:
    with fake_registry(stage="pr-7>Production") as registry:
        registry.put("users", "https://users.test", stage="Production", version="1.4.2")
        registry.put("users", "https://acme.test", stage="Production", version="1.5.0", tenant="acme")

        found = await cloudmap_discovery.discover("users", version="^1")
        tenants = await cloudmap_discovery.discover("users", tenant="acme")
        names = await cloudmap_discovery.services()
        with pytest.raises(InvalidValueError, match="written to one stage"):
            await cloudmap_discovery.register("orders", "https://orders.test")

    assert (found.endpoint, found.stage) == ("https://users.test", "Production")
    assert (tenants.endpoint, names) == ("https://acme.test", ["users"])
