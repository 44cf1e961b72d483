"""The stand-in's listings page and filter as AWS documents it, where moto does neither."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.standin.fixtures import refusal_code
from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

Sdk = Callable[..., Any]


@pytest.fixture
def cloud_map(sdk: Sdk) -> Any:
    return sdk("servicediscovery")


def names(cloud_map: Any, method: str, key: str, **parameters: Any) -> list[str]:
    """Collect the `Name` (or `Id`) of every entry over all pages."""
    pages = cloud_map.get_paginator(method).paginate(**parameters)
    return [entry.get("Name") or entry["Id"] for page in pages for entry in page[key]]


def test_instances_page_by_100_unless_asked_otherwise(aws: StandIn, cloud_map: Any) -> None:
    for number in range(105):
        aws.seed_instance("services", "users", f"i{number:03}", {"endpoint": "https://users"})
    service_id = aws.seed_service("services", "users")

    first = cloud_map.list_instances(ServiceId=service_id)
    second = cloud_map.list_instances(ServiceId=service_id, NextToken=first["NextToken"])
    by_ten = cloud_map.get_paginator("list_instances").paginate(
        ServiceId=service_id, PaginationConfig={"PageSize": 10}
    )

    assert (len(first["Instances"]), len(second["Instances"]), "NextToken" in second) == (100, 5, False)
    sizes = [len(page["Instances"]) for page in by_ten]
    assert sizes == [10] * 10 + [5]


def test_a_page_that_is_exactly_full_is_the_last(aws: StandIn, cloud_map: Any) -> None:
    for number in range(4):
        aws.seed_instance("services", "users", str(number), {"endpoint": "https://users"})
    service_id = aws.seed_service("services", "users")

    first = cloud_map.list_instances(ServiceId=service_id, MaxResults=2)
    second = cloud_map.list_instances(ServiceId=service_id, MaxResults=2, NextToken=first["NextToken"])

    assert "NextToken" not in second


def test_a_token_survives_the_deletion_of_the_entry_it_stands_on(aws: StandIn, cloud_map: Any) -> None:
    for number in range(4):
        aws.seed_instance("services", "users", str(number), {"endpoint": "https://users"})
    service_id = aws.seed_service("services", "users")
    first = cloud_map.list_instances(ServiceId=service_id, MaxResults=2)

    cloud_map.deregister_instance(ServiceId=service_id, InstanceId=first["Instances"][-1]["Id"])
    second = cloud_map.list_instances(ServiceId=service_id, MaxResults=2, NextToken=first["NextToken"])

    assert [instance["Id"] for instance in second["Instances"]] == ["2", "3"]


@pytest.mark.parametrize("token", ["nonsense", "AAAA", "b2Zmc2V0OjE="])
def test_a_foreign_token_is_invalid(cloud_map: Any, token: str) -> None:
    assert refusal_code(cloud_map.list_services, NextToken=token) == "InvalidInput"


def test_services_filter_by_namespace_id_or_arn(aws: StandIn, cloud_map: Any) -> None:
    aws.seed_service("one", "users")
    aws.seed_service("two", "orders")
    namespaces = {n["Name"]: n for n in cloud_map.list_namespaces()["Namespaces"]}

    for value in (namespaces["two"]["Id"], namespaces["two"]["Arn"]):
        filters = [{"Name": "NAMESPACE_ID", "Values": [value]}]
        assert names(cloud_map, "list_services", "Services", Filters=filters) == ["orders"]
    assert sorted(names(cloud_map, "list_services", "Services")) == ["orders", "users"]


def test_services_page_within_a_filter(aws: StandIn, cloud_map: Any) -> None:
    for number in range(5):
        aws.seed_service("one", f"s{number}")
        aws.seed_service("two", f"t{number}")
    namespace_id = aws.seed_namespace("one")

    found = names(
        cloud_map,
        "list_services",
        "Services",
        Filters=[{"Name": "NAMESPACE_ID", "Values": [namespace_id], "Condition": "EQ"}],
        PaginationConfig={"PageSize": 2},
    )

    assert sorted(found) == [f"s{number}" for number in range(5)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"Name": "NAME", "Values": ["services"]}, ["services"]),
        ({"Name": "HTTP_NAME", "Values": ["services"], "Condition": "EQ"}, ["services"]),
        ({"Name": "NAME", "Values": ["serv"], "Condition": "BEGINS_WITH"}, ["services", "services-2"]),
        ({"Name": "TYPE", "Values": ["HTTP"]}, ["services", "services-2"]),
        ({"Name": "TYPE", "Values": ["DNS"], "Condition": "BEGINS_WITH"}, ["example.com"]),
        ({"Name": "RESOURCE_OWNER", "Values": ["SELF"]}, ["example.com", "services", "services-2"]),
        ({"Name": "RESOURCE_OWNER", "Values": ["OTHER_ACCOUNTS"]}, []),
    ],
)
def test_namespaces_filter(aws: StandIn, cloud_map: Any, given: dict[str, Any], expected: list[str]) -> None:
    aws.seed_namespace("services")
    aws.seed_namespace("services-2")
    cloud_map.create_public_dns_namespace(Name="example.com")

    assert sorted(names(cloud_map, "list_namespaces", "Namespaces", Filters=[given])) == expected


@pytest.mark.parametrize(
    "given",
    [
        {"Name": "NAME", "Values": ["a", "b"]},
        {"Name": "NAME", "Values": ["a"], "Condition": "IN"},
        {"Name": "NAME", "Values": ["a"], "Condition": "BETWEEN"},
        {"Name": "COLOR", "Values": ["blue"]},
    ],
)
def test_filters_that_the_documentation_rules_out_are_invalid(cloud_map: Any, given: dict[str, Any]) -> None:
    assert refusal_code(cloud_map.list_namespaces, Filters=[given]) == "InvalidInput"


def test_operations_filter_by_status_type_and_target(aws: StandIn, cloud_map: Any) -> None:
    aws.freeze_clock()
    service_id = aws.seed_service("services", "users")
    aws.fail_next_operations()
    for instance_id in ("failed", "done"):
        cloud_map.register_instance(
            ServiceId=service_id, InstanceId=instance_id, Attributes={"endpoint": "x"}
        )
    cloud_map.create_http_namespace(Name="other")

    def count(**given: Any) -> int:
        return len(cloud_map.list_operations(Filters=[given])["Operations"])

    assert count(Name="STATUS", Values=["FAIL"]) == 1
    assert count(Name="STATUS", Values=["FAIL", "SUCCESS"], Condition="IN") == 3
    assert count(Name="TYPE", Values=["CREATE_NAMESPACE"]) == 1
    assert count(Name="SERVICE_ID", Values=[service_id]) == 2
    assert count(Name="UPDATE_DATE", Values=["0", "1"], Condition="BETWEEN") == 0
    assert count(Name="UPDATE_DATE", Values=["0", "9999999999"], Condition="BETWEEN") == 3


def test_listings_count_what_they_contain(aws: StandIn, cloud_map: Any) -> None:
    aws.seed_instance("services", "users", "a", {"endpoint": "https://users"})

    assert cloud_map.list_namespaces()["Namespaces"][0]["ServiceCount"] == 1
    assert cloud_map.list_services()["Services"][0]["InstanceCount"] == 1
