"""The stand-in's namespaces, services and instances follow AWS's rules where moto alone does not."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.standin.fixtures import refusal, refusal_code
from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

Sdk = Callable[..., Any]


@pytest.fixture
def cloud_map(sdk: Sdk) -> Any:
    return sdk("servicediscovery")


@pytest.fixture
def service_id(aws: StandIn) -> str:
    return aws.seed_service("services", "users")


def discovered(cloud_map: Any, service: str = "users") -> dict[str, dict[str, str]]:
    answer = cloud_map.discover_instances(NamespaceName="services", ServiceName=service, MaxResults=1000)
    return {instance["InstanceId"]: instance["Attributes"] for instance in answer["Instances"]}


def revision(cloud_map: Any, service: str = "users") -> int:
    answer = cloud_map.discover_instances_revision(NamespaceName="services", ServiceName=service)
    return int(answer["InstancesRevision"])


def test_registering_an_id_again_replaces_all_its_attributes(cloud_map: Any, service_id: str) -> None:
    cloud_map.register_instance(
        ServiceId=service_id, InstanceId="a", Attributes={"endpoint": "https://1", "x": "1"}
    )
    cloud_map.register_instance(ServiceId=service_id, InstanceId="a", Attributes={"endpoint": "https://2"})

    assert discovered(cloud_map) == {"a": {"endpoint": "https://2"}}
    got = cloud_map.get_instance(ServiceId=service_id, InstanceId="a")["Instance"]
    assert got["Attributes"] == {"endpoint": "https://2"}
    assert len(cloud_map.list_instances(ServiceId=service_id)["Instances"]) == 1


def test_revision_rises_with_every_coming_and_going_and_never_falls(cloud_map: Any, service_id: str) -> None:
    seen = [revision(cloud_map)]
    for instance_id in ("a", "b"):
        cloud_map.register_instance(
            ServiceId=service_id, InstanceId=instance_id, Attributes={"endpoint": "https://1"}
        )
        seen.append(revision(cloud_map))
    for instance_id in ("a", "b"):
        cloud_map.deregister_instance(ServiceId=service_id, InstanceId=instance_id)
        seen.append(revision(cloud_map))

    assert seen == sorted(set(seen))
    answer = cloud_map.discover_instances(NamespaceName="services", ServiceName="users")
    assert answer["InstancesRevision"] == seen[-1]


def test_revision_of_a_recreated_service_goes_on_rising(cloud_map: Any, service_id: str) -> None:
    cloud_map.register_instance(ServiceId=service_id, InstanceId="a", Attributes={"endpoint": "https://1"})
    before = revision(cloud_map)
    cloud_map.deregister_instance(ServiceId=service_id, InstanceId="a")
    cloud_map.delete_service(Id=service_id)
    namespace_id = cloud_map.list_namespaces()["Namespaces"][0]["Id"]

    cloud_map.create_service(Name="users", NamespaceId=namespace_id)

    assert revision(cloud_map) > before


@pytest.mark.parametrize("rises", [False, True])
def test_whether_an_update_raises_the_revision_is_a_setting(
    aws: StandIn, cloud_map: Any, service_id: str, *, rises: bool
) -> None:
    aws.configure(revision_rises_on_update=rises)
    cloud_map.register_instance(ServiceId=service_id, InstanceId="a", Attributes={"endpoint": "https://1"})
    before = revision(cloud_map)

    cloud_map.register_instance(ServiceId=service_id, InstanceId="a", Attributes={"endpoint": "https://2"})

    assert (revision(cloud_map) > before) is rises


def test_a_second_namespace_of_a_name_is_refused_with_the_id_of_the_first(
    aws: StandIn, cloud_map: Any
) -> None:
    namespace_id = aws.seed_namespace("services")

    error = refusal(cloud_map.create_http_namespace, Name="services")

    assert error["Error"]["Code"] == "NamespaceAlreadyExists"
    assert error["NamespaceId"] == namespace_id
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_second_service_of_a_name_is_refused_with_the_id_of_the_first(
    cloud_map: Any, service_id: str
) -> None:
    namespace_id = cloud_map.list_namespaces()["Namespaces"][0]["Id"]

    error = refusal(cloud_map.create_service, Name="users", NamespaceId=namespace_id)

    assert error["Error"]["Code"] == "ServiceAlreadyExists"
    assert error["ServiceId"] == service_id
    assert error["ServiceArn"].endswith(f"service/{service_id}")


def test_service_names_of_http_namespaces_may_differ_by_case_alone(cloud_map: Any, service_id: str) -> None:
    namespace_id = cloud_map.list_namespaces()["Namespaces"][0]["Id"]

    created = cloud_map.create_service(Name="Users", NamespaceId=namespace_id)["Service"]

    assert created["Id"] != service_id


def test_service_names_of_dns_namespaces_must_differ_by_more_than_case(cloud_map: Any) -> None:
    operation = cloud_map.create_public_dns_namespace(Name="example.com")["OperationId"]
    namespace_id = cloud_map.get_operation(OperationId=operation)["Operation"]["Targets"]["NAMESPACE"]
    cloud_map.create_service(Name="users", NamespaceId=namespace_id)

    assert (
        refusal_code(cloud_map.create_service, Name="Users", NamespaceId=namespace_id)
        == "ServiceAlreadyExists"
    )


def test_private_namespaces_conflict_by_name_and_vpc_not_by_vpc_alone(cloud_map: Any) -> None:
    cloud_map.create_private_dns_namespace(Name="one.local", Vpc="vpc-1")
    cloud_map.create_private_dns_namespace(Name="two.local", Vpc="vpc-1")

    error = refusal_code(cloud_map.create_private_dns_namespace, Name="one.local", Vpc="vpc-1")

    assert error == "NamespaceAlreadyExists"
    assert len(cloud_map.list_namespaces()["Namespaces"]) == 2


def test_a_name_used_twice_gets_an_http_name_of_its_own(aws: StandIn, cloud_map: Any) -> None:
    aws.seed_instance("services", "users", "a", {"endpoint": "https://http"})
    operation = cloud_map.create_private_dns_namespace(Name="services", Vpc="vpc-1")["OperationId"]
    namespace_id = cloud_map.get_operation(OperationId=operation)["Operation"]["Targets"]["NAMESPACE"]

    http_name = cloud_map.get_namespace(Id=namespace_id)["Namespace"]["Properties"]["HttpProperties"][
        "HttpName"
    ]

    assert http_name.startswith("services-")
    assert discovered(cloud_map) == {"a": {"endpoint": "https://http"}}
    assert (
        refusal_code(cloud_map.discover_instances, NamespaceName=http_name, ServiceName="users")
        == "ServiceNotFound"
    )


def test_ids_and_arns_both_name_a_resource(cloud_map: Any, service_id: str) -> None:
    arn = cloud_map.get_service(Id=service_id)["Service"]["Arn"]

    cloud_map.register_instance(ServiceId=arn, InstanceId="a", Attributes={"endpoint": "https://1"})

    assert cloud_map.get_service(Id=arn)["Service"]["InstanceCount"] == 1
    assert refusal_code(cloud_map.get_service, Id=arn.replace("123456789", "999999999")) == "ServiceNotFound"


@pytest.mark.parametrize(
    ("method", "parameters", "code"),
    [
        ("get_namespace", {"Id": "ns-none"}, "NamespaceNotFound"),
        ("delete_namespace", {"Id": "ns-none"}, "NamespaceNotFound"),
        ("create_service", {"Name": "users", "NamespaceId": "ns-none"}, "NamespaceNotFound"),
        ("get_service", {"Id": "srv-none"}, "ServiceNotFound"),
        ("delete_service", {"Id": "srv-none"}, "ServiceNotFound"),
        ("list_instances", {"ServiceId": "srv-none"}, "ServiceNotFound"),
        (
            "register_instance",
            {"ServiceId": "srv-none", "InstanceId": "a", "Attributes": {}},
            "ServiceNotFound",
        ),
        ("deregister_instance", {"ServiceId": "srv-none", "InstanceId": "a"}, "ServiceNotFound"),
        ("get_operation", {"OperationId": "none"}, "OperationNotFound"),
        ("discover_instances", {"NamespaceName": "none", "ServiceName": "users"}, "NamespaceNotFound"),
        ("discover_instances", {"NamespaceName": "services", "ServiceName": "none"}, "ServiceNotFound"),
        (
            "discover_instances_revision",
            {"NamespaceName": "services", "ServiceName": "none"},
            "ServiceNotFound",
        ),
        ("list_tags_for_resource", {"ResourceARN": "arn:aws:none"}, "ResourceNotFoundException"),
    ],
)
def test_what_does_not_exist_is_refused_as_modeled(
    aws: StandIn, cloud_map: Any, method: str, parameters: dict[str, Any], code: str
) -> None:
    aws.seed_service("services", "users")

    error = refusal(getattr(cloud_map, method), **parameters)

    assert error["Error"]["Code"] == code
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_an_unknown_instance_is_not_found(cloud_map: Any, service_id: str) -> None:
    for method in (cloud_map.get_instance, cloud_map.deregister_instance):
        assert refusal_code(method, ServiceId=service_id, InstanceId="none") == "InstanceNotFound"


def test_what_contains_others_cannot_be_deleted(cloud_map: Any, service_id: str) -> None:
    namespace_id = cloud_map.list_namespaces()["Namespaces"][0]["Id"]
    cloud_map.register_instance(ServiceId=service_id, InstanceId="a", Attributes={"endpoint": "https://1"})

    assert refusal_code(cloud_map.delete_service, Id=service_id) == "ResourceInUse"
    assert refusal_code(cloud_map.delete_namespace, Id=namespace_id) == "ResourceInUse"

    cloud_map.deregister_instance(ServiceId=service_id, InstanceId="a")
    cloud_map.delete_service(Id=service_id)
    cloud_map.delete_namespace(Id=namespace_id)
    assert cloud_map.list_namespaces()["Namespaces"] == []


def test_tags_are_kept_and_counted(cloud_map: Any, service_id: str) -> None:
    arn = cloud_map.get_service(Id=service_id)["Service"]["Arn"]
    cloud_map.tag_resource(ResourceARN=arn, Tags=[{"Key": "team", "Value": "one"}])

    too_many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]

    assert cloud_map.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "team", "Value": "one"}]
    error = refusal(cloud_map.tag_resource, ResourceARN=arn, Tags=too_many)
    assert (error["Error"]["Code"], error["ResourceName"]) == ("TooManyTagsException", arn)
