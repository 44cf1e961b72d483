"""Instances are read and listed by the names of namespace and service, whatever becomes of these meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import RemoteError
from cloudmap_discovery.stores.cloud_map_control import CloudMapControl
from cloudmap_discovery.stores.control_port import Entry
from tests.unit.fake_cloud_map import FakeCloudMap
from tests.unit.fake_transport import FakeTransport, remote
from tests.unit.timing import WaitingClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

OURS = {"endpoint": "https://ours.test", "stage": "-"}
THEIRS_ARN = "arn:aws:servicediscovery:eu-central-1:999999999999"
THEIRS = {"endpoint": "https://theirs.test", "stage": "-"}


@pytest.fixture
def cloud() -> FakeCloudMap:
    return FakeCloudMap()


@pytest.fixture
def control(cloud: FakeCloudMap) -> CloudMapControl:
    return CloudMapControl(cloud.transport)


async def test_instances_are_read_by_id_and_listed_over_all_pages(
    cloud: FakeCloudMap, control: CloudMapControl
) -> None:
    cloud.page = 2
    for name in "ecabd":
        cloud.seed("users", name, {"endpoint": name})

    listed = await control.instances("services", "users", cloud.clock.deadline())
    one = await control.instance("services", "users", "c", cloud.clock.deadline())

    assert listed == tuple(Entry(name, {"endpoint": name}) for name in "abcde")
    assert one == Entry("c", {"endpoint": "c"})


async def test_what_is_not_there_is_none_or_nothing(cloud: FakeCloudMap, control: CloudMapControl) -> None:
    deadline = cloud.clock.deadline()

    assert await control.instance("services", "users", "i-1", deadline) is None
    assert await control.instances("services", "users", deadline) == ()
    assert await control.discoverable("services", "users", {}, deadline) == ()
    assert not await control.has_namespace("services", deadline)
    assert not await control.has_service("services", "users", deadline)

    cloud.seed_service("users")

    assert await control.instance("services", "users", "i-1", deadline) is None
    assert await control.discoverable("services", "nobody", {}, deadline) == ()
    assert await control.has_namespace("services", deadline)
    assert await control.has_service("services", "users", deadline)
    assert await control.services("services", deadline) == ("users",)


async def test_a_service_that_was_deleted_has_no_instances(
    cloud: FakeCloudMap, control: CloudMapControl
) -> None:
    cloud.seed("users", "i-1", OURS)
    await control.instances("services", "users", cloud.clock.deadline())
    cloud.services.clear()

    assert await control.instances("services", "users", cloud.clock.deadline()) == ()


async def test_a_service_that_is_listed_and_gone_has_no_instances(
    cloud: FakeCloudMap, control: CloudMapControl
) -> None:
    cloud.seed("users", "i-1", OURS)
    cloud.transport.answer("ListInstances", remote("ServiceNotFound"))

    assert await control.instances("services", "users", cloud.clock.deadline()) == ()


async def test_a_service_that_was_created_anew_is_found_by_its_new_id(
    cloud: FakeCloudMap, control: CloudMapControl
) -> None:
    cloud.seed("users", "i-1", OURS)
    await control.instances("services", "users", cloud.clock.deadline())
    cloud.forget_everything()
    cloud.seed_service("others")
    cloud.seed("users", "i-2", OURS)

    entries = await control.instances("services", "users", cloud.clock.deadline())

    assert [entry.id for entry in entries] == ["i-2"]


async def test_lookups_are_asked_about_healthy_and_other_instances_alike(
    cloud: FakeCloudMap, control: CloudMapControl
) -> None:
    cloud.seed("users", "i-1", {**OURS, "stage": "A"})
    cloud.seed("users", "i-2", {**OURS, "stage": "B"})
    shared = CloudMapControl(cloud.transport, owner_account="999999999999")

    entries = await control.discoverable("services", "users", {"stage": "B"}, cloud.clock.deadline())
    await shared.discoverable("services", "users", {}, cloud.clock.deadline())

    assert [entry.id for entry in entries] == ["i-2"]
    mine, theirs = cloud.transport.params("DiscoverInstances")
    assert (mine["HealthStatus"], mine["MaxResults"]) == ("ALL", 1000)
    assert theirs["OwnerAccount"] == "999999999999"


async def test_in_a_namespace_of_another_account_everything_is_called_by_its_arn() -> None:
    transport, deadline = FakeTransport(), WaitingClock().deadline()
    home, users = f"{THEIRS_ARN}:namespace/ns-1", f"{THEIRS_ARN}:service/srv-1"
    transport.answer(
        "ListNamespaces",
        {
            "Namespaces": [
                {
                    "Id": "ns-1",
                    "Arn": home,
                    "ResourceOwner": "999999999999",
                    "Name": "services",
                    "Type": "HTTP",
                    "Properties": {"HttpProperties": {"HttpName": "services"}},
                }
            ]
        },
    )
    transport.answer("CreateService", remote("ServiceAlreadyExists", ServiceId="srv-1", ServiceArn=users))
    transport.answer("ListServices", {"Services": [{"Id": "srv-1", "Arn": users, "Name": "users"}]})
    transport.answer("ListInstances", {"Instances": [{"Id": "i-1", "Attributes": OURS}]})
    for operation in ("RegisterInstance", "DeregisterInstance"):
        transport.answer(operation, {"OperationId": "op-1"})
    transport.answer("GetOperation", {"Operation": {"Id": "op-1", "Status": "SUCCESS"}})
    control = CloudMapControl(transport, owner_account="999999999999")

    await control.register("services", "users", "i-1", OURS, deadline)
    await control.deregister("services", "users", "i-1", deadline)
    listed = await CloudMapControl(transport, owner_account="999999999999").instances(
        "services", "users", deadline
    )

    assert [entry.id for entry in listed] == ["i-1"]
    assert transport.params("CreateService")[0]["NamespaceId"] == home
    assert transport.params("ListServices")[0]["Filters"][0]["Values"] == [home]
    for operation in ("RegisterInstance", "DeregisterInstance", "ListInstances"):
        assert transport.params(operation)[0]["ServiceId"] == users
    assert {params["OwnerAccount"] for params in transport.params("GetOperation")} == {"999999999999"}


@pytest.mark.parametrize("operation", ["GetInstance", "ListInstances", "DiscoverInstances"])
async def test_errors_of_reading_pass_through(
    cloud: FakeCloudMap, control: CloudMapControl, operation: str
) -> None:
    cloud.seed("users", "i-1", OURS)
    cloud.transport.answer(operation, remote("InvalidInput"))
    reads: dict[str, Callable[[], Awaitable[Any]]] = {
        "GetInstance": lambda: control.instance("services", "users", "i-1", cloud.clock.deadline()),
        "ListInstances": lambda: control.instances("services", "users", cloud.clock.deadline()),
        "DiscoverInstances": lambda: control.discoverable("services", "users", {}, cloud.clock.deadline()),
    }

    with pytest.raises(RemoteError) as caught:
        await reads[operation]()

    assert (caught.value.code, caught.value.store) == ("InvalidInput", "cloudmap")
