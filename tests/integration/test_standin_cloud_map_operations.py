"""The stand-in's operations take time, fail on demand, exclude each other, and propagate as late as they are told."""

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
    aws.freeze_clock()
    return aws.seed_service("services", "users")


def register(cloud_map: Any, service_id: str, instance_id: str = "a", endpoint: str = "https://1") -> str:
    answer = cloud_map.register_instance(
        ServiceId=service_id, InstanceId=instance_id, Attributes={"endpoint": endpoint}
    )
    return str(answer["OperationId"])


def operation(cloud_map: Any, operation_id: str) -> dict[str, Any]:
    return dict(cloud_map.get_operation(OperationId=operation_id)["Operation"])


def status(cloud_map: Any, operation_id: str) -> str:
    return str(operation(cloud_map, operation_id)["Status"])


def discovered(cloud_map: Any) -> list[str]:
    answer = cloud_map.discover_instances(NamespaceName="services", ServiceName="users")
    return sorted(instance["Attributes"]["endpoint"] for instance in answer["Instances"])


def listed(cloud_map: Any, service_id: str) -> list[str]:
    return sorted(instance["Id"] for instance in cloud_map.list_instances(ServiceId=service_id)["Instances"])


def test_by_default_operations_are_done_at_once(cloud_map: Any, service_id: str) -> None:
    assert status(cloud_map, register(cloud_map, service_id)) == "SUCCESS"
    assert discovered(cloud_map) == ["https://1"]


def test_an_operation_goes_from_submitted_through_pending_to_success(
    aws: StandIn, cloud_map: Any, service_id: str
) -> None:
    aws.configure(operation_seconds=2)
    operation_id = register(cloud_map, service_id)

    seen = []
    for _ in range(3):
        seen.append((status(cloud_map, operation_id), discovered(cloud_map)))
        aws.advance_clock(1)

    assert seen == [("SUBMITTED", []), ("PENDING", []), ("SUCCESS", ["https://1"])]


def test_an_operation_tells_when_its_status_changed(aws: StandIn, cloud_map: Any, service_id: str) -> None:
    aws.configure(operation_seconds=2)
    operation_id = register(cloud_map, service_id)
    aws.advance_clock(10)

    described = operation(cloud_map, operation_id)

    assert (described["UpdateDate"] - described["CreateDate"]).total_seconds() == pytest.approx(2, abs=0.01)
    assert described["Targets"] == {"INSTANCE": "a", "SERVICE": service_id}
    assert described["Type"] == "REGISTER_INSTANCE"


def test_a_failed_operation_says_why_and_does_nothing(aws: StandIn, cloud_map: Any, service_id: str) -> None:
    aws.fail_next_operations(code="INTERNAL_FAILURE", message="No luck.")

    failed, succeeded = register(cloud_map, service_id), register(cloud_map, service_id, "b", "https://2")

    described = operation(cloud_map, failed)
    assert (described["Status"], described["ErrorCode"], described["ErrorMessage"]) == (
        "FAIL",
        "INTERNAL_FAILURE",
        "No luck.",
    )
    assert status(cloud_map, succeeded) == "SUCCESS"
    assert discovered(cloud_map) == ["https://2"]


def test_a_failure_shows_only_at_the_end(aws: StandIn, cloud_map: Any, service_id: str) -> None:
    aws.configure(operation_seconds=2)
    aws.fail_next_operations()
    operation_id = register(cloud_map, service_id)

    before = operation(cloud_map, operation_id)
    aws.advance_clock(2)

    assert before["Status"] == "SUBMITTED"
    assert "ErrorCode" not in before
    assert status(cloud_map, operation_id) == "FAIL"


def test_a_second_call_for_the_same_instance_names_the_operation_in_progress(
    aws: StandIn, cloud_map: Any, service_id: str
) -> None:
    aws.configure(operation_seconds=2)
    first = register(cloud_map, service_id)

    again = refusal(
        cloud_map.register_instance,
        ServiceId=service_id,
        InstanceId="a",
        Attributes={"endpoint": "https://2"},
    )
    removal = refusal(cloud_map.deregister_instance, ServiceId=service_id, InstanceId="a")

    assert [error["Error"]["Code"] for error in (again, removal)] == ["DuplicateRequest"] * 2
    assert [error["DuplicateOperationId"] for error in (again, removal)] == [first] * 2


def test_other_instances_and_later_calls_are_no_duplicates(
    aws: StandIn, cloud_map: Any, service_id: str
) -> None:
    aws.configure(operation_seconds=2)
    register(cloud_map, service_id)
    register(cloud_map, service_id, "b", "https://2")
    aws.advance_clock(2)

    register(cloud_map, service_id, "a", "https://3")
    aws.advance_clock(2)

    assert discovered(cloud_map) == ["https://2", "https://3"]


def test_registrations_reach_discovery_only_after_they_propagated(
    aws: StandIn, cloud_map: Any, service_id: str
) -> None:
    aws.configure(operation_seconds=1, propagation_seconds=5)
    operation_id = register(cloud_map, service_id)
    aws.advance_clock(5.5)

    assert status(cloud_map, operation_id) == "SUCCESS"
    assert listed(cloud_map, service_id) == ["a"]
    assert discovered(cloud_map) == []
    aws.advance_clock(0.6)
    assert discovered(cloud_map) == ["https://1"]


def test_updates_and_removals_propagate_too(aws: StandIn, cloud_map: Any, service_id: str) -> None:
    aws.seed_instance("services", "users", "a", {"endpoint": "https://1"})
    aws.configure(propagation_seconds=5)

    register(cloud_map, service_id, "a", "https://2")

    assert discovered(cloud_map) == ["https://1"]
    aws.advance_clock(5)
    assert discovered(cloud_map) == ["https://2"]
    cloud_map.deregister_instance(ServiceId=service_id, InstanceId="a")
    assert discovered(cloud_map) == ["https://2"]
    aws.advance_clock(5)
    assert discovered(cloud_map) == []


def test_seeds_do_not_have_to_propagate(aws: StandIn, cloud_map: Any, service_id: str) -> None:
    aws.configure(propagation_seconds=5, listing_lag_seconds=5)
    register(cloud_map, service_id, "a", "https://1")

    aws.seed_instance("services", "users", "a", {"endpoint": "https://2"})
    aws.seed_instance("services", "users", "b", {"endpoint": "https://3"})

    assert discovered(cloud_map) == ["https://2", "https://3"]
    assert listed(cloud_map, service_id) == ["a", "b"]


def test_the_revision_belongs_to_what_is_shown(aws: StandIn, cloud_map: Any, service_id: str) -> None:
    def revision() -> int:
        answer = cloud_map.discover_instances(NamespaceName="services", ServiceName="users")
        return int(answer["InstancesRevision"])

    aws.configure(propagation_seconds=5)
    before = revision()
    register(cloud_map, service_id)

    meanwhile = revision()
    aws.advance_clock(5)

    assert meanwhile == before
    assert revision() > before


def test_what_has_not_propagated_cannot_be_deregistered_yet(
    aws: StandIn, cloud_map: Any, service_id: str
) -> None:
    aws.configure(propagation_seconds=5)
    register(cloud_map, service_id)

    code = refusal_code(cloud_map.deregister_instance, ServiceId=service_id, InstanceId="a")
    aws.advance_clock(5)
    cloud_map.deregister_instance(ServiceId=service_id, InstanceId="a")

    assert code == "InstanceNotFound"


def test_listing_lags_by_a_setting_of_its_own(aws: StandIn, cloud_map: Any, service_id: str) -> None:
    aws.configure(listing_lag_seconds=3)
    register(cloud_map, service_id)

    assert discovered(cloud_map) == ["https://1"]
    assert listed(cloud_map, service_id) == []
    assert refusal_code(cloud_map.get_instance, ServiceId=service_id, InstanceId="a") == "InstanceNotFound"
    aws.advance_clock(3)
    assert listed(cloud_map, service_id) == ["a"]


def test_a_service_with_a_registration_in_progress_cannot_be_deleted(
    aws: StandIn, cloud_map: Any, service_id: str
) -> None:
    aws.configure(operation_seconds=2)
    register(cloud_map, service_id)

    assert refusal_code(cloud_map.delete_service, Id=service_id) == "ResourceInUse"


def test_a_namespace_comes_into_being_with_its_operation(aws: StandIn, cloud_map: Any) -> None:
    aws.freeze_clock()
    aws.configure(operation_seconds=2)
    operation_id = cloud_map.create_http_namespace(Name="services")["OperationId"]
    namespace_id = operation(cloud_map, operation_id)["Targets"]["NAMESPACE"]

    meanwhile = refusal_code(cloud_map.get_namespace, Id=namespace_id)
    duplicate = refusal(cloud_map.create_http_namespace, Name="services")
    aws.advance_clock(2)

    assert meanwhile == "NamespaceNotFound"
    assert duplicate["DuplicateOperationId"] == operation_id
    assert cloud_map.get_namespace(Id=namespace_id)["Namespace"]["Name"] == "services"
    assert refusal_code(cloud_map.create_http_namespace, Name="services") == "NamespaceAlreadyExists"


def test_a_namespace_whose_operation_failed_does_not_exist(aws: StandIn, cloud_map: Any) -> None:
    aws.fail_next_operations(code="CANNOT_CREATE_HOSTED_ZONE", message="Too many.")

    operation_id = cloud_map.create_http_namespace(Name="services")["OperationId"]

    assert operation(cloud_map, operation_id)["ErrorCode"] == "CANNOT_CREATE_HOSTED_ZONE"
    assert cloud_map.list_namespaces()["Namespaces"] == []


def test_a_service_update_waits_for_its_end(aws: StandIn, cloud_map: Any, service_id: str) -> None:
    aws.configure(operation_seconds=2)
    change = {"Description": "new", "DnsConfig": {"DnsRecords": []}}
    operation_id = cloud_map.update_service(Id=service_id, Service=change)["OperationId"]

    before = cloud_map.get_service(Id=service_id)["Service"].get("Description")
    duplicate = refusal(cloud_map.update_service, Id=service_id, Service=change)
    aws.advance_clock(2)

    assert before is None
    assert duplicate["DuplicateOperationId"] == operation_id
    assert cloud_map.get_service(Id=service_id)["Service"]["Description"] == "new"
