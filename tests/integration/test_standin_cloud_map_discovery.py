"""The stand-in's DiscoverInstances filters, limits and shuffles as AWS documents it."""

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


def ids(cloud_map: Any, **parameters: Any) -> list[str]:
    answer = cloud_map.discover_instances(NamespaceName="services", ServiceName="users", **parameters)
    return [instance["InstanceId"] for instance in answer["Instances"]]


@pytest.fixture
def many(aws: StandIn) -> list[str]:
    names = [f"i{number:03}" for number in range(150)]
    for name in names:
        aws.seed_instance("services", "users", name, {"endpoint": f"https://{name}"})
    return names


@pytest.mark.parametrize(("asked", "count"), [({}, 100), ({"MaxResults": 7}, 7), ({"MaxResults": 1000}, 150)])
@pytest.mark.usefixtures("many")
def test_max_results_limits_and_defaults_to_100(cloud_map: Any, asked: dict[str, int], count: int) -> None:
    assert len(set(ids(cloud_map, **asked))) == count


@pytest.mark.parametrize("asked", [0, 1001])
@pytest.mark.usefixtures("many")
def test_max_results_outside_1_to_1000_is_invalid(sdk: Sdk, asked: int) -> None:
    unchecked = sdk("servicediscovery", parameter_validation=False)

    code = refusal_code(
        unchecked.discover_instances, NamespaceName="services", ServiceName="users", MaxResults=asked
    )

    assert code == "InvalidInput"


def test_order_is_random_and_so_is_the_choice_of_those_left_out(cloud_map: Any, many: list[str]) -> None:
    orders = [ids(cloud_map, MaxResults=1000) for _ in range(2)]
    choices = [set(ids(cloud_map)) for _ in range(2)]

    assert orders[0] != orders[1]  # 150! orders: they do not coincide
    assert sorted(orders[0]) == sorted(orders[1]) == many
    assert choices[0] != choices[1]


def test_query_parameters_must_all_match(aws: StandIn, cloud_map: Any) -> None:
    aws.seed_instance("services", "users", "a", {"stage": "Production", "color": "blue"})
    aws.seed_instance("services", "users", "b", {"stage": "Production", "color": "green"})
    aws.seed_instance("services", "users", "c", {"color": "blue"})

    assert ids(cloud_map, QueryParameters={"stage": "Production", "color": "blue"}) == ["a"]
    assert sorted(ids(cloud_map, QueryParameters={"color": "blue"})) == ["a", "c"]
    assert ids(cloud_map, QueryParameters={"stage": "production"}) == []


def test_optional_parameters_apply_only_if_something_still_matches(aws: StandIn, cloud_map: Any) -> None:
    aws.seed_instance("services", "users", "a", {"stage": "Production", "color": "blue"})
    aws.seed_instance("services", "users", "b", {"stage": "Production", "color": "green"})
    query = {"stage": "Production"}

    assert ids(cloud_map, QueryParameters=query, OptionalParameters={"color": "green"}) == ["b"]
    assert sorted(ids(cloud_map, QueryParameters=query, OptionalParameters={"color": "red"})) == ["a", "b"]


def test_a_service_without_instances_answers_an_empty_list(aws: StandIn, cloud_map: Any) -> None:
    aws.seed_service("services", "users")

    assert ids(cloud_map) == []


def test_without_a_health_check_the_filter_is_ignored_and_the_status_unknown(
    aws: StandIn, cloud_map: Any
) -> None:
    aws.seed_instance("services", "users", "a", {"endpoint": "https://a"})

    for health in ("HEALTHY", "UNHEALTHY", "ALL", "HEALTHY_OR_ELSE_ALL"):
        assert ids(cloud_map, HealthStatus=health) == ["a"]
    answer = cloud_map.discover_instances(NamespaceName="services", ServiceName="users")
    assert answer["Instances"][0]["HealthStatus"] == "UNKNOWN"


@pytest.fixture
def checked_service(aws: StandIn, cloud_map: Any) -> str:
    """Make a service with a custom health check and three instances: a and c in Production, b in Staging."""
    namespace_id = aws.seed_namespace("services")
    service = cloud_map.create_service(
        Name="users", NamespaceId=namespace_id, HealthCheckCustomConfig={"FailureThreshold": 1}
    )["Service"]
    for instance_id, stage in (("a", "Production"), ("b", "Staging"), ("c", "Production")):
        cloud_map.register_instance(
            ServiceId=service["Id"], InstanceId=instance_id, Attributes={"stage": stage}
        )
    return str(service["Id"])


def set_unhealthy(cloud_map: Any, service_id: str, *instance_ids: str) -> None:
    for instance_id in instance_ids:
        cloud_map.update_instance_custom_health_status(
            ServiceId=service_id, InstanceId=instance_id, Status="UNHEALTHY"
        )


def test_with_a_health_check_the_filter_selects(cloud_map: Any, checked_service: str) -> None:
    set_unhealthy(cloud_map, checked_service, "a")

    assert sorted(ids(cloud_map, HealthStatus="HEALTHY")) == ["b", "c"]
    assert ids(cloud_map, HealthStatus="UNHEALTHY") == ["a"]
    assert sorted(ids(cloud_map, HealthStatus="ALL")) == ["a", "b", "c"]
    assert sorted(ids(cloud_map, HealthStatus="HEALTHY_OR_ELSE_ALL")) == ["b", "c"]


def test_healthy_or_else_all_fails_open_among_those_that_match_the_query(
    cloud_map: Any, checked_service: str
) -> None:
    set_unhealthy(cloud_map, checked_service, "a", "c")

    found = ids(cloud_map, HealthStatus="HEALTHY_OR_ELSE_ALL", QueryParameters={"stage": "Production"})

    assert sorted(found) == ["a", "c"]


def test_health_changes_do_not_touch_the_revision(cloud_map: Any, checked_service: str) -> None:
    before = cloud_map.discover_instances_revision(NamespaceName="services", ServiceName="users")[
        "InstancesRevision"
    ]

    set_unhealthy(cloud_map, checked_service, "a")

    after = cloud_map.discover_instances_revision(NamespaceName="services", ServiceName="users")[
        "InstancesRevision"
    ]
    assert after == before


def test_initial_health_is_an_attribute(cloud_map: Any, checked_service: str) -> None:
    cloud_map.register_instance(
        ServiceId=checked_service, InstanceId="d", Attributes={"AWS_INIT_HEALTH_STATUS": "UNHEALTHY"}
    )

    assert ids(cloud_map, HealthStatus="UNHEALTHY") == ["d"]
    status = cloud_map.get_instances_health_status(ServiceId=checked_service, Instances=["a", "d"])["Status"]
    assert status == {"a": "HEALTHY", "d": "UNHEALTHY"}


def test_only_custom_health_checks_can_be_set(aws: StandIn, cloud_map: Any) -> None:
    aws.seed_instance("services", "users", "a", {"endpoint": "https://a"})
    service_id = aws.seed_service("services", "users")

    code = refusal_code(
        cloud_map.update_instance_custom_health_status, ServiceId=service_id, InstanceId="a", Status="HEALTHY"
    )

    assert code == "CustomHealthNotFound"


def test_namespaces_of_another_account_need_its_id(aws: StandIn, cloud_map: Any) -> None:
    other = "999999999999"
    aws.seed_instance("services", "users", "theirs", {"endpoint": "https://theirs"}, owner_account=other)

    assert ids(cloud_map, OwnerAccount=other) == ["theirs"]
    code = refusal_code(cloud_map.discover_instances, NamespaceName="services", ServiceName="users")
    assert code == "NamespaceNotFound"


def test_the_own_account_may_be_named(aws: StandIn, cloud_map: Any) -> None:
    aws.seed_instance("services", "users", "ours", {"endpoint": "https://ours"})

    assert ids(cloud_map, OwnerAccount=aws.account_id) == ["ours"]
