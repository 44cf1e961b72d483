"""The stand-in's Parameter Store keeps to AWS's limits where moto alone does not."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.standin.fixtures import refusal_code
from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

Sdk = Callable[..., Any]


def put(sdk: Sdk, name: str, value: str, **options: Any) -> str:
    """Put a String parameter; returns the tier it came to."""
    return str(sdk("ssm").put_parameter(Name=name, Value=value, Type="String", **options)["Tier"])


def code_of_put(sdk: Sdk, name: str, value: str, **options: Any) -> str:
    return refusal_code(sdk("ssm").put_parameter, Name=name, Value=value, Type="String", **options)


def test_values_over_4_kb_do_not_fit_the_standard_tier(sdk: Sdk) -> None:
    fits, too_large = "x" * 4096, "x" * 4097

    assert put(sdk, "/services/Production/fits", fits) == "Standard"
    assert code_of_put(sdk, "/services/Production/large", too_large) == "ValidationException"


def test_size_counts_bytes_not_characters(sdk: Sdk) -> None:
    assert code_of_put(sdk, "/services/Production/users", "é" * 2049) == "ValidationException"


@pytest.mark.parametrize(("size", "tier"), [(4096, "Standard"), (4097, "Advanced"), (8192, "Advanced")])
def test_intelligent_tiering_comes_to_the_smallest_tier_that_holds_the_value(
    sdk: Sdk, size: int, tier: str
) -> None:
    assert put(sdk, "/services/Production/users", "x" * size, Tier="Intelligent-Tiering") == tier


def test_values_over_8_kb_fit_no_tier(sdk: Sdk) -> None:
    assert code_of_put(sdk, "/a", "x" * 8193, Tier="Intelligent-Tiering") == "ValidationException"
    assert code_of_put(sdk, "/a", "x" * 8193, Tier="Advanced") == "ValidationException"


def test_an_advanced_parameter_stays_advanced(sdk: Sdk) -> None:
    put(sdk, "/a", "x" * 5000, Tier="Intelligent-Tiering")

    assert put(sdk, "/a", "small", Tier="Intelligent-Tiering", Overwrite=True) == "Advanced"
    assert code_of_put(sdk, "/a", "small", Tier="Standard", Overwrite=True) == "ValidationException"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("/services/a b", "ValidationException"),
        ("/services/ünicode", "ValidationException"),
        ("services/Production/users", "ValidationException"),
        ("/aws-anything", "ValidationException"),
        ("/ssm", "ValidationException"),
        ("/1" * 16, "HierarchyLevelLimitExceededException"),
        ("/" + "x" * 1000, "ValidationException"),
    ],
)
def test_names_that_parameter_store_refuses_are_refused(sdk: Sdk, name: str, code: str) -> None:
    assert code_of_put(sdk, name, "https://users") == code


def test_fifteen_levels_are_allowed(sdk: Sdk) -> None:
    assert put(sdk, "/1" * 15, "https://users") == "Standard"


def test_a_value_cannot_hold_another_parameter(sdk: Sdk) -> None:
    assert code_of_put(sdk, "/a", "https://{{ssm:host}}/") == "ValidationException"
    assert put(sdk, "/a", '{"a": {"b": {}}}') == "Standard"


def test_seeded_parameters_are_read_and_reading_pages_by_ten(aws: StandIn, sdk: Sdk) -> None:
    for number in range(12):
        aws.seed_parameter(f"/services/Production/s{number:02}", f"https://s{number}")

    paginator = sdk("ssm").get_paginator("get_parameters_by_path")
    pages = [page["Parameters"] for page in paginator.paginate(Path="/services/Production")]

    assert [len(page) for page in pages] == [10, 2]
    assert pages[1][1]["Value"] == "https://s11"


def test_missing_names_are_listed_not_refused(aws: StandIn, sdk: Sdk) -> None:
    aws.seed_parameter("/services/Production/users", "https://users")

    answer = sdk("ssm").get_parameters(Names=["/services/Production/users", "/services/Production/none"])

    assert [parameter["Value"] for parameter in answer["Parameters"]] == ["https://users"]
    assert answer["InvalidParameters"] == ["/services/Production/none"]
