"""The stand-in refuses what Cloud Map refuses: the service model's traits, and the documentation's rules beyond them."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.session import get_session

from tests.standin.corrections.cloud_map_errors import InvalidInputError
from tests.standin.corrections.cloud_map_limits import check_input
from tests.standin.fixtures import refusal
from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

Sdk = Callable[..., Any]


@pytest.fixture
def register(aws: StandIn, sdk: Sdk) -> Callable[..., Any]:
    """Return RegisterInstance for a service that exists, with the SDK's own checks off."""
    service_id = aws.seed_service("services", "users")
    cloud_map = sdk("servicediscovery", parameter_validation=False)

    def call(attributes: dict[str, Any], instance_id: str = "a") -> Any:
        return cloud_map.register_instance(
            ServiceId=service_id, InstanceId=instance_id, Attributes=attributes
        )

    return call


def numbered(count: int, value: str = "v") -> dict[str, str]:
    return {f"k{number:02}": value for number in range(count)}


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        numbered(30),
        {**numbered(30), "AWS_INSTANCE_IPV4": "192.0.2.1"},
        {"k": "v" * 1024},
        {"k" * 255: "v"},
        {"k": ""},
        {"k": "with space and ~!"},
        {"k": "with\ttab"},
        numbered(5, "v" * 997),  # 5 * (3 + 997) = 5,000
        {"AWS_INIT_HEALTH_STATUS": "HEALTHY"},
    ],
)
def test_attributes_at_the_limits_are_accepted(
    register: Callable[..., Any], attributes: dict[str, str]
) -> None:
    assert register(attributes)["OperationId"]


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        (numbered(31), "30"),
        ({"k": "v" * 1025}, "1024"),
        ({"k" * 256: "v"}, "255"),
        ({**numbered(5, "v" * 997), "x": ""}, "5000"),
        ({"": "v"}, "must match"),
        ({"k k": "v"}, "must match"),
        ({"é": "v"}, "must match"),
        ({"k": " leading"}, "must match"),
        ({"k": "é"}, "must match"),
        ({"k": "line\n"}, "must match"),
        ({"AWS_ANYTHING": "v"}, "AWS_"),
        ({"AWS_INIT_HEALTH_STATUS": "FINE"}, "HEALTHY"),
        ({"k": 1}, "string"),
    ],
)
def test_attributes_beyond_the_limits_are_invalid(
    register: Callable[..., Any], attributes: dict[str, Any], named: str
) -> None:
    error = refusal(register, attributes=attributes)

    assert error["Error"]["Code"] == "InvalidInput"
    assert named in error["Error"]["Message"]


@pytest.mark.parametrize("instance_id", ["a" * 64, "a/b:c.d@e-f_g"])
def test_instance_ids_at_the_limits_are_accepted(register: Callable[..., Any], instance_id: str) -> None:
    assert register({}, instance_id)["OperationId"]


@pytest.mark.parametrize("instance_id", ["a" * 65, "", "a b", "$LATEST", "é"])
def test_instance_ids_beyond_the_limits_are_invalid(register: Callable[..., Any], instance_id: str) -> None:
    assert refusal(register, attributes={}, instance_id=instance_id)["Error"]["Code"] == "InvalidInput"


@pytest.mark.parametrize(
    "name", ["a", "user-management-service", "a.b", "_a._tcp", "a" * 63, ".".join(["a" * 31] * 4)]
)
def test_service_names_at_the_limits_are_accepted(aws: StandIn, sdk: Sdk, name: str) -> None:
    namespace_id = aws.seed_namespace("services")

    created = sdk("servicediscovery").create_service(Name=name, NamespaceId=namespace_id)["Service"]

    assert created["Name"] == name


@pytest.mark.parametrize(
    "name", ["a" * 64, ".".join(["a" * 31] * 5), "-a", "a-", "a b", "a..b", "users\n", ""]
)
def test_service_names_beyond_the_limits_are_invalid(aws: StandIn, sdk: Sdk, name: str) -> None:
    namespace_id = aws.seed_namespace("services")

    error = refusal(sdk("servicediscovery").create_service, Name=name, NamespaceId=namespace_id)

    assert error["Error"]["Code"] == "InvalidInput"


@pytest.mark.parametrize("name", ["a b", "arn:aws:x", "x" * 1025, ""])
def test_namespace_names_beyond_the_limits_are_invalid(sdk: Sdk, name: str) -> None:
    assert (
        refusal(sdk("servicediscovery").create_http_namespace, Name=name)["Error"]["Code"] == "InvalidInput"
    )


def test_quotas_on_numbers_are_resource_limits(aws: StandIn, sdk: Sdk, register: Callable[..., Any]) -> None:
    for number in range(49):
        aws.seed_namespace(f"n{number}")
    for service, number in (("users", 1000), ("orders", 999)):
        for instance in range(number):
            aws.seed_instance("services", service, f"i{instance}", {})
    orders = aws.seed_service("services", "orders")
    cloud_map = sdk("servicediscovery")

    per_region = refusal(cloud_map.create_http_namespace, Name="one-more")
    per_service = refusal(register, attributes={})
    cloud_map.register_instance(ServiceId=orders, InstanceId="last", Attributes={})
    per_namespace = refusal(
        cloud_map.register_instance,
        ServiceId=aws.seed_service("services", "third"),
        InstanceId="a",
        Attributes={},
    )

    for error in (per_region, per_service, per_namespace):
        assert error["Error"]["Code"] == "ResourceLimitExceeded"
    assert "2000" in per_namespace["Error"]["Message"]
    assert register({}, "i0")["OperationId"]  # an update adds nothing


def model_shapes(**wanted: str) -> list[Any]:
    """Return the shapes of Cloud Map's model that carry a trait."""
    model = get_session().get_service_model("servicediscovery")
    shapes = [model.shape_for(name) for name in model.shape_names]
    return [
        shape for shape in shapes if shape.type_name == wanted["type"] and wanted["trait"] in shape.metadata
    ]


@pytest.mark.parametrize("shape", model_shapes(type="string", trait="max"), ids=lambda shape: shape.name)
def test_every_longest_string_of_the_model_is_enforced(shape: Any) -> None:
    maximum = shape.metadata["max"]

    with pytest.raises(InvalidInputError, match=str(maximum)):
        check_input(shape, "a" * (maximum + 1))


@pytest.mark.parametrize("shape", model_shapes(type="integer", trait="min"), ids=lambda shape: shape.name)
def test_every_range_of_the_model_is_enforced(shape: Any) -> None:
    for outside in (shape.metadata["min"] - 1, shape.metadata["max"] + 1):
        with pytest.raises(InvalidInputError):
            check_input(shape, outside)
    check_input(shape, shape.metadata["min"])
    check_input(shape, shape.metadata["max"])


@pytest.mark.parametrize("shape", model_shapes(type="string", trait="pattern"), ids=lambda shape: shape.name)
@pytest.mark.parametrize("text", ["é", "new\nline", "last\n"])
def test_every_pattern_of_the_model_is_enforced(shape: Any, text: str) -> None:
    with pytest.raises(InvalidInputError, match="must match"):
        check_input(shape, text)


def test_the_model_has_the_limits_that_cloud_map_is_known_for() -> None:
    maxima = {shape.name: shape.metadata["max"] for shape in model_shapes(type="string", trait="max")}
    ranges = {
        s.name: (s.metadata["min"], s.metadata["max"]) for s in model_shapes(type="integer", trait="min")
    }

    assert (maxima["AttrKey"], maxima["AttrValue"], maxima["InstanceId"]) == (255, 1024, 64)
    assert (ranges["DiscoverMaxResults"], ranges["MaxResults"]) == ((1, 1000), (1, 100))
