"""One record is read by its id through the control plane, as it is there now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import AccessDeniedError, InvalidValueError, StoreTimeoutError
from cloudmap_discovery.model import Instance
from tests.unit.fake_transport import remote
from tests.unit.registry_bed import RegistryBed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudmap_discovery.errors import RemoteError


async def test_a_record_is_read_by_its_id_with_one_call() -> None:
    bed = RegistryBed()
    bed.cloud.seed("users", "a/b:c", {"endpoint": "https://a.test", "stage": "Staging", "color": "blue"})
    await bed.registry.record("users", "a/b:c")
    bed.cloud.transport.calls.clear()

    record = await bed.registry.record("users", "a/b:c")

    assert record == Instance(
        "users", "https://a.test", stage="Staging", attributes={"color": "blue"}, id="a/b:c"
    )
    assert bed.cloud.transport.operations == ["GetInstance"]


@pytest.mark.parametrize(("service", "instance_id"), [("users", "b"), ("orders", "a"), ("users", "bad")])
async def test_what_is_not_there_or_has_no_address_is_none(service: str, instance_id: str) -> None:
    bed = RegistryBed()
    bed.cloud.seed("users", "a", {"endpoint": "https://a.test"})
    bed.cloud.seed("users", "bad", {"stage": "Staging"})

    assert await bed.registry.record(service, instance_id) is None


async def test_a_namespace_that_is_not_there_has_no_record_and_is_not_created() -> None:
    bed = RegistryBed()

    assert await bed.registry.record("users", "a") is None
    assert bed.cloud.namespaces == {}


@pytest.mark.parametrize(("service", "instance_id"), [("a b", "a"), ("users", ""), ("users", "x" * 65)])
async def test_what_can_be_nobodys_id_is_an_error_before_any_call(service: str, instance_id: str) -> None:
    bed = RegistryBed()

    with pytest.raises(InvalidValueError):
        await bed.registry.record(service, instance_id)

    assert bed.cloud.transport.calls == []


async def test_a_failure_is_a_store_error() -> None:
    bed = RegistryBed()
    bed.cloud.seed("users", "a", {"endpoint": "https://a.test"})
    bed.cloud.transport.answer("GetInstance", AccessDeniedError("no", service="servicediscovery"))

    with pytest.raises(AccessDeniedError):
        await bed.registry.record("users", "a")


async def test_a_read_that_takes_too_long_is_a_failure_of_the_store() -> None:
    bed = RegistryBed()
    bed.cloud.seed("users", "a", {"endpoint": "https://a.test"})

    def slow(params: Mapping[str, Any]) -> RemoteError:
        del params
        bed.clock.advance(2)
        return remote("ServiceNotFound")

    await bed.registry.record("users", "a")
    bed.cloud.transport.answer("GetInstance", slow)

    with pytest.raises(StoreTimeoutError, match="reading record 'a' of 'users' took longer than 1 s"):
        await bed.registry.record("users", "a", timeout_seconds=1)
