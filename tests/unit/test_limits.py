"""Values are held against Cloud Map's limits before any call."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery import limits
from cloudmap_discovery.errors import InvalidValueError
from tests.unit.fake_transport import service_model

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("name", ["users", "a", "A-b_c", "_http._tcp", "a.b.c", "x" * 63, "__"])
def test_service_names_that_cloud_map_takes_are_returned(name: str) -> None:
    assert limits.check_service(name) == name


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("", "must not be empty"),
        ("x" * 64, "labels of 1 to 63"),
        (f"{'x' * 63}.{'y' * 64}", "the limit is 127"),
        ("a..b", "labels"),
        (".a", "labels"),
        ("a b", "labels"),
        ("a/b", "labels"),
        ("ü", "labels"),
        ("-a", "no label begins"),
        ("a-", "no label begins"),
        ("_", "no label begins"),
        ("a\n", "labels"),
        (7, "must be a str"),
        (None, "must be a str"),
    ],
)
def test_service_names_beyond_the_limit_name_field_value_and_limit(name: Any, limit: str) -> None:
    with pytest.raises(InvalidValueError, match=limit) as caught:
        limits.check_service(name)

    assert caught.value.field == "service"
    assert caught.value.value == name


def test_every_service_name_that_we_take_matches_the_pattern_of_the_service_model() -> None:
    pattern = service_model("servicediscovery").shape_for("ServiceName").metadata["pattern"]
    names = ["a", "_", "-", "__", "a-", "-a", "a_", "_a", "a.b", "a.-b", "x" * 63, "x" * 64, "a" * 127]

    for name in names:
        assert _accepts(limits.check_service, name) == bool(re.fullmatch(pattern, name)), name


@pytest.mark.parametrize("stage", ["-", "Production", "pr-123", "a_b.c", "x" * 40])
def test_stages_within_the_limit_are_returned(stage: str) -> None:
    assert limits.check_stage(stage) == stage


@pytest.mark.parametrize("stage", ["", "x" * 41, "a b", "a>b", "ü", "a/b", 3, "a\n"])
def test_stages_beyond_the_limit_are_refused(stage: Any) -> None:
    with pytest.raises(InvalidValueError, match="stage"):
        limits.check_stage(stage)


def test_namespaces_are_printable_and_without_spaces() -> None:
    assert limits.check_namespace("services.local") == "services.local"
    for wrong in ("", "a b", "x" * 1025, "ü"):
        assert not _accepts(limits.check_namespace, wrong)


def test_endpoints_have_no_white_space_and_fit_an_attribute() -> None:
    assert limits.check_endpoint("https://users.test/v1?x=1") == "https://users.test/v1?x=1"
    for wrong in ("", "a b", "a\tb", "a\nb", "x" * 1025, "https://ü.test", None):
        assert not _accepts(limits.check_endpoint, wrong)


def test_versions_are_semantic() -> None:
    assert limits.check_version("1.4.2-rc.1+build") == "1.4.2-rc.1+build"
    for wrong in ("", "v1", "1.0", "01.0.0", "1.0.0-", "9" * 5000 + ".0.0", 1.0):
        assert not _accepts(limits.check_version, wrong)


@pytest.mark.parametrize("weight", [0, 1, 100, 1_000_000])
def test_weights_in_range_are_returned(weight: int) -> None:
    assert limits.check_weight(weight) == weight


@pytest.mark.parametrize("weight", [-1, 1_000_001, 1.0, True, "1", None, float("nan")])
def test_weights_beyond_range_are_refused(weight: Any) -> None:
    with pytest.raises(InvalidValueError, match="whole number from 0"):
        limits.check_weight(weight)


def test_instance_ids_have_their_own_alphabet_and_length() -> None:
    assert limits.check_instance_id("a/b_c:d.e@f-1") == "a/b_c:d.e@f-1"
    for wrong in ("", "x" * 65, "$LATEST", "a b"):
        assert not _accepts(limits.check_instance_id, wrong)


def test_user_attributes_may_be_anything_that_cloud_map_takes() -> None:
    attributes = {"color": "blue", "empty": "", "k" * 255: "v" * 1024, "spaced": "a b\tc "}

    assert limits.check_user_attributes(attributes) == attributes


@pytest.mark.parametrize(
    ("attributes", "limit"),
    [
        ({"": "x"}, "1 to 255"),
        ({"k" * 256: "x"}, "1 to 255"),
        ({"a b": "x"}, "without spaces"),
        ({"ü": "x"}, "printable ASCII"),
        ({"endpoint": "x"}, "record's own field"),
        ({"owner-ref": "x"}, "record's own field"),
        ({"AWS_INSTANCE_IPV4": "10.0.0.1"}, "belong to AWS"),
        ({"aws_thing": "x"}, "belong to AWS"),
        ({"a": "v" * 1025}, "the limit is 1024"),
        ({"a": " x"}, "space in front"),
        ({"a": "ü"}, "printable ASCII"),
        ({"a": "x\n"}, "printable ASCII"),
        ({"a": 1}, "must be a str"),
        ({1: "x"}, "must be a str"),
    ],
)
def test_user_attributes_beyond_a_limit_are_refused(attributes: dict[Any, Any], limit: str) -> None:
    with pytest.raises(InvalidValueError, match=limit):
        limits.check_user_attributes(attributes)


def test_all_attributes_together_are_at_most_thirty() -> None:
    limits.check_all_attributes({f"k{n}": "" for n in range(30)})

    with pytest.raises(InvalidValueError, match="the limit is 30"):
        limits.check_all_attributes({f"k{n}": "" for n in range(30)} | {"stage": "-"})


def test_all_attributes_together_have_at_most_five_thousand_characters() -> None:
    within = {f"k{n}": "v" * 998 for n in range(5)}
    limits.check_all_attributes(within)

    with pytest.raises(InvalidValueError, match="the limit is 5000"):
        limits.check_all_attributes(within | {"a": ""})


def _accepts(check: Callable[[Any], Any], value: Any) -> bool:
    try:
        check(value)
    except InvalidValueError:
        return False
    return True
