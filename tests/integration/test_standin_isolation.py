"""Stand-ins side by side keep their state to themselves, and a reset leaves nothing behind."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.standin.conditions import Settings
from tests.standin.fixtures import refusal_code
from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

Sdk = Callable[..., Any]


@pytest.fixture
def other() -> Iterator[StandIn]:
    with StandIn() as stand_in:
        yield stand_in


def test_state_calls_and_faults_belong_to_one_stand_in(aws: StandIn, other: StandIn, sdk: Sdk) -> None:
    aws.seed_instance("services", "users", "ours", {"endpoint": "https://ours"})
    other.seed_instance("services", "users", "theirs", {"endpoint": "https://theirs"})
    aws.seed_parameter("/a", "ours")
    other.faults.error("Broken", "ssm")
    users = {"NamespaceName": "services", "ServiceName": "users"}

    ours = sdk("servicediscovery").discover_instances(**users)["Instances"]
    theirs = sdk("servicediscovery", other).discover_instances(**users)["Instances"]

    assert [instance["InstanceId"] for instance in (*ours, *theirs)] == ["ours", "theirs"]
    assert sdk("ssm").get_parameters(Names=["/a"])["Parameters"][0]["Value"] == "ours"
    assert refusal_code(sdk("ssm", other).get_parameters, Names=["/a"]) == "Broken"
    other.faults.clear()
    assert sdk("ssm", other).get_parameters(Names=["/a"])["InvalidParameters"] == ["/a"]
    assert aws.calls() == {"servicediscovery:DiscoverInstances": 1, "ssm:GetParameters": 1}
    assert aws.account_id != other.account_id


def test_settings_belong_to_one_stand_in(aws: StandIn, other: StandIn, sdk: Sdk) -> None:
    aws.configure(operation_seconds=60)

    operations = [
        client.get_operation(OperationId=client.create_http_namespace(Name="services")["OperationId"])[
            "Operation"
        ]
        for client in (sdk("servicediscovery"), sdk("servicediscovery", other))
    ]

    assert [operation["Status"] for operation in operations] == ["SUBMITTED", "SUCCESS"]


def test_stopping_one_leaves_the_state_of_the_other(aws: StandIn, sdk: Sdk) -> None:
    aws.seed_parameter("/a", "ours")
    s3 = sdk("s3")
    s3.create_bucket(Bucket="ours")
    with StandIn() as other:
        other.seed_parameter("/a", "theirs")
        sdk("s3", other).create_bucket(Bucket="theirs")

    assert sdk("ssm").get_parameters(Names=["/a"])["Parameters"][0]["Value"] == "ours"
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["ours"]
    s3.create_bucket(Bucket="theirs")  # the name is free again


def test_any_access_key_reaches_the_same_account(aws: StandIn, sdk: Sdk) -> None:
    identity = sdk("sts").get_caller_identity()

    assert identity["Account"] == aws.account_id


def test_reset_makes_it_as_new(aws: StandIn, sdk: Sdk) -> None:
    aws.seed_instance("services", "users", "a", {"endpoint": "https://a"})
    aws.seed_parameter("/a", "x")
    aws.configure(operation_seconds=5)
    aws.fail_next_operations()
    aws.faults.error("Broken")
    aws.down("ssm")
    aws.freeze_clock()
    aws.advance_clock(1_000_000)
    sdk("s3")

    aws.reset()

    cloud_map = sdk("servicediscovery")
    assert aws.calls() == {}
    assert cloud_map.list_namespaces()["Namespaces"] == []
    assert sdk("ssm").get_parameters(Names=["/a"])["InvalidParameters"] == ["/a"]
    operation_id = cloud_map.create_http_namespace(Name="services")["OperationId"]
    assert cloud_map.get_operation(OperationId=operation_id)["Operation"]["Status"] == "SUCCESS"
    assert aws.settings == Settings()
