"""Cloud Map's services as resources: ARNs, tags, removal; what is not there needs nothing done."""

from __future__ import annotations

import pytest

from cloudmap_discovery.errors import RemoteError
from cloudmap_discovery.stores.cloud_map_services import CloudMapServices
from tests.unit.fake_cloud_map import FakeCloudMap
from tests.unit.fake_transport import remote

NAMESPACE = "services"


def made() -> tuple[FakeCloudMap, CloudMapServices]:
    cloud = FakeCloudMap()
    return cloud, CloudMapServices(cloud.transport)


async def test_tags_come_and_go() -> None:
    cloud, services = made()
    service = cloud.seed_service("users")
    arn = await services.arn(NAMESPACE, "users", cloud.clock.deadline())
    assert arn == service.arn

    await services.tag(arn, {"a": "1", "b": "2"}, cloud.clock.deadline())
    await services.untag(arn, ["a"], cloud.clock.deadline())

    assert await services.tags(arn, cloud.clock.deadline()) == {"b": "2"}


async def test_only_a_service_without_any_instance_is_empty_and_can_be_deleted() -> None:
    cloud, services = made()
    cloud.seed_service("empty")
    cloud.seed("users", "theirs", {"nothing": "of ours"})
    deadline = cloud.clock.deadline()

    assert await services.is_empty(NAMESPACE, "empty", deadline)
    assert not await services.is_empty(NAMESPACE, "users", deadline)
    assert await services.delete(NAMESPACE, "empty", deadline)
    assert not await services.delete(NAMESPACE, "users", deadline)
    assert [service.name for service in cloud.services.values()] == ["users"]


async def test_of_what_is_not_there_nothing_is_known_and_nothing_is_done() -> None:
    cloud, services = made()
    deadline = cloud.clock.deadline()
    arn = cloud.seed_service("gone").arn
    cloud.services.clear()

    assert await services.arn(NAMESPACE, "gone", deadline) is None
    assert not await services.is_empty(NAMESPACE, "gone", deadline)
    assert not await services.delete(NAMESPACE, "gone", deadline)
    assert await services.tags(arn, deadline) == {}
    await services.tag(arn, {"a": "1"}, deadline)
    await services.untag(arn, ["a"], deadline)


async def test_a_service_that_goes_while_its_id_is_remembered_is_looked_for_again() -> None:
    cloud, services = made()
    cloud.seed_service("users")
    deadline = cloud.clock.deadline()
    await services.arn(NAMESPACE, "users", deadline)
    cloud.services.clear()
    gone = await services.arn(NAMESPACE, "users", deadline)

    again = cloud.seed_service("users")

    assert gone is None
    assert await services.arn(NAMESPACE, "users", deadline) == again.arn


async def test_other_errors_are_passed_on() -> None:
    cloud, services = made()
    cloud.seed_service("users")
    cloud.transport.answer("GetService", remote("InvalidInput"))
    cloud.transport.answer("DeleteService", remote("InvalidInput"))

    with pytest.raises(RemoteError, match="InvalidInput"):
        await services.arn(NAMESPACE, "users", cloud.clock.deadline())
    with pytest.raises(RemoteError, match="InvalidInput"):
        await services.delete(NAMESPACE, "users", cloud.clock.deadline())
