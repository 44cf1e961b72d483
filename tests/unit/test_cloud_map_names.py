"""Namespaces and services are found or created by name, whoever else creates them meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from cloudmap_discovery.errors import AccessDeniedError, RegistrationError, RemoteError
from cloudmap_discovery.stores.cloud_map_names import CloudMapNames, Namespace
from tests.unit.fake_cloud_map import FakeCloudMap
from tests.unit.fake_transport import FakeTransport, remote
from tests.unit.timing import WaitingClock

THEIR_ARN = "arn:aws:servicediscovery:eu-central-1:999999999999:namespace/ns-theirs"


def namespace(
    namespace_id: str, name: str, http_name: str | None = None, kind: str = "HTTP", **more: str
) -> dict[str, Any]:
    properties = {"HttpProperties": {"HttpName": http_name or name}}
    return {"Id": namespace_id, "Name": name, "Type": kind, "Properties": properties, **more}


async def test_a_namespace_is_found_by_its_http_name_on_whatever_page_it_stands() -> None:
    transport, deadline = FakeTransport(), WaitingClock().deadline()
    transport.answer(
        "ListNamespaces",
        {"Namespaces": [namespace("ns-1", "services", "services-4f2a")], "NextToken": "2"},
        {"Namespaces": [], "NextToken": "3"},
        {"Namespaces": [namespace("ns-2", "other", "services")]},
    )
    names = CloudMapNames(transport)

    first = await names.find_namespace("services", deadline)
    second = await names.find_namespace("services", deadline)

    assert first == second == Namespace("ns-2", "HTTP")
    assert [params.get("NextToken") for params in transport.params("ListNamespaces")] == [None, "2", "3"]
    assert transport.params("ListNamespaces")[0]["Filters"] == [
        {"Name": "HTTP_NAME", "Values": ["services"], "Condition": "EQ"},
        {"Name": "RESOURCE_OWNER", "Values": ["SELF"], "Condition": "EQ"},
    ]


async def test_a_namespace_of_another_account_is_called_by_its_arn() -> None:
    transport, deadline = FakeTransport(), WaitingClock().deadline()
    transport.answer(
        "ListNamespaces",
        {
            "Namespaces": [
                namespace("ns-other", "services", Arn=f"{THEIR_ARN}-other", ResourceOwner="888888888888"),
                namespace("ns-theirs", "services", Arn=THEIR_ARN, ResourceOwner="999999999999"),
            ]
        },
    )

    found = await CloudMapNames(transport, owner_account="999999999999").find_namespace("services", deadline)

    assert found == Namespace(THEIR_ARN, "HTTP")
    assert transport.params("ListNamespaces")[0]["Filters"][1]["Values"] == ["OTHER_ACCOUNTS"]


async def test_a_namespace_of_another_account_is_never_created() -> None:
    transport, deadline = FakeTransport(), WaitingClock().deadline()
    transport.answer("ListNamespaces", {"Namespaces": []})

    with pytest.raises(
        RegistrationError, match="account 999999999999 shares no namespace 'services'"
    ) as caught:
        await CloudMapNames(transport, owner_account="999999999999").ensure_namespace("services", deadline)

    assert caught.value.code == "NamespaceNotFound"
    assert transport.operations == ["ListNamespaces"]


async def test_a_missing_namespace_is_created_and_awaited() -> None:
    cloud = FakeCloudMap()
    cloud.operation_seconds = 5
    names = CloudMapNames(cloud.transport)

    created = await names.ensure_namespace("services", cloud.clock.deadline())

    assert created.ref in cloud.namespaces
    assert sum(cloud.clock.slept) >= 5
    assert await names.ensure_namespace("services", cloud.clock.deadline()) == created
    assert cloud.transport.operations.count("CreateHttpNamespace") == 1


async def test_a_namespace_that_somebody_else_created_meanwhile_is_taken() -> None:
    transport, deadline = FakeTransport(), WaitingClock().deadline()
    transport.answer("ListNamespaces", {"Namespaces": []})
    transport.answer("CreateHttpNamespace", remote("NamespaceAlreadyExists", NamespaceId="ns-1"))
    transport.answer(
        "GetNamespace",
        remote("NamespaceNotFound"),
        {"Namespace": namespace("ns-1", "services", kind="DNS_PRIVATE")},
    )

    found = await CloudMapNames(transport).ensure_namespace("services", deadline)

    assert found == Namespace("ns-1", "DNS_PRIVATE")


async def test_a_namespace_that_somebody_else_is_creating_is_awaited() -> None:
    transport, deadline = FakeTransport(), WaitingClock().deadline()
    transport.answer("ListNamespaces", {"Namespaces": []})
    transport.answer("CreateHttpNamespace", remote("DuplicateRequest", DuplicateOperationId="op-theirs"))
    transport.answer(
        "GetOperation",
        {"Operation": {"Id": "op-theirs", "Status": "PENDING"}},
        {"Operation": {"Id": "op-theirs", "Status": "SUCCESS", "Targets": {"NAMESPACE": "ns-1"}}},
    )
    transport.answer("GetNamespace", {"Namespace": namespace("ns-1", "services")})

    found = await CloudMapNames(transport).ensure_namespace("services", deadline)

    assert found == Namespace("ns-1", "HTTP")
    assert {params["OperationId"] for params in transport.params("GetOperation")} == {"op-theirs"}


async def test_a_namespace_whose_http_name_differs_is_an_error_that_says_what_to_set() -> None:
    cloud = FakeCloudMap()
    cloud.http_names["services"] = "services-4f2a"

    with pytest.raises(RegistrationError, match="set DISCOVERY_NAMESPACE=services-4f2a") as caught:
        await CloudMapNames(cloud.transport).ensure_namespace("services", cloud.clock.deadline())

    assert caught.value.code == "HttpNameDiffers"


async def test_an_operation_that_fails_is_an_error_with_the_code_and_message_of_aws() -> None:
    cloud = FakeCloudMap()
    cloud.failures.append(("ACCESS_DENIED", "You shall not."))

    with pytest.raises(
        RegistrationError, match="CreateHttpNamespace failed: ACCESS_DENIED: You shall not"
    ) as caught:
        await CloudMapNames(cloud.transport).ensure_namespace("services", cloud.clock.deadline())

    assert (caught.value.operation, caught.value.code, caught.value.reason) == (
        "CreateHttpNamespace",
        "ACCESS_DENIED",
        "You shall not.",
    )


async def test_a_missing_service_is_created_without_any_listing_of_services() -> None:
    cloud = FakeCloudMap()
    names = CloudMapNames(cloud.transport)

    ref = await names.ensure_service("services", "users", cloud.clock.deadline())
    again = await names.ensure_service("services", "users", cloud.clock.deadline())

    assert ref == again
    assert cloud.services[ref].name == "users"
    assert cloud.transport.operations.count("CreateService") == 1
    assert "ListServices" not in cloud.transport.operations
    assert "Type" not in cloud.transport.params("CreateService")[0]


async def test_a_service_that_exists_is_taken_from_the_refusal_to_create_it() -> None:
    cloud = FakeCloudMap()
    there = cloud.seed_service("users")

    ref = await CloudMapNames(cloud.transport).ensure_service("services", "users", cloud.clock.deadline())

    assert ref == there.id
    assert "ListServices" not in cloud.transport.operations


async def test_a_service_is_listed_where_the_refusal_does_not_name_it() -> None:
    cloud = FakeCloudMap()
    there = cloud.seed_service("users")
    cloud.transport.answer("CreateService", remote("ServiceAlreadyExists"))

    ref = await CloudMapNames(cloud.transport).ensure_service("services", "users", cloud.clock.deadline())

    assert ref == there.id


async def test_who_may_not_create_services_can_use_one_that_is_there() -> None:
    cloud = FakeCloudMap()
    there = cloud.seed_service("users")
    cloud.transport.answer("CreateService", AccessDeniedError("no", action="servicediscovery:CreateService"))
    names = CloudMapNames(cloud.transport)

    ref = await names.ensure_service("services", "users", cloud.clock.deadline())

    assert ref == there.id
    with pytest.raises(AccessDeniedError) as caught:
        await names.ensure_service("services", "others", cloud.clock.deadline())
    assert caught.value.store == "cloudmap"


async def test_a_service_in_a_namespace_with_dns_gets_no_dns_records() -> None:
    cloud = FakeCloudMap()
    service = cloud.seed_service("others")
    cloud.namespaces[service.namespace_id]["Type"] = "DNS_PRIVATE"

    await CloudMapNames(cloud.transport).ensure_service("services", "users", cloud.clock.deadline())

    assert cloud.transport.params("CreateService")[0]["Type"] == "HTTP"


async def test_a_namespace_that_was_deleted_and_created_anew_is_found_again() -> None:
    cloud = FakeCloudMap()
    names = CloudMapNames(cloud.transport)
    await names.ensure_service("services", "users", cloud.clock.deadline())
    cloud.forget_everything()

    ref = await names.ensure_service("services", "orders", cloud.clock.deadline())

    assert cloud.services[ref].name == "orders"
    assert cloud.services[ref].namespace_id in cloud.namespaces


async def test_a_service_is_found_in_a_namespace_that_was_created_anew() -> None:
    cloud = FakeCloudMap()
    cloud.seed_service("users")
    names = CloudMapNames(cloud.transport)
    await names.find_service("services", "users", cloud.clock.deadline())
    cloud.forget_everything()
    cloud.namespaces["ns-new"] = namespace("ns-new", "services")
    there = cloud.seed_service("orders")

    assert await names.find_service("services", "orders", cloud.clock.deadline()) == there.id
    assert await names.find_service("services", "nothing", cloud.clock.deadline()) is None


async def test_services_are_listed_over_all_pages() -> None:
    cloud = FakeCloudMap()
    cloud.page = 2
    for name in "abcde":
        cloud.seed_service(name)
    cloud.seed_service("elsewhere", namespace="others")

    services = await CloudMapNames(cloud.transport).services("services", cloud.clock.deadline())

    assert sorted(services) == list("abcde")


async def test_looking_for_what_is_not_there_creates_nothing() -> None:
    cloud = FakeCloudMap()
    names = CloudMapNames(cloud.transport)

    assert await names.find_namespace("services", cloud.clock.deadline()) is None
    assert await names.services("services", cloud.clock.deadline()) == {}
    assert await names.find_service("services", "users", cloud.clock.deadline()) is None
    assert cloud.namespaces == {}


async def test_quotas_and_other_errors_pass_through_as_they_are() -> None:
    cloud = FakeCloudMap()
    cloud.transport.answer("CreateHttpNamespace", remote("ResourceLimitExceeded"))

    with pytest.raises(RemoteError) as caught:
        await CloudMapNames(cloud.transport).ensure_namespace("services", cloud.clock.deadline())

    assert (caught.value.code, caught.value.store) == ("ResourceLimitExceeded", "cloudmap")


@pytest.mark.parametrize("operation", ["GetNamespace", "CreateService"])
async def test_errors_on_the_way_pass_through(operation: str) -> None:
    cloud = FakeCloudMap()
    cloud.transport.answer(operation, remote("InvalidInput"))

    with pytest.raises(RemoteError) as caught:
        await CloudMapNames(cloud.transport).ensure_service("services", "users", cloud.clock.deadline())

    assert (caught.value.code, caught.value.store) == ("InvalidInput", "cloudmap")


async def test_a_service_that_exists_and_is_not_listed_is_an_error() -> None:
    cloud = FakeCloudMap()
    cloud.transport.answer("CreateService", remote("ServiceAlreadyExists"))

    with pytest.raises(RemoteError) as caught:
        await CloudMapNames(cloud.transport).ensure_service("services", "users", cloud.clock.deadline())

    assert caught.value.code == "ServiceAlreadyExists"
