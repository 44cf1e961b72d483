"""Every answer of the stand-in's Cloud Map, good or bad, is one that botocore's service model allows."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.standin.conformity import ConformityError, check_conformity
from tests.standin.fixtures import refusal_code, sdk_client
from tests.standin.raw import RawClient
from tests.standin.stand_in import StandIn
from tests.standin.throttle import Throttle

pytest_plugins = ["tests.standin.fixtures"]


class Recorder:
    """A client without checks of its own, and what it was answered."""

    def __init__(self, stand_in: StandIn) -> None:
        self.client = sdk_client("servicediscovery", stand_in, parameter_validation=False)
        self.outcomes = check_conformity(self.client)

    def ok(self, method: str, **parameters: Any) -> Any:
        return getattr(self.client, method)(**parameters)

    def refused(self, method: str, **parameters: Any) -> str:
        return refusal_code(getattr(self.client, method), **parameters)


@pytest.fixture
def recorder(aws: StandIn) -> Iterator[Recorder]:
    recorder = Recorder(aws)
    yield recorder
    recorder.client.close()


def use_namespaces(do: Callable[..., Any]) -> str:
    """Call every operation on namespaces; returns the id of an HTTP namespace."""
    tags = [{"Key": "team", "Value": "one"}]
    operation_id = do("create_http_namespace", Name="services", Description="all", Tags=tags)["OperationId"]
    namespace_id = str(do("get_operation", OperationId=operation_id)["Operation"]["Targets"]["NAMESPACE"])
    soa = {"Properties": {"DnsProperties": {"SOA": {"TTL": 60}}}}
    do("create_private_dns_namespace", Name="one.local", Vpc="vpc-1", **soa)
    do("create_public_dns_namespace", Name="example.com", **soa)
    by_type = {n["Type"]: n for n in do("list_namespaces")["Namespaces"]}
    do("update_http_namespace", Id=namespace_id, Namespace={"Description": "new"})
    do(
        "update_private_dns_namespace",
        Id=by_type["DNS_PRIVATE"]["Id"],
        Namespace={"Description": "new", **soa},
    )
    do("update_public_dns_namespace", Id=by_type["DNS_PUBLIC"]["Id"], Namespace={"Description": "new", **soa})
    for namespace in by_type.values():
        do("get_namespace", Id=namespace["Id"])
    do("delete_namespace", Id=by_type["DNS_PUBLIC"]["Id"])
    do("tag_resource", ResourceARN=by_type["HTTP"]["Arn"], Tags=[{"Key": "k", "Value": "v"}])
    do("list_tags_for_resource", ResourceARN=by_type["HTTP"]["Arn"])
    do("untag_resource", ResourceARN=by_type["HTTP"]["Arn"], TagKeys=["k"])
    return namespace_id


def use_services(do: Callable[..., Any], namespace_id: str) -> str:
    """Call every operation on services; returns the id of one with a custom health check."""
    do("create_service", Name="plain", NamespaceId=namespace_id)
    service = do(
        "create_service",
        Name="users",
        NamespaceId=namespace_id,
        Description="users",
        HealthCheckCustomConfig={"FailureThreshold": 1},
        Tags=[{"Key": "team", "Value": "one"}],
    )["Service"]
    service_id = str(service["Id"])
    do("update_service", Id=service_id, Service={"Description": "new", "DnsConfig": {"DnsRecords": []}})
    do("get_service", Id=service_id)
    do("list_services")
    do("update_service_attributes", ServiceId=service_id, Attributes={"team": "one"})
    do("get_service_attributes", ServiceId=service_id)
    do("delete_service_attributes", ServiceId=service_id, Attributes=["team"])
    return service_id


def use_instances(do: Callable[..., Any], service_id: str) -> None:
    """Call every operation on instances, and delete the service."""
    for instance_id in ("a", "b"):
        do(
            "register_instance",
            ServiceId=service_id,
            InstanceId=instance_id,
            Attributes={"endpoint": "https://a"},
        )
    do("get_instance", ServiceId=service_id, InstanceId="a")
    do("list_instances", ServiceId=service_id, MaxResults=1)
    do("get_instances_health_status", ServiceId=service_id, MaxResults=1)
    do("update_instance_custom_health_status", ServiceId=service_id, InstanceId="a", Status="UNHEALTHY")
    do("discover_instances", NamespaceName="services", ServiceName="users")
    do("discover_instances_revision", NamespaceName="services", ServiceName="users")
    for instance_id in ("a", "b"):
        do("deregister_instance", ServiceId=service_id, InstanceId=instance_id)
    do("list_operations")
    do("delete_service", Id=service_id)


def test_every_operation_answers_in_the_shape_of_the_model(recorder: Recorder) -> None:
    use_instances(recorder.ok, use_services(recorder.ok, use_namespaces(recorder.ok)))

    assert recorder.outcomes == {(name, "ok") for name in recorder.client.meta.service_model.operation_names}


def test_failed_operations_answer_in_the_shape_of_the_model(aws: StandIn, recorder: Recorder) -> None:
    aws.fail_next_operations()
    operation_id = recorder.ok("create_http_namespace", Name="services")["OperationId"]

    assert recorder.ok("get_operation", OperationId=operation_id)["Operation"]["Status"] == "FAIL"


def test_every_operation_refuses_an_empty_request_as_modeled(recorder: Recorder) -> None:
    model = recorder.client.meta.service_model
    needing = {
        name
        for name in model.operation_names
        if model.operation_model(name).input_shape
        and model.operation_model(name).input_shape.required_members
    }
    methods = {operation: method for method, operation in recorder.client.meta.method_to_api_mapping.items()}

    codes = {recorder.refused(methods[name]) for name in needing}

    assert codes == {"InvalidInput"}
    assert needing == {name for name, outcome in recorder.outcomes if outcome == "InvalidInput"}


def test_every_operation_on_something_unknown_is_refused_as_modeled(recorder: Recorder) -> None:
    instance = {"ServiceId": "srv-none", "InstanceId": "a"}
    change = {"Id": "ns-none", "Namespace": {"Description": "new"}}
    calls: dict[str, dict[str, Any]] = {
        "create_service": {"Name": "users", "NamespaceId": "ns-none"},
        "delete_namespace": {"Id": "ns-none"},
        "delete_service": {"Id": "srv-none"},
        "delete_service_attributes": {"ServiceId": "srv-none", "Attributes": ["a"]},
        "deregister_instance": instance,
        "discover_instances": {"NamespaceName": "none", "ServiceName": "users"},
        "discover_instances_revision": {"NamespaceName": "none", "ServiceName": "users"},
        "get_instance": instance,
        "get_instances_health_status": {"ServiceId": "srv-none"},
        "get_namespace": {"Id": "ns-none"},
        "get_operation": {"OperationId": "none"},
        "get_service": {"Id": "srv-none"},
        "get_service_attributes": {"ServiceId": "srv-none"},
        "list_instances": {"ServiceId": "srv-none"},
        "list_tags_for_resource": {"ResourceARN": "arn:none"},
        "register_instance": {**instance, "Attributes": {}},
        "tag_resource": {"ResourceARN": "arn:none", "Tags": []},
        "untag_resource": {"ResourceARN": "arn:none", "TagKeys": []},
        "update_http_namespace": change,
        "update_instance_custom_health_status": {**instance, "Status": "HEALTHY"},
        "update_private_dns_namespace": change,
        "update_public_dns_namespace": change,
        "update_service": {"Id": "srv-none", "Service": {}},
        "update_service_attributes": {"ServiceId": "srv-none", "Attributes": {"a": "b"}},
    }

    codes = {method: recorder.refused(method, **parameters) for method, parameters in calls.items()}

    assert all(code.endswith(("NotFound", "NotFoundException")) for code in codes.values()), codes


def test_throttling_is_answered_as_modeled(aws: StandIn, recorder: Recorder) -> None:
    model = recorder.client.meta.service_model
    every = tuple(f"servicediscovery:{name}" for name in model.operation_names)
    aws.configure(throttles=(Throttle(every, 0, 0),))

    discover = recorder.refused("discover_instances", NamespaceName="services", ServiceName="users")
    revision = recorder.refused("discover_instances_revision", NamespaceName="services", ServiceName="users")
    control_plane = recorder.refused("list_services")

    assert (discover, revision, control_plane) == (
        "RequestLimitExceeded",
        "RequestLimitExceeded",
        "ThrottlingException",
    )


@pytest.mark.parametrize(
    ("operation", "body", "code"),
    [
        ("ListServices", "{", "SerializationException"),
        ("ListServices", "[]", "SerializationException"),
        ("ListNothing", "{}", "UnknownOperationException"),
    ],
)
def test_what_is_no_request_of_cloud_map_is_refused_as_such(
    aws: StandIn, operation: str, body: str, code: str
) -> None:
    with RawClient(aws.url) as raw:
        answer = raw.call(f"servicediscovery:{operation}", body)

    assert (answer.status, json.loads(answer.body)["__type"]) == (400, code)


def test_the_check_itself_notices_what_the_model_does_not_allow(aws: StandIn, recorder: Recorder) -> None:
    aws.faults.garbage("servicediscovery", body=b'{"Services": [{"Nome": "users"}]}', count=1)
    aws.faults.error("NoSuchThing", "servicediscovery", count=1)

    with pytest.raises(ConformityError, match="Nome"):
        recorder.ok("list_services")
    with pytest.raises(ConformityError, match="NoSuchThing"):
        recorder.ok("list_services")
