"""The stand-in throttles by token bucket, and its clock can be stopped and moved."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.standin.clock import AdjustableClock
from tests.standin.fixtures import refusal_code
from tests.standin.stand_in import StandIn
from tests.standin.throttle import AWS_RATES, Buckets, Throttle

pytest_plugins = ["tests.standin.fixtures"]

Sdk = Callable[..., Any]
DISCOVER = "servicediscovery:DiscoverInstances"


def admitted(buckets: Buckets, operation: str, asked: int, now: float) -> int:
    return sum(buckets.admits(operation, now) for _ in range(asked))


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    buckets = Buckets()
    buckets.use([Throttle((DISCOVER,), rate_per_second=10, burst=20)], now=0)

    assert admitted(buckets, DISCOVER, 100, now=0) == 20
    assert admitted(buckets, DISCOVER, 100, now=0.5) == 5
    assert admitted(buckets, DISCOVER, 100, now=1000) == 20


def test_operations_of_one_bucket_share_it_and_others_are_free() -> None:
    buckets = Buckets()
    buckets.use([Throttle(("ssm:GetParameter", "ssm:GetParameters"), rate_per_second=1, burst=3)], now=0)

    assert admitted(buckets, "ssm:GetParameter", 2, now=0) == 2
    assert admitted(buckets, "ssm:GetParameters", 5, now=0) == 1
    assert admitted(buckets, "ssm:PutParameter", 50, now=0) == 50


def test_real_rates_are_those_of_the_quotas() -> None:
    rates = {operation: (t.rate_per_second, t.burst) for t in AWS_RATES for operation in t.operations}

    assert rates == {
        DISCOVER: (1_000, 2_000),
        "servicediscovery:DiscoverInstancesRevision": (3_000, 3_000),
        "servicediscovery:ListInstances": (50, 50),
        "ssm:GetParameter": (40, 40),
        "ssm:GetParameters": (40, 40),
        "ssm:GetParametersByPath": (40, 40),
        "lambda:GetAlias": (15, 15),
        "lambda:GetFunction": (100, 100),
        "lambda:GetFunctionUrlConfig": (15, 15),
        "lambda:ListTags": (15, 15),
    }


def test_throttled_calls_are_refused_until_the_bucket_refills(aws: StandIn, sdk: Sdk) -> None:
    aws.freeze_clock()
    aws.seed_service("services", "users")
    aws.configure(throttles=(Throttle((DISCOVER,), rate_per_second=1, burst=2),))
    discover = sdk("servicediscovery").discover_instances
    users = {"NamespaceName": "services", "ServiceName": "users"}

    discover(**users)
    discover(**users)
    refused = refusal_code(discover, **users)
    aws.advance_clock(1)
    discover(**users)

    assert refused == "RequestLimitExceeded"
    assert aws.calls() == {DISCOVER: 4}


def test_parameter_store_throttles_in_its_own_words(aws: StandIn, sdk: Sdk) -> None:
    aws.configure(throttles=(Throttle(("ssm:GetParameters",), 0, 0),))

    assert refusal_code(sdk("ssm").get_parameters, Names=["/a"]) == "ThrottlingException"


def test_nothing_is_throttled_by_default(aws: StandIn, sdk: Sdk) -> None:
    aws.freeze_clock()
    ssm = sdk("ssm")

    for _ in range(60):
        ssm.get_parameters(Names=["/a"])

    assert aws.calls() == {"ssm:GetParameters": 60}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"operation_seconds": -1}, "operation_seconds=-1"),
        ({"propagation_seconds": -0.5}, "propagation_seconds=-0.5"),
        ({"operation_secs": 1}, "operation_secs"),
    ],
)
def test_wrong_settings_are_named(aws: StandIn, changes: dict[str, float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        aws.configure(**changes)


def test_wrong_throttles_are_refused() -> None:
    with pytest.raises(ValueError, match="operations="):
        Throttle((), 1, 1)
    with pytest.raises(ValueError, match="rate_per_second=-1"):
        Throttle((DISCOVER,), -1, 1)


def test_a_frozen_clock_moves_only_when_told() -> None:
    clock = AdjustableClock()
    clock.freeze()
    began = clock.now()

    clock.advance(10)

    assert clock.now() == began + 10
    with pytest.raises(ValueError, match="ahead"):
        clock.advance(-1)


def test_a_thawed_clock_goes_on_from_where_it_stood() -> None:
    clock = AdjustableClock()
    clock.freeze()
    clock.advance(3600)
    stood = clock.now()

    clock.thaw()
    clock.advance(10)

    assert stood + 10 <= clock.now() < stood + 100
    clock.reset()
    assert clock.now() < stood


def test_a_clock_that_jumps_goes_on_running() -> None:
    clock = AdjustableClock()
    before = clock.now()

    clock.advance(50)

    assert before + 50 <= clock.now() < before + 100
