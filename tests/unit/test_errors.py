"""Errors keep their fields and their cause, and say what to do; copies are equal and independent."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from typing import Any

import pytest

from cloudmap_discovery import errors
from cloudmap_discovery.calls.errors import InvocationError
from cloudmap_discovery.errors import (
    AccessDeniedError,
    ConfigurationError,
    DiscoveryError,
    DiscoveryUnavailableError,
    InvalidValueError,
    LookupsFailedError,
    MalformedRecordError,
    NoMatchingInstanceError,
    OwnershipError,
    RegistrationError,
    RemoteError,
    ServiceNotFoundError,
    StoreError,
    StoreTimeoutError,
    ThrottledError,
)
from cloudmap_discovery.model import PassedOver
from tests.unit.bed import users

ABOUT: dict[str, Any] = {
    "store": "cloudmap",
    "service": "servicediscovery",
    "operation": "DiscoverInstances",
}
CAUSES = (AccessDeniedError("denied", store="cloudmap"), StoreTimeoutError("too slow", store="ssm"))

EXAMPLES: list[DiscoveryError] = [
    DiscoveryError("something"),
    ConfigurationError("DISCOVERY_TTL", "soon", "a number of seconds"),
    InvalidValueError("service", "", "must not be empty"),
    ServiceNotFoundError(
        "users",
        "Production",
        stores=("cloudmap", "ssm"),
        near_misses=("user",),
        causes=CAUSES[1:],
        detail="odd",
    ),
    NoMatchingInstanceError("users", "-", wanted="color=blue", available=("a", "b"), stores=("cloudmap",)),
    DiscoveryUnavailableError("users", "Production", causes=CAUSES),
    LookupsFailedError({"users": users()}, {"orders": ServiceNotFoundError("orders", "-")}),
    StoreError("odd", **ABOUT, retryable=True),
    ThrottledError("slow down", code="ThrottlingException", **ABOUT),
    AccessDeniedError("denied", action="servicediscovery:DiscoverInstances", code="AccessDenied", **ABOUT),
    StoreTimeoutError("too slow", **ABOUT),
    MalformedRecordError("/services/a", "odd", passed_over=[PassedOver("a", "odd")], **ABOUT),
    RemoteError("gone", code="ServiceNotFound", status=400, members={"a": 1}, **ABOUT),
    RegistrationError("failed", operation="RegisterInstance", code="ACCESS_DENIED", reason="no"),
    OwnershipError("owned", owner="cfn:x", owner_ref="Users", claimant="manual", operation="register"),
]
every_error = pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)


def kinds() -> set[type]:
    return {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)}


def test_every_error_has_an_example_here() -> None:
    assert {type(error) for error in EXAMPLES} == kinds()


def test_the_tree_is_the_one_in_the_modules_docstring() -> None:
    parents: list[str] = []
    drawn = {}
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"([│ ]*)(?:├── |└── )?(\w+Error)\b", line)
        if match and not line.startswith("`"):
            depth = (line.index(match[2])) // 4
            parents[depth:] = [match[2]]
            drawn[match[2]] = parents[depth - 1] if depth else None

    actual = {kind.__name__: kind.__mro__[1].__name__ for kind in kinds()}
    actual["InvocationError"] = InvocationError.__mro__[
        1
    ].__name__  # those of calls have a module of their own
    assert drawn == {**actual, "DiscoveryError": None}


@every_error
def test_an_error_survives_pickling_and_copying(error: DiscoveryError) -> None:
    for same in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301 -- our own
        assert type(same) is type(error)
        assert str(same) == str(error)
        assert same.args == error.args
        assert vars(same).keys() == vars(error).keys()


@every_error
def test_a_fresh_error_is_equal_and_was_never_raised(error: DiscoveryError) -> None:
    original = error.fresh()
    cause = OSError("refused")
    with pytest.raises(DiscoveryError):
        raise original from cause

    fresh = original.fresh()

    assert fresh is not original
    assert fresh.__traceback__ is None
    assert (fresh.__cause__, fresh.__suppress_context__) == (cause, True)
    assert (type(fresh), str(fresh), vars(fresh)) == (type(error), str(error), vars(error))


def test_a_wrong_argument_is_also_a_value_error() -> None:
    error = InvalidValueError("service", "x" * 500, "has 500 characters; the limit is 127")

    assert isinstance(error, ValueError)
    assert (error.field, error.value, error.limit) == (
        "service",
        "x" * 500,
        "has 500 characters; the limit is 127",
    )
    assert len(str(error)) < 300


def test_a_wrong_setting_names_variable_value_and_what_is_allowed() -> None:
    assert str(ConfigurationError("DISCOVERY_TTL", "soon", "a number of seconds")) == (
        "DISCOVERY_TTL is 'soon'; it must be a number of seconds"
    )
    assert str(ConfigurationError("AWS_REGION", None, "set it")) == "AWS_REGION is not set: set it"


def test_a_missing_service_tells_stage_stores_near_misses_and_causes() -> None:
    error = ServiceNotFoundError(
        "users", "Production", stores=("cloudmap", "ssm"), near_misses=("user", "orders"), causes=CAUSES[1:]
    )

    assert str(error) == (
        "no service 'users' in stage 'Production'; asked cloudmap, ssm; did you mean 'user' or 'orders'?; "
        "ssm could not be asked: too slow"
    )
    assert str(ServiceNotFoundError("users", "-")) == "no service 'users' without a stage"


def test_of_many_instances_that_do_not_match_ten_are_listed() -> None:
    available = [f"id-{number:02}" for number in range(25)]
    error = NoMatchingInstanceError("users", "Production", wanted="color=blue", available=available)

    assert isinstance(error, ServiceNotFoundError)
    assert "has no instance with color=blue; it has: id-00" in str(error)
    assert str(error).endswith("id-09; and 15 more")
    assert len(error.available) == 25


def test_unavailable_tells_every_store_and_cause() -> None:
    assert str(DiscoveryUnavailableError("users", "-", causes=CAUSES)) == (
        "cannot look up 'users' without a stage, and no earlier answer is held (cloudmap: denied; ssm: too slow)"
    )


@pytest.mark.parametrize(
    ("error", "retryable", "unhealthy"),
    [
        (ThrottledError("x"), True, True),
        (StoreTimeoutError("x"), True, True),
        (AccessDeniedError("x"), False, False),
        (MalformedRecordError("x", "y"), False, False),
        (RemoteError("x", retryable=True), True, False),
        (StoreTimeoutError("x", retryable=False), False, True),
    ],
)
def test_which_failures_are_worth_a_retry_and_which_are_the_whole_stores(
    error: StoreError,
    retryable: bool,  # noqa: FBT001 -- an expectation
    unhealthy: bool,  # noqa: FBT001 -- an expectation
) -> None:
    assert (error.retryable, error.unhealthy) == (retryable, unhealthy)


def test_an_error_at_a_store_is_a_copy_that_names_it() -> None:
    error = StoreTimeoutError("too slow")
    error.__cause__ = OSError("refused")

    at_store = error.at("ssm")

    assert (at_store.store, error.store) == ("ssm", "")
    assert at_store.__cause__ is error.__cause__


def test_a_long_list_of_what_is_there_is_cut_and_followed_by_all_versions_and_tenants() -> None:
    error = NoMatchingInstanceError(
        "users",
        "Production",
        wanted="version ^9",
        available=[f"id-{number} (version 1.{number}.0)" for number in range(12)],
        versions=[f"1.{number}.0" for number in range(12)],
        tenants=["acme"],
        stages=["-", "Staging"],
    )

    assert str(error).startswith(
        "service 'users' in stage 'Production' has no instance with version ^9; it has: id-0 "
    )
    assert "id-9 (version 1.9.0); and 2 more; all versions: 1.0.0, 1.1.0" in str(error)
    assert "1.9.0, …; all tenants: acme; it is also known in stages none (-), Staging" in str(error)
    assert "id-10" not in str(error)


def test_a_ladder_without_the_service_is_told_as_one() -> None:
    error = ServiceNotFoundError("users", "pr-7>Staging", stores=["cloudmap"], stages=["Production"])

    assert str(error) == (
        "no service 'users' in any of the stages 'pr-7>Staging'; asked cloudmap; it is known in stage Production"
    )
