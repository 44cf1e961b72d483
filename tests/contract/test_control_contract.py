"""What writes and lists records, the shipped fake included, keeps one contract."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import pytest

from cloudmap_discovery.deadline import Deadline
from cloudmap_discovery.stores.cloud_map_control import CloudMapControl
from cloudmap_discovery.testing import FakeControl, FakeStore
from cloudmap_discovery.transport.sdk import SdkTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cloudmap_discovery.stores.control_port import Control
    from tests.standin.stand_in import StandIn

NAMESPACE: Final = "services"
BLUE: Final = {"endpoint": "https://blue.test", "stage": "Production", "weight": "100", "color": "blue"}
GREEN: Final = {"endpoint": "https://green.test", "stage": "Production", "weight": "50"}


@pytest.fixture(params=["cloudmap", "fake"])
async def control(
    request: pytest.FixtureRequest, aws: StandIn, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Control]:
    if request.param == "fake":
        yield FakeControl(FakeStore())
        return
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)  # the SDK reads the environment itself
    transport = SdkTransport(endpoint_url=aws.url, region=aws.region)
    yield CloudMapControl(transport)
    await transport.aclose()


def soon() -> Deadline:
    return Deadline(30, monotonic=time.monotonic, sleep=asyncio.sleep, random=lambda: 0.5)


async def test_nothing_is_there_at_first(control: Control) -> None:
    assert await control.services(NAMESPACE, soon()) == ()
    assert not await control.has_service(NAMESPACE, "users", soon())
    assert await control.instance(NAMESPACE, "users", "a", soon()) is None
    assert await control.instances(NAMESPACE, "users", soon()) == ()
    assert await control.discoverable(NAMESPACE, "users", {"stage": "Production"}, soon()) == ()


async def test_what_was_registered_is_there_with_exactly_its_attributes(control: Control) -> None:
    await control.register(NAMESPACE, "users", "b", GREEN, soon())
    await control.register(NAMESPACE, "users", "a", BLUE, soon())

    entries = await control.instances(NAMESPACE, "users", soon())
    one = await control.instance(NAMESPACE, "users", "a", soon())

    assert [(entry.id, dict(entry.attributes)) for entry in entries] == [("a", BLUE), ("b", GREEN)]
    assert one == entries[0]
    assert await control.has_namespace(NAMESPACE, soon())
    assert await control.has_service(NAMESPACE, "users", soon())


async def test_registering_again_replaces_all_attributes(control: Control) -> None:
    await control.register(NAMESPACE, "users", "a", BLUE, soon())

    await control.register(NAMESPACE, "users", "a", GREEN, soon())
    entries = await control.instances(NAMESPACE, "users", soon())

    assert [dict(entry.attributes) for entry in entries] == [GREEN]


async def test_services_are_listed_by_name(control: Control) -> None:
    await control.register(NAMESPACE, "users", "a", BLUE, soon())
    await control.register(NAMESPACE, "orders", "a", BLUE, soon())

    assert await control.services(NAMESPACE, soon()) == ("orders", "users")


async def test_what_lookups_see_is_asked_for_by_attributes(control: Control) -> None:
    await control.register(NAMESPACE, "users", "a", BLUE, soon())
    await control.register(NAMESPACE, "users", "b", {**GREEN, "stage": "Staging"}, soon())

    seen = await control.discoverable(NAMESPACE, "users", {"stage": "Staging"}, soon())

    assert [entry.id for entry in seen] == ["b"]


async def test_deregistering_says_whether_it_was_there(control: Control) -> None:
    await control.register(NAMESPACE, "users", "a", BLUE, soon())

    removed = [await control.deregister(NAMESPACE, "users", "a", soon()) for _ in range(2)]

    assert removed == [True, False]
    assert not await control.deregister(NAMESPACE, "nobody", "a", soon())
    assert await control.instances(NAMESPACE, "users", soon()) == ()
