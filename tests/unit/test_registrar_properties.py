"""The properties of a resource become what it asks for, or all that is wrong with them, at once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.encoding import encode_attributes
from cloudmap_discovery.model import Instance
from cloudmap_discovery.registrar.properties import (
    ServiceEndpoint,
    WrongPropertiesError,
    check_size,
    read_identity,
    read_properties,
)
from cloudmap_discovery.registration import Identity
from tests.unit.records import json_values

URL = "https://users.test"
LEAST = {"Service": "users", "Endpoint": URL, "Stage": "Production"}
WEIGHT_LIMIT = "must be a whole number from 0 (drained) to 1000000"
DRAIN_LIMIT = "must be a number of seconds from 0 to 800, as the function has 900"
KNOWN = "Service, Stage, Version, Tenant, Variant, Endpoint, Weight, Attributes, Dependencies, Adopt, DrainSeconds, Verify"
OWNER = "cfn:123456789012:eu-central-1:users"


def read(*, default_stage: str | None = None, **properties: Any) -> ServiceEndpoint:
    return read_properties({**LEAST, **properties}, default_stage=default_stage)


def faults(properties: dict[str, Any], *, default_stage: str | None = None) -> tuple[str, ...]:
    with pytest.raises(WrongPropertiesError) as caught:
        read_properties(properties, default_stage=default_stage)

    assert str(caught.value) == "; ".join(caught.value.faults)
    return caught.value.faults


def test_the_least_that_a_resource_says_is_service_stage_and_endpoint() -> None:
    assert read() == ServiceEndpoint(
        Identity("users", "Production", None, None, None),
        URL,
        100,
        {},
        adopt=False,
        drain_seconds=None,
        verify=False,
    )


def test_every_property_is_read_as_cloudformation_sends_it() -> None:
    wanted = read(
        ServiceToken="arn:aws:lambda:eu-central-1:123456789012:function:registrar",
        ServiceTimeout="900",
        Version="1.2.0",
        Tenant="acme",
        Variant="blue",
        Weight="20",
        Attributes={"color": "blue", "empty": ""},
        Dependencies=["users", "payments@^1.2"],
        Adopt="true",
        DrainSeconds="30.5",
        Verify="false",
    )

    assert wanted == ServiceEndpoint(
        Identity("users", "Production", "1.2.0", "acme", "blue"),
        URL,
        20,
        {"color": "blue", "empty": "", "depends-on": "users,payments@^1.2"},
        adopt=True,
        drain_seconds=30.5,
        verify=False,
    )


@pytest.mark.parametrize(
    ("given", "meant"),
    [("true", True), ("True", True), (True, True), ("false", False), ("FALSE", False), (False, False)],
)
def test_switches_are_text_or_not(given: Any, *, meant: bool) -> None:
    wanted = read(Adopt=given, Verify=given)

    assert (wanted.adopt, wanted.verify) == (meant, meant)


@pytest.mark.parametrize("weight", ["0", "100", "1000000", 0, 100, "007"])
def test_a_weight_is_a_whole_number_as_text_or_not(weight: Any) -> None:
    assert read(Weight=weight).weight == int(weight)


@pytest.mark.parametrize("seconds", ["0", "1.5", "800", 0, 12, 799.5])
def test_a_drain_is_a_number_of_seconds_as_text_or_not(seconds: Any) -> None:
    assert read(DrainSeconds=seconds).drain_seconds == float(seconds)


@pytest.mark.parametrize("name", ["Version", "Tenant", "Variant", "Stage"])
def test_an_empty_text_says_that_there_is_none(name: str) -> None:
    assert read(default_stage="Production", **{name: ""}) == read()


@pytest.mark.parametrize(
    "name",
    [
        "Version",
        "Tenant",
        "Variant",
        "Weight",
        "Attributes",
        "Dependencies",
        "Adopt",
        "DrainSeconds",
        "Verify",
    ],
)
def test_a_property_that_is_null_is_none(name: str) -> None:
    assert read(**{name: None}) == read()


def test_the_registrars_own_stage_is_that_of_resources_that_name_none() -> None:
    properties = {"Service": "users", "Endpoint": URL}

    assert read_properties(properties, default_stage="Test").identity.stage == "Test"
    assert read(default_stage="Test").identity.stage == "Production"


def test_the_registrars_own_stage_must_be_one_stage_where_a_resource_names_none() -> None:
    assert faults({"Service": "users", "Endpoint": URL}, default_stage="A>B") == (
        "Stage is 'A>B': a ladder is for looking up; a record is written to one stage",
    )


@pytest.mark.parametrize(
    "none", [{}, {"Service": "", "Stage": ""}, {"Service": None, "Stage": None, "Endpoint": None}]
)
def test_what_has_to_be_there_is_told_where_it_is_not(none: dict[str, Any]) -> None:
    assert faults(none) == (
        "Service is missing: the name to register",
        "Stage is missing: the stage to register in, - for none",
        "Endpoint is missing: the URL, ARN or other address to register",
    )


@pytest.mark.parametrize(
    ("name", "wrong", "told"),
    [
        ("Service", "-users", "Service is '-users': a name is labels"),
        ("Service", "a" * 128, "has 128 characters; the limit is 127"),
        ("Service", ["users"], "Service is ['users']: must be a str, not list"),
        ("Stage", "A B", "Stage is 'A B': a stage is 1 to 40 of"),
        ("Stage", "A>B", "Stage is 'A>B': a ladder is for looking up; a record is written to one stage"),
        ("Version", "1.2", "Version is '1.2': must be a semantic version"),
        ("Version", 1.2, "Version is 1.2: must be a str, not float"),
        ("Tenant", " acme", "Tenant is ' acme': must be printable ASCII"),
        ("Variant", "x" * 1025, "has 1025 characters; the limit is 1024"),
        ("Endpoint", "", "Endpoint is '': must not be empty"),
        ("Endpoint", "https://users test", "Endpoint is 'https://users test': an address has no white space"),
        ("Endpoint", {"Ref": "Api"}, "Endpoint is {'Ref': 'Api'}: must be a str, not dict"),
        ("Weight", "-1", f"Weight is '-1': {WEIGHT_LIMIT}"),
        ("Weight", "1.5", f"Weight is '1.5': {WEIGHT_LIMIT}"),
        ("Weight", 1.0, f"Weight is 1.0: {WEIGHT_LIMIT}"),
        ("Weight", "1000001", f"Weight is 1000001: {WEIGHT_LIMIT}"),
        ("Weight", "", f"Weight is '': {WEIGHT_LIMIT}"),
        ("Weight", True, f"Weight is True: {WEIGHT_LIMIT}"),
        ("Weight", "٣", f"Weight is '٣': {WEIGHT_LIMIT}"),
        ("Attributes", "color=blue", "Attributes is 'color=blue': must be a map of text to text"),
        ("Attributes", {"color": " b"}, "Attributes['color'] is ' b': must be printable ASCII"),
        ("Attributes", {"color": ["b"]}, "Attributes['color'] is ['b']: must be a str, not list"),
        ("Attributes", {"weight": "1"}, "Attributes is 'weight': this name is a record's own field"),
        ("Attributes", {"AWS_X": "1"}, "Attributes is 'AWS_X': keys that start with AWS_ belong to AWS"),
        ("Dependencies", "users", "Dependencies is 'users': must be a list, such as"),
        (
            "Dependencies",
            [["users"]],
            "Dependencies is ['users']: must be the name of a service, with its range",
        ),
        ("Dependencies", ["users@"], "Dependencies is '': a range follows the @"),
        ("Dependencies", ["users@nonsense>"], "Dependencies is 'nonsense>': "),
        ("Adopt", "yes", "Adopt is 'yes': must be true or false"),
        ("Verify", "1", "Verify is '1': must be true or false"),
        ("Verify", 1, "Verify is 1: must be true or false"),
        ("DrainSeconds", "-1", f"DrainSeconds is '-1': {DRAIN_LIMIT}"),
        ("DrainSeconds", "800.001", f"DrainSeconds is '800.001': {DRAIN_LIMIT}"),
        ("DrainSeconds", "1e3", f"DrainSeconds is '1e3': {DRAIN_LIMIT}"),
        ("DrainSeconds", True, f"DrainSeconds is True: {DRAIN_LIMIT}"),
        ("Stages", "Test", "Stages is no property of Custom::ServiceEndpoint; did you mean Stage?"),
        ("weight", "1", "weight is no property of Custom::ServiceEndpoint; did you mean Weight?"),
        ("Adopts", "true", "Adopts is no property of Custom::ServiceEndpoint; did you mean Adopt?"),
        ("Zzz", "x", f"Zzz is no property of Custom::ServiceEndpoint; known are {KNOWN}"),
    ],
)
def test_a_property_that_is_wrong_is_told_with_its_value_and_its_limit(
    name: str, wrong: Any, told: str
) -> None:
    (fault,) = faults({**LEAST, name: wrong})

    assert told in fault
    assert fault.startswith(name)


def test_all_that_is_wrong_is_told_at_once() -> None:
    told = faults(
        {
            "Service": "my users",
            "Stage": "A>B",
            "Version": "one",
            "Tenant": " a",
            "Variant": " b",
            "Weight": "heavy",
            "Attributes": {"a b": "c"},
            "Dependencies": "users",
            "Adopt": "yes",
            "DrainSeconds": "long",
            "Verify": "no",
            "Wieght": "1",
            "Endpoints": [],
        }
    )

    assert [fault.split()[0] for fault in told] == [
        *("Endpoints", "Wieght", "Service", "Stage", "Version", "Tenant", "Variant", "Endpoint"),
        *("Weight", "Attributes", "Dependencies", "Adopt", "DrainSeconds", "Verify"),
    ]


def test_a_long_value_is_cut_where_it_is_told() -> None:
    (fault,) = faults({**LEAST, "Adopt": "y" * 5000})

    assert fault == f"Adopt is '{'y' * 198}…: must be true or false"


def test_the_identity_is_read_of_properties_that_are_wrong_otherwise() -> None:
    properties = {"Service": "users", "Stage": "Test", "Version": "", "Weight": "heavy", "Nonsense": []}

    assert read_identity(properties, default_stage=None) == Identity("users", "Test", None, None, None)


@pytest.mark.parametrize(
    "wrong", [{"Service": "-"}, {"Service": None}, {"Stage": "A>B"}, {"Version": {"Ref": "V"}}]
)
def test_properties_that_mean_no_record_have_no_identity(wrong: dict[str, Any]) -> None:
    assert read_identity({**LEAST, **wrong}, default_stage=None) is None


def test_a_record_that_cloud_map_takes_has_the_right_size() -> None:
    check_size(read(Attributes=dict.fromkeys("abcdefghijklmnopqrst", "x")), OWNER, "Users")


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        (dict.fromkeys("abcdefghijklmnopqrstuvwxyz01", "x"), "the limit is 30"),
        ({f"a{number}": "x" * 1024 for number in range(5)}, "the limit is 5000"),
    ],
)
def test_more_than_cloud_map_takes_is_told(attributes: dict[str, str], told: str) -> None:
    with pytest.raises(WrongPropertiesError, match=told):
        check_size(read(Attributes=attributes), OWNER, "Users")


texts = st.text(max_size=20) | st.sampled_from(["users", "Test", "1.0.0", "true", "5", URL, "payments@^1"])
names = st.sampled_from(KNOWN.split(", "))
values = texts | json_values | st.lists(texts, max_size=3) | st.dictionaries(texts, texts, max_size=3)


def outcome(properties: Any, default_stage: str | None) -> ServiceEndpoint | tuple[str, ...]:
    try:
        return read_properties(properties, default_stage=default_stage)
    except WrongPropertiesError as error:
        return error.faults


some = st.dictionaries(names, values, max_size=4).map(lambda more: {**LEAST, **more})


@given(
    some | st.dictionaries(names | st.text(max_size=10), values), st.sampled_from([None, "-", "Test", "A>B"])
)
def test_whatever_the_properties_are_they_make_a_record_or_faults(
    properties: dict[str, Any], default_stage: str | None
) -> None:
    who = read_identity(properties, default_stage=default_stage)

    wanted = outcome(properties, default_stage)

    if isinstance(wanted, tuple):
        assert wanted
        assert all(wanted)
    else:
        assert wanted.identity == who
        assert encode_attributes(Instance("users", wanted.endpoint, weight=wanted.weight))
        assert wanted.drain_seconds is None or 0 <= wanted.drain_seconds <= 800


def test_what_dependencies_make_cannot_be_given_as_attributes_too() -> None:
    with pytest.raises(WrongPropertiesError, match="leave one of them out"):
        read_properties(
            {
                "Service": "users",
                "Endpoint": "https://users.test",
                "Stage": "Production",
                "Attributes": {"depends-on": "mail"},
                "Dependencies": ["payments"],
            },
            default_stage=None,
        )
