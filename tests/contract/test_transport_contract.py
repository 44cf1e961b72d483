"""What every transport does: results in AWS's shapes, connections that come and go, calls that leave each other alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import RemoteError
from tests.contract.transport_bed import (
    DISCOVER,
    PLENTY_SECONDS,
    USERS,
    case,
    credentials,
    discover,
    ids,
    transport,
    until_connections,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudmap_discovery.transport.port import Transport
    from tests.contract.transport_cases import TransportCase
    from tests.standin.stand_in import StandIn

__all__ = ["case", "credentials", "transport"]  # fixtures, found by name


async def cloud_map(over: Transport, operation: str, **params: Any) -> Mapping[str, Any]:
    return await over.call("servicediscovery", operation, params, timeout_seconds=PLENTY_SECONDS)


async def ssm(over: Transport, operation: str, **params: Any) -> Mapping[str, Any]:
    return await over.call("ssm", operation, params, timeout_seconds=PLENTY_SECONDS)


async def test_discovered_instances_come_with_id_and_attributes_and_nothing_of_http(
    transport: Transport,
) -> None:
    answer = await discover(transport)

    assert set(answer) == {"Instances", "InstancesRevision"}
    (instance,) = answer["Instances"]
    assert instance["InstanceId"] == "Production-1"
    assert instance["Attributes"] == {"endpoint": "https://users"}
    assert isinstance(answer["InstancesRevision"], int)


async def test_no_match_is_an_empty_list(transport: Transport) -> None:
    answer = await cloud_map(transport, "DiscoverInstances", **USERS, QueryParameters={"stage": "Staging"})

    assert answer["Instances"] == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({**USERS, "ServiceName": "nobody"}, "ServiceNotFound"),
        ({**USERS, "NamespaceName": "nowhere"}, "NamespaceNotFound"),
    ],
)
async def test_an_unknown_name_is_an_answer_of_the_service_and_final(
    transport: Transport, aws: StandIn, params: Mapping[str, Any], code: str
) -> None:
    with pytest.raises(RemoteError) as caught:
        await cloud_map(transport, "DiscoverInstances", **params)

    assert (caught.value.code, caught.value.status) == (code, 400)
    assert (caught.value.retryable, caught.value.unhealthy) == (False, False)
    assert (caught.value.service, caught.value.operation) == ("servicediscovery", "DiscoverInstances")
    assert aws.calls() == {DISCOVER: 1}


async def test_a_record_is_registered_read_listed_and_removed(transport: Transport) -> None:
    (service,) = (await cloud_map(transport, "ListServices"))["Services"]

    registered = await cloud_map(
        transport,
        "RegisterInstance",
        ServiceId=service["Id"],
        InstanceId="Production-2",
        Attributes={"endpoint": "https://two"},
    )
    operation = await cloud_map(transport, "GetOperation", OperationId=registered["OperationId"])
    instance = await cloud_map(transport, "GetInstance", ServiceId=service["Id"], InstanceId="Production-2")
    listed = await cloud_map(transport, "ListInstances", ServiceId=service["Id"])
    removed = await cloud_map(
        transport, "DeregisterInstance", ServiceId=service["Id"], InstanceId="Production-2"
    )

    assert operation["Operation"]["Status"] == "SUCCESS"
    assert operation["Operation"]["Type"] == "REGISTER_INSTANCE"
    assert instance["Instance"]["Attributes"] == {"endpoint": "https://two"}
    assert {one["Id"] for one in listed["Instances"]} == {"Production-1", "Production-2"}
    assert set(removed) == {"OperationId"}
    assert ids(await discover(transport)) == ["Production-1"]


async def test_a_namespace_and_a_service_are_created_and_listed(transport: Transport) -> None:
    created = await cloud_map(transport, "CreateHttpNamespace", Name="others")
    operation = await cloud_map(transport, "GetOperation", OperationId=created["OperationId"])
    namespace_id = operation["Operation"]["Targets"]["NAMESPACE"]
    service = await cloud_map(transport, "CreateService", Name="mail", NamespaceId=namespace_id)
    namespaces = await cloud_map(transport, "ListNamespaces")

    assert service["Service"]["Name"] == "mail"
    assert {one["Name"] for one in namespaces["Namespaces"]} == {"services", "others"}
    other = next(one for one in namespaces["Namespaces"] if one["Name"] == "others")
    assert other["Properties"]["HttpProperties"]["HttpName"] == "others"


async def test_what_an_error_carries_beside_its_code_is_kept(transport: Transport) -> None:
    namespace_id = (await cloud_map(transport, "ListNamespaces"))["Namespaces"][0]["Id"]
    service_id = (await cloud_map(transport, "ListServices"))["Services"][0]["Id"]

    with pytest.raises(RemoteError) as namespace_error:
        await cloud_map(transport, "CreateHttpNamespace", Name="services")
    with pytest.raises(RemoteError) as service_error:
        await cloud_map(
            transport, "CreateService", Name="users", NamespaceId=namespace_id, CreatorRequestId="new"
        )

    assert namespace_error.value.code == "NamespaceAlreadyExists"
    assert namespace_error.value.members["NamespaceId"] == namespace_id
    assert service_error.value.code == "ServiceAlreadyExists"
    assert service_error.value.members["ServiceId"] == service_id


async def test_a_registration_under_way_names_its_operation(transport: Transport, aws: StandIn) -> None:
    (service,) = (await cloud_map(transport, "ListServices"))["Services"]
    aws.freeze_clock()
    aws.configure(operation_seconds=60)
    record = {"ServiceId": service["Id"], "InstanceId": "two", "Attributes": {"endpoint": "https://two"}}
    first = await cloud_map(transport, "RegisterInstance", **record, CreatorRequestId="one")

    with pytest.raises(RemoteError) as caught:
        await cloud_map(transport, "RegisterInstance", **record, CreatorRequestId="two")

    assert caught.value.code == "DuplicateRequest"
    assert caught.value.members["DuplicateOperationId"] == first["OperationId"]


async def test_parameters_are_put_read_listed_and_deleted(transport: Transport) -> None:
    path = "/services/Production"
    await ssm(transport, "PutParameter", Name=f"{path}/users", Value="https://users", Type="String")

    read = await ssm(transport, "GetParameters", Names=[f"{path}/users", f"{path}/nobody"])
    listed = await ssm(transport, "GetParametersByPath", Path=path)
    deleted = await ssm(transport, "DeleteParameter", Name=f"{path}/users")

    assert [(one["Name"], one["Value"]) for one in read["Parameters"]] == [(f"{path}/users", "https://users")]
    assert read["InvalidParameters"] == [f"{path}/nobody"]
    assert [one["Value"] for one in listed["Parameters"]] == ["https://users"]
    assert deleted == {}
    with pytest.raises(RemoteError) as caught:
        await ssm(transport, "DeleteParameter", Name=f"{path}/users")
    assert caught.value.code == "ParameterNotFound"


async def test_the_parameters_of_a_call_are_left_as_they_are(transport: Transport) -> None:
    params = {"Name": "others"}

    await transport.call("servicediscovery", "CreateHttpNamespace", params, timeout_seconds=PLENTY_SECONDS)

    assert params == {"Name": "others"}


async def test_aws_sees_who_calls(transport: Transport, aws: StandIn) -> None:
    await discover(transport)

    (request,) = aws.requests(DISCOVER)
    assert "cloudmap-discovery/" in request.user_agent
    assert request.is_signed
    assert request.region == "us-east-1"


async def test_connections_are_used_again(transport: Transport, aws: StandIn) -> None:
    for _ in range(5):
        await discover(transport)

    assert aws.open_connections == 1


async def test_after_closing_no_connection_is_left_and_a_later_call_opens_one(
    transport: Transport, aws: StandIn
) -> None:
    await discover(transport)

    await transport.aclose()

    await until_connections(aws, 0)
    assert ids(await discover(transport)) == ["Production-1"]


async def test_forgotten_connections_stay_open_and_a_later_call_opens_others(
    transport: Transport, aws: StandIn
) -> None:
    await discover(transport)

    transport.forget()

    assert ids(await discover(transport)) == ["Production-1"]
    assert aws.open_connections == 2


async def test_closing_and_forgetting_what_was_never_used_does_nothing(
    case: TransportCase, aws: StandIn
) -> None:
    transport = case.make(aws.url)

    await transport.aclose()
    transport.forget()
    await transport.aclose()

    assert aws.open_connections == 0


async def test_two_services_are_called_at_once(transport: Transport, aws: StandIn) -> None:
    aws.seed_parameter("/services/Production/users", "https://users")
    with aws.faults.hold() as held:
        found = asyncio.create_task(discover(transport))
        read = asyncio.create_task(ssm(transport, "GetParameters", Names=["/services/Production/users"]))
        await asyncio.to_thread(held.wait_until_met, 2)

    assert ids(await found) == ["Production-1"]
    assert (await read)["Parameters"][0]["Value"] == "https://users"


async def test_fifty_calls_at_once_are_all_answered(transport: Transport, aws: StandIn) -> None:
    answers = await asyncio.gather(*(discover(transport) for _ in range(50)))

    assert [ids(answer) for answer in answers] == [["Production-1"]] * 50
    assert aws.calls() == {DISCOVER: 50}


async def test_cancelling_one_call_leaves_the_others_alone(transport: Transport, aws: StandIn) -> None:
    with aws.faults.hold() as held:
        tasks = [asyncio.create_task(discover(transport)) for _ in range(3)]
        await asyncio.to_thread(held.wait_until_met, 3)
        tasks[1].cancel()
        await asyncio.wait([tasks[1]])

    assert tasks[1].cancelled()
    assert ids(await tasks[0]) == ids(await tasks[2]) == ["Production-1"]
    assert ids(await discover(transport)) == ["Production-1"]


async def test_cancelling_the_first_call_leaves_the_second_its_connection_in_the_making(
    transport: Transport,
) -> None:
    first, second = (asyncio.create_task(discover(transport)) for _ in range(2))
    await asyncio.sleep(0)

    first.cancel()

    assert ids(await second) == ["Production-1"]
    assert first.cancelled()
