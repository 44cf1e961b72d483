"""Instances are written and removed to the end of their operation, whatever else happens to them meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from cloudmap_discovery.errors import RegistrationError, RemoteError
from cloudmap_discovery.stores.cloud_map_control import CloudMapControl
from tests.unit.fake_cloud_map import FakeCloudMap
from tests.unit.fake_transport import remote

OURS = {"endpoint": "https://ours.test", "stage": "-"}
THEIRS = {"endpoint": "https://theirs.test", "stage": "-"}


@pytest.fixture
def cloud() -> FakeCloudMap:
    return FakeCloudMap()


@pytest.fixture
def control(cloud: FakeCloudMap) -> CloudMapControl:
    return CloudMapControl(cloud.transport)


async def register(cloud: FakeCloudMap, control: CloudMapControl, attributes: dict[str, str] = OURS) -> None:
    await control.register("services", "users", "i-1", attributes, cloud.clock.deadline())


async def deregister(cloud: FakeCloudMap, control: CloudMapControl, instance_id: str = "i-1") -> bool:
    return await control.deregister("services", "users", instance_id, cloud.clock.deadline())


async def test_registering_creates_what_is_missing_above(
    cloud: FakeCloudMap, control: CloudMapControl
) -> None:
    cloud.operation_seconds = 1

    await register(cloud, control)

    assert cloud.has("users") == {"i-1": OURS}


async def test_registering_again_replaces_all_attributes(
    cloud: FakeCloudMap, control: CloudMapControl
) -> None:
    await register(cloud, control, {**THEIRS, "color": "blue"})

    await register(cloud, control)

    assert cloud.has("users") == {"i-1": OURS}


async def test_each_request_has_an_id_of_its_own(cloud: FakeCloudMap, control: CloudMapControl) -> None:
    await register(cloud, control)
    await register(cloud, control)

    ids = {params["CreatorRequestId"] for params in cloud.transport.params("RegisterInstance")}
    assert len(ids) == 2


async def test_a_failed_registration_carries_the_code_of_aws(
    cloud: FakeCloudMap, control: CloudMapControl
) -> None:
    cloud.seed_service("users")
    cloud.failures.append(("INTERNAL_FAILURE", "It broke."))

    with pytest.raises(RegistrationError, match="RegisterInstance failed: INTERNAL_FAILURE: It broke"):
        await register(cloud, control)

    assert cloud.has("users") == {}


async def test_two_that_register_at_once_both_succeed_and_the_later_one_stays(
    cloud: FakeCloudMap, control: CloudMapControl
) -> None:
    cloud.seed_service("users")
    cloud.operation_seconds = 3
    other = CloudMapControl(cloud.transport)

    await asyncio.gather(register(cloud, other, THEIRS), register(cloud, control, OURS))

    assert cloud.has("users") == {"i-1": OURS}
    assert cloud.transport.operations.count("RegisterInstance") == 3


async def test_a_registration_that_is_under_way_already_is_not_made_again(
    cloud: FakeCloudMap, control: CloudMapControl
) -> None:
    cloud.seed_service("users")
    cloud.operation_seconds = 3
    other = CloudMapControl(cloud.transport)

    await asyncio.gather(register(cloud, other), register(cloud, control))

    assert cloud.has("users") == {"i-1": OURS}
    assert cloud.transport.operations.count("RegisterInstance") == 2


async def test_another_operation_that_fails_does_not_prevent_ours(
    cloud: FakeCloudMap, control: CloudMapControl
) -> None:
    cloud.seed_service("users")
    cloud.operation_seconds = 3
    cloud.failures.append(("INTERNAL_FAILURE", "It broke."))
    other = CloudMapControl(cloud.transport)

    theirs, ours = await asyncio.gather(
        register(cloud, other, THEIRS), register(cloud, control), return_exceptions=True
    )

    assert isinstance(theirs, RegistrationError)
    assert ours is None
    assert cloud.has("users") == {"i-1": OURS}


@pytest.mark.parametrize("operation_id", ["", "op-long-gone"])
async def test_another_operation_that_is_not_known_is_waited_out(
    cloud: FakeCloudMap, control: CloudMapControl, operation_id: str
) -> None:
    cloud.seed_service("users")
    members = {"DuplicateOperationId": operation_id} if operation_id else {}
    cloud.transport.answer("RegisterInstance", remote("DuplicateRequest", **members), cloud._RegisterInstance)

    await register(cloud, control)

    assert cloud.has("users") == {"i-1": OURS}


async def test_another_operation_without_end_ends_with_the_deadline(
    cloud: FakeCloudMap, control: CloudMapControl
) -> None:
    cloud.seed("users", "i-1", THEIRS)
    cloud.operation_seconds = 1000
    await CloudMapControl(cloud.transport)._names.call(
        "RegisterInstance",
        {"ServiceId": cloud.seed_service("users").id, "InstanceId": "i-1", "Attributes": THEIRS},
        cloud.clock.deadline(),
    )

    with pytest.raises(RegistrationError) as caught:
        await register(cloud, control)

    assert caught.value.code == "Timeout"


async def test_a_service_that_was_deleted_is_created_again(
    cloud: FakeCloudMap, control: CloudMapControl
) -> None:
    await register(cloud, control)
    cloud.services.clear()

    await register(cloud, control)

    assert cloud.has("users") == {"i-1": OURS}


async def test_errors_of_aws_pass_through(cloud: FakeCloudMap, control: CloudMapControl) -> None:
    cloud.transport.answer("RegisterInstance", remote("ResourceLimitExceeded"))

    with pytest.raises(RemoteError) as caught:
        await register(cloud, control)

    assert (caught.value.code, caught.value.store) == ("ResourceLimitExceeded", "cloudmap")


async def test_deregistering_removes_and_waits(cloud: FakeCloudMap, control: CloudMapControl) -> None:
    cloud.seed("users", "i-1", OURS)
    cloud.operation_seconds = 3

    assert await deregister(cloud, control)

    assert cloud.has("users") == {}
    assert sum(cloud.clock.slept) >= 3


async def test_deregistering_what_is_not_there_does_nothing(
    cloud: FakeCloudMap, control: CloudMapControl
) -> None:
    assert not await deregister(cloud, control)
    assert cloud.namespaces == {}

    cloud.seed_service("users")

    assert not await deregister(cloud, control)
    assert cloud.operations == {}


async def test_what_was_registered_a_moment_ago_is_removed_when_it_has_spread(
    cloud: FakeCloudMap, control: CloudMapControl
) -> None:
    cloud.propagation_seconds = 7
    await register(cloud, control)

    assert await deregister(cloud, control)

    assert cloud.has("users") == {}
    assert cloud.transport.operations.count("DeregisterInstance") > 1


async def test_deregistering_waits_for_the_registration_that_is_under_way(
    cloud: FakeCloudMap, control: CloudMapControl
) -> None:
    cloud.seed("users", "i-1", THEIRS)
    cloud.operation_seconds = 3
    other = CloudMapControl(cloud.transport)

    _, removed = await asyncio.gather(register(cloud, other), deregister(cloud, control))

    assert removed
    assert cloud.has("users") == {}
    assert cloud.transport.operations.count("DeregisterInstance") == 2


async def test_a_failed_deregistration_carries_the_code_of_aws(
    cloud: FakeCloudMap, control: CloudMapControl
) -> None:
    cloud.seed("users", "i-1", OURS)
    cloud.failures.append(("INTERNAL_FAILURE", "It broke."))

    with pytest.raises(RegistrationError, match="DeregisterInstance failed: INTERNAL_FAILURE"):
        await deregister(cloud, control)

    assert cloud.has("users") == {"i-1": OURS}


async def test_a_deregistration_that_aws_refuses_passes_through(
    cloud: FakeCloudMap, control: CloudMapControl
) -> None:
    cloud.seed("users", "i-1", OURS)
    cloud.transport.answer("DeregisterInstance", remote("ResourceInUse"))

    with pytest.raises(RemoteError) as caught:
        await deregister(cloud, control)

    assert caught.value.code == "ResourceInUse"


async def test_a_service_that_is_deleted_between_two_attempts_is_not_there_to_be_deregistered_from(
    cloud: FakeCloudMap, control: CloudMapControl
) -> None:
    cloud.seed("users", "i-1", OURS)
    cloud.transport.answer("DeregisterInstance", remote("ServiceNotFound"))

    assert not await deregister(cloud, control)


async def test_an_error_while_waiting_for_another_operation_passes_through(
    cloud: FakeCloudMap, control: CloudMapControl
) -> None:
    cloud.seed_service("users")
    cloud.transport.answer("RegisterInstance", remote("DuplicateRequest", DuplicateOperationId="op-1"))
    cloud.transport.answer("GetOperation", remote("InvalidInput"))

    with pytest.raises(RemoteError) as caught:
        await register(cloud, control)

    assert caught.value.code == "InvalidInput"
