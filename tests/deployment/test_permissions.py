"""Roles may do on ministack what their policies allow on AWS, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.deployment.ministack import Credentials, Ministack

ARN = "arn:aws:servicediscovery:eu-central-1:123456789012"


@pytest.fixture
def allowed(ministack: Ministack, session: Callable[..., Credentials]) -> Callable[..., Any]:
    """Return `allowed(service, statement, …)`, a client with such credentials."""
    return lambda service, *statements: ministack.client(service, session(*statements))


@pytest.fixture
def namespace(ministack: Ministack) -> str:
    """Return the name of a namespace with a service `users`, whose one instance is `one`."""
    cloud_map = ministack.client("servicediscovery")
    name = f"services-{uuid4().hex[:8]}"
    cloud_map.create_http_namespace(Name=name)
    (found,) = cloud_map.list_namespaces(Filters=[{"Name": "NAME", "Values": [name]}])["Namespaces"]
    users = cloud_map.create_service(
        Name="users", NamespaceId=found["Id"], Tags=[{"Key": "by", "Value": "us"}]
    )
    cloud_map.register_instance(
        ServiceId=users["Service"]["Id"], InstanceId="one", Attributes={"endpoint": "https://users"}
    )
    return name


@pytest.fixture
def service(ministack: Ministack, namespace: str) -> dict[str, Any]:
    cloud_map = ministack.client("servicediscovery")
    (found,) = cloud_map.list_namespaces(Filters=[{"Name": "NAME", "Values": [namespace]}])["Namespaces"]
    filters = [{"Name": "NAMESPACE_ID", "Values": [found["Id"]]}]
    (only,) = cloud_map.list_services(Filters=filters)["Services"]
    return dict(only)


def is_denied(call: Callable[..., Any], **parameters: Any) -> bool:
    try:
        call(**parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return True
    return False


def test_discovery_is_allowed_by_the_names_of_namespace_and_service(
    allowed: Callable[..., Any], namespace: str
) -> None:
    def discovers(**names: str) -> bool:
        condition = {"StringEquals": {f"servicediscovery:{key}": name for key, name in names.items()}}
        client = allowed(
            "servicediscovery",
            {"Action": "servicediscovery:DiscoverInstances", "Resource": "*", "Condition": condition},
        )
        return not is_denied(client.discover_instances, NamespaceName=namespace, ServiceName="users")

    assert discovers(NamespaceName=namespace)
    assert discovers(NamespaceName=namespace, ServiceName="users")
    assert not discovers(NamespaceName="services")
    assert not discovers(NamespaceName=namespace, ServiceName="orders")


def test_instances_are_written_by_the_arn_of_their_service(
    allowed: Callable[..., Any], service: dict[str, Any]
) -> None:
    actions = [
        "servicediscovery:RegisterInstance",
        "servicediscovery:GetInstance",
        "servicediscovery:ListInstances",
    ]
    its = allowed("servicediscovery", {"Action": actions, "Resource": service["Arn"]})
    of_another = allowed("servicediscovery", {"Action": actions, "Resource": f"{ARN}:service/srv-other"})
    record = {"ServiceId": service["Id"], "InstanceId": "two", "Attributes": {"endpoint": "https://two"}}

    assert not is_denied(its.register_instance, **record)
    assert not is_denied(its.list_instances, ServiceId=service["Id"])
    assert not is_denied(its.get_instance, ServiceId=service["Id"], InstanceId="two")
    assert is_denied(its.deregister_instance, ServiceId=service["Id"], InstanceId="two")
    assert is_denied(of_another.register_instance, **record)
    assert is_denied(of_another.list_instances, ServiceId=service["Id"])


def test_services_are_created_by_the_arn_of_their_namespace(
    allowed: Callable[..., Any], service: dict[str, Any], ministack: Ministack
) -> None:
    described = ministack.client("servicediscovery").get_service(Id=service["Id"])["Service"]
    namespace_id = described["NamespaceId"]
    actions = ["servicediscovery:CreateService", "servicediscovery:GetNamespace"]
    client = allowed("servicediscovery", {"Action": actions, "Resource": f"{ARN}:namespace/{namespace_id}"})

    assert not is_denied(client.create_service, Name="orders", NamespaceId=namespace_id)
    assert not is_denied(client.get_namespace, Id=namespace_id)
    assert is_denied(client.get_namespace, Id="ns-other")
    assert is_denied(client.get_service, Id=service["Id"])


def test_tags_bound_what_is_tagged_and_what_is_deleted(
    allowed: Callable[..., Any], service: dict[str, Any], ministack: Ministack
) -> None:
    tagging = {
        "Action": "servicediscovery:TagResource",
        "Resource": "*",
        "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["by", "since"]}},
    }
    deletion = {
        "Action": "servicediscovery:DeleteService",
        "Resource": f"{ARN}:service/*",
        "Condition": {"StringEquals": {"aws:ResourceTag/by": "registrar"}},
    }
    client = allowed("servicediscovery", tagging, deletion)
    mine = {"ResourceARN": service["Arn"], "Tags": [{"Key": "by", "Value": "registrar"}]}
    root = ministack.client("servicediscovery")
    root.deregister_instance(ServiceId=service["Id"], InstanceId="one")

    assert is_denied(client.tag_resource, **{**mine, "Tags": [{"Key": "else", "Value": "x"}]})
    assert is_denied(client.delete_service, Id=service["Id"])
    assert not is_denied(client.tag_resource, **mine)
    assert not is_denied(client.delete_service, Id=service["Id"])


def test_parameters_are_read_by_their_path(allowed: Callable[..., Any]) -> None:
    under = "arn:aws:ssm:eu-central-1:123456789012:parameter/services"
    client = allowed(
        "ssm",
        {"Action": "ssm:GetParameters", "Resource": f"{under}/*"},
        {"Action": "ssm:GetParametersByPath", "Resource": under},
    )

    assert not is_denied(client.get_parameters, Names=["/services/Production/users"])
    assert not is_denied(client.get_parameters_by_path, Path="/services")
    assert is_denied(client.get_parameters, Names=["/secrets/users"])
    assert is_denied(client.get_parameters_by_path, Path="/")


def test_a_request_that_is_signed_wrong_is_refused(
    ministack: Ministack, session: Callable[..., Credentials]
) -> None:
    key, _, token = session({"Action": "*", "Resource": "*"})
    client = ministack.client("ssm", (key, "another-secret", token))

    with pytest.raises(ClientError) as refused:
        client.get_parameters(Names=["/services/Production/users"])

    assert refused.value.response["Error"]["Code"] == "InvalidSignatureException"
