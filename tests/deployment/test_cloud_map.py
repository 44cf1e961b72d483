"""Ministack's Cloud Map answers as AWS's does, as far as this project and its deployments need it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.deployment.stacks import Stacks
from tests.standin.conformity import check_conformity
from tests.standin.fixtures import refusal, refusal_code

if TYPE_CHECKING:
    from tests.deployment.ministack import Ministack

TEMPLATE = """
Resources:
  Namespace:
    Type: AWS::ServiceDiscovery::HttpNamespace
    Properties: {Name: of-a-stack}
  Service:
    Type: AWS::ServiceDiscovery::Service
    Properties: {Name: users, NamespaceId: !Ref Namespace}
  Instance:
    Type: AWS::ServiceDiscovery::Instance
    Properties:
      ServiceId: !Ref Service
      InstanceId: one
      InstanceAttributes: {endpoint: "https://users", stage: Production}
"""


@pytest.fixture(scope="module")
def cloud_map(ministack: Ministack) -> Any:
    """Return a client that fails on every answer that the service model does not allow."""
    client = ministack.client("servicediscovery")
    check_conformity(client)
    return client


@pytest.fixture
def namespace(cloud_map: Any) -> str:
    """Return the name of a new namespace."""
    name = f"services-{uuid4().hex[:8]}"
    cloud_map.create_http_namespace(Name=name)
    return name


@pytest.fixture
def namespace_id(cloud_map: Any, namespace: str) -> str:
    return namespace_called(cloud_map, namespace)


@pytest.fixture
def service(cloud_map: Any, namespace_id: str) -> str:
    """Return the id of a new service, `users`."""
    return str(cloud_map.create_service(Name="users", NamespaceId=namespace_id)["Service"]["Id"])


def namespace_called(cloud_map: Any, name: str) -> str:
    (found,) = cloud_map.list_namespaces(Filters=[{"Name": "NAME", "Values": [name]}])["Namespaces"]
    return str(found["Id"])


def register(cloud_map: Any, service: str, instance: str, **attributes: str) -> None:
    cloud_map.register_instance(ServiceId=service, InstanceId=instance, Attributes=attributes)


def discovered(cloud_map: Any, namespace: str, **parameters: Any) -> list[str]:
    found = cloud_map.discover_instances(NamespaceName=namespace, ServiceName="users", **parameters)
    return sorted(one["InstanceId"] for one in found["Instances"])


def test_query_parameters_must_match_exactly(cloud_map: Any, namespace: str, service: str) -> None:
    register(cloud_map, service, "production", endpoint="https://p", stage="Production")
    register(cloud_map, service, "staging", endpoint="https://s", stage="Staging")

    assert discovered(cloud_map, namespace, QueryParameters={"stage": "Production"}) == ["production"]
    assert discovered(cloud_map, namespace, QueryParameters={"stage": "production"}) == []
    assert discovered(cloud_map, namespace) == ["production", "staging"]


def test_optional_parameters_count_only_where_something_matches(
    cloud_map: Any, namespace: str, service: str
) -> None:
    register(cloud_map, service, "blue", endpoint="https://b", color="blue")
    register(cloud_map, service, "green", endpoint="https://g", color="green")

    assert discovered(cloud_map, namespace, OptionalParameters={"color": "blue"}) == ["blue"]
    assert discovered(cloud_map, namespace, OptionalParameters={"color": "red"}) == ["blue", "green"]


def test_a_hundred_instances_are_discovered_unless_more_are_asked_for(
    cloud_map: Any, namespace: str, service: str
) -> None:
    for number in range(101):
        register(cloud_map, service, f"i{number}", endpoint="https://u")

    assert len(discovered(cloud_map, namespace)) == 100
    assert len(discovered(cloud_map, namespace, MaxResults=1000)) == 101
    assert len(discovered(cloud_map, namespace, MaxResults=2)) == 2


def test_health_is_no_filter_where_there_is_no_health_check(
    cloud_map: Any, namespace: str, service: str
) -> None:
    register(cloud_map, service, "one", endpoint="https://u")

    for health in ("HEALTHY_OR_ELSE_ALL", "HEALTHY", "UNHEALTHY", "ALL"):
        assert discovered(cloud_map, namespace, HealthStatus=health) == ["one"]


def test_healthy_or_else_all_fails_open(cloud_map: Any, namespace: str, namespace_id: str) -> None:
    created = cloud_map.create_service(
        Name="users", NamespaceId=namespace_id, HealthCheckCustomConfig={"FailureThreshold": 1}
    )
    checked = created["Service"]["Id"]
    for instance in ("one", "two"):
        register(cloud_map, checked, instance, endpoint="https://u")

    def fall_ill(instance: str) -> None:
        cloud_map.update_instance_custom_health_status(
            ServiceId=checked, InstanceId=instance, Status="UNHEALTHY"
        )

    fall_ill("one")
    assert discovered(cloud_map, namespace, HealthStatus="HEALTHY_OR_ELSE_ALL") == ["two"]
    assert discovered(cloud_map, namespace, HealthStatus="UNHEALTHY") == ["one"]
    fall_ill("two")
    assert discovered(cloud_map, namespace, HealthStatus="HEALTHY_OR_ELSE_ALL") == ["one", "two"]
    assert discovered(cloud_map, namespace, HealthStatus="HEALTHY") == []


def test_the_revision_rises_with_registrations_and_deregistrations(
    cloud_map: Any, namespace: str, service: str
) -> None:
    def revision() -> int:
        found = cloud_map.discover_instances(NamespaceName=namespace, ServiceName="users")
        return int(found["InstancesRevision"])

    revisions = [revision()]
    register(cloud_map, service, "one", endpoint="https://u")
    revisions.append(revision())
    cloud_map.deregister_instance(ServiceId=service, InstanceId="one")
    revisions.append(revision())

    assert revisions == sorted(set(revisions))
    alone = cloud_map.discover_instances_revision(NamespaceName=namespace, ServiceName="users")
    assert alone["InstancesRevision"] == revisions[-1]


def test_what_is_missing_is_said_with_http_400(cloud_map: Any, namespace: str, service: str) -> None:
    refusals = [
        refusal(cloud_map.discover_instances, NamespaceName="nothing-here", ServiceName="users"),
        refusal(cloud_map.discover_instances, NamespaceName=namespace, ServiceName="orders"),
        refusal(cloud_map.get_service, Id="srv-none"),
        refusal(cloud_map.list_instances, ServiceId="srv-none"),
        refusal(cloud_map.get_instance, ServiceId="srv-none", InstanceId="one"),
        refusal(cloud_map.get_instance, ServiceId=service, InstanceId="one"),
        refusal(cloud_map.deregister_instance, ServiceId=service, InstanceId="one"),
        refusal(cloud_map.get_operation, OperationId="none"),
    ]

    assert [answer["Error"]["Code"] for answer in refusals] == [
        "NamespaceNotFound",
        "ServiceNotFound",
        "ServiceNotFound",
        "ServiceNotFound",
        "ServiceNotFound",
        "InstanceNotFound",
        "InstanceNotFound",
        "OperationNotFound",
    ]
    assert {answer["ResponseMetadata"]["HTTPStatusCode"] for answer in refusals} == {400}


def test_what_exists_already_is_named(
    cloud_map: Any, namespace: str, namespace_id: str, service: str
) -> None:
    again = refusal(cloud_map.create_http_namespace, Name=namespace)
    twice = refusal(cloud_map.create_service, Name="users", NamespaceId=namespace_id)

    assert (again["Error"]["Code"], again["NamespaceId"]) == ("NamespaceAlreadyExists", namespace_id)
    assert (twice["Error"]["Code"], twice["ServiceId"]) == ("ServiceAlreadyExists", service)


def test_a_service_goes_only_when_it_is_empty(cloud_map: Any, service: str) -> None:
    register(cloud_map, service, "one", endpoint="https://u")

    assert refusal_code(cloud_map.delete_service, Id=service) == "ResourceInUse"
    cloud_map.deregister_instance(ServiceId=service, InstanceId="one")
    cloud_map.delete_service(Id=service)
    assert refusal_code(cloud_map.get_service, Id=service) == "ServiceNotFound"


def test_listings_have_pages(cloud_map: Any, namespace_id: str, service: str) -> None:
    for number in range(5):
        register(cloud_map, service, f"i{number}", endpoint="https://u")
        cloud_map.create_service(Name=f"other-{number}", NamespaceId=namespace_id)
    of_namespace = [{"Name": "NAMESPACE_ID", "Values": [namespace_id]}]

    instances = pages(cloud_map, "list_instances", "Instances", ServiceId=service)
    services = pages(cloud_map, "list_services", "Services", Filters=of_namespace)

    assert [len(page) for page in instances] == [2, 2, 1]
    assert sorted(one["Id"] for page in instances for one in page) == [f"i{number}" for number in range(5)]
    assert [len(page) for page in services] == [2, 2, 2]


def pages(cloud_map: Any, listing: str, member: str, **parameters: Any) -> list[list[Any]]:
    found = cloud_map.get_paginator(listing).paginate(PaginationConfig={"PageSize": 2}, **parameters)
    return [page[member] for page in found]


def test_services_are_listed_by_namespace_and_counted(
    cloud_map: Any, namespace_id: str, service: str
) -> None:
    cloud_map.create_http_namespace(Name=f"other-{namespace_id}")
    other = namespace_called(cloud_map, f"other-{namespace_id}")
    cloud_map.create_service(Name="users", NamespaceId=other)
    register(cloud_map, service, "one", endpoint="https://u")

    listed = cloud_map.list_services(Filters=[{"Name": "NAMESPACE_ID", "Values": [namespace_id]}])

    (only,) = listed["Services"]
    assert (only["Id"], only["InstanceCount"]) == (service, 1)
    assert cloud_map.get_service(Id=service)["Service"]["InstanceCount"] == 1
    assert cloud_map.get_namespace(Id=namespace_id)["Namespace"]["ServiceCount"] == 1


def test_tags_are_those_of_the_resource(cloud_map: Any, service: str) -> None:
    arn = cloud_map.get_service(Id=service)["Service"]["Arn"]

    cloud_map.tag_resource(ResourceARN=arn, Tags=[{"Key": "made-by", "Value": "registrar"}])

    assert cloud_map.list_tags_for_resource(ResourceARN=arn)["Tags"] == [
        {"Key": "made-by", "Value": "registrar"}
    ]
    gone = arn.replace(service, "srv-none")
    assert refusal_code(cloud_map.list_tags_for_resource, ResourceARN=gone) == "ResourceNotFoundException"


def test_cloudformation_and_the_api_share_one_registry(ministack: Ministack, cloud_map: Any) -> None:
    stacks = Stacks(ministack.client("cloudformation"))

    stacks.create("registry", TEMPLATE)
    found = cloud_map.discover_instances(NamespaceName="of-a-stack", ServiceName="users")
    stacks.delete("registry")

    assert [one["InstanceId"] for one in found["Instances"]] == ["one"]
    assert (
        refusal_code(cloud_map.discover_instances, NamespaceName="of-a-stack", ServiceName="users")
        == "NamespaceNotFound"
    )


def test_a_stack_goes_though_its_instance_was_deregistered(ministack: Ministack, cloud_map: Any) -> None:
    stacks = Stacks(ministack.client("cloudformation"))
    stacks.create("registry", TEMPLATE)
    service = stacks.resource("registry", "Service")

    cloud_map.deregister_instance(ServiceId=service, InstanceId="one")
    stacks.delete("registry")

    assert refusal_code(cloud_map.get_service, Id=service) == "ServiceNotFound"
