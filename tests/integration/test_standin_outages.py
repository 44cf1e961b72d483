"""The stand-in takes services down and up, and keeps a record of what it was asked."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

Sdk = Callable[..., Any]
GET = "ssm:GetParameters"


@pytest.fixture
def ssm(aws: StandIn, sdk: Sdk) -> Any:
    aws.seed_parameter("/a", "https://a")
    return sdk("ssm")


def read(ssm: Any) -> str:
    return str(ssm.get_parameters(Names=["/a"])["Parameters"][0]["Value"])


@pytest.mark.parametrize("how", ["reset", "unavailable"])
def test_a_service_that_is_down_fails_until_it_is_up(aws: StandIn, sdk: Sdk, ssm: Any, how: Any) -> None:
    aws.down("ssm", how=how)

    with pytest.raises((ConnectionClosedError, ClientError)):
        read(ssm)
    assert sdk("servicediscovery").list_services()["Services"] == []
    aws.up("ssm")
    assert read(ssm) == "https://a"


def test_everything_can_be_down(aws: StandIn, sdk: Sdk, ssm: Any) -> None:
    aws.down()

    for call in (lambda: read(ssm), sdk("lambda").list_layers):
        with pytest.raises(ConnectionClosedError):
            call()


def test_down_twice_is_up_after_one_up(aws: StandIn, ssm: Any) -> None:
    aws.down("ssm")
    aws.down("ssm", how="unavailable")

    aws.up("ssm")

    assert read(ssm) == "https://a"


def test_calls_count_what_faults_swallowed(aws: StandIn, ssm: Any) -> None:
    aws.faults.reset(GET, count=1)

    with pytest.raises(ConnectionClosedError):
        read(ssm)
    read(ssm)

    assert aws.calls() == {GET: 2}
    aws.reset_calls()
    assert aws.calls() == {}


def test_requests_are_kept_with_what_they_asked(aws: StandIn, sdk: Sdk, ssm: Any) -> None:
    read(ssm)
    sdk("lambda").list_layer_versions(LayerName="discovery", CompatibleRuntime="python3.13")

    asked, listed = aws.requests()
    assert (asked.name, asked.parameters, asked.region) == (GET, {"Names": ["/a"]}, "us-east-1")
    assert asked.is_signed
    assert asked.user_agent.startswith("Boto3/")
    assert listed.name == "lambda:ListLayerVersions"
    assert listed.parameters["CompatibleRuntime"] == "python3.13"
    assert aws.requests("lambda") == [listed]
