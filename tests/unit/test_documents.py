"""What a parameter holds becomes records, or a reason."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cloudmap_discovery.documents import (
    ParameterContent,
    parameter_name,
)
from cloudmap_discovery.errors import MalformedRecordError
from cloudmap_discovery.model import PassedOver
from tests.unit.parameters import NAME, read, read_json, user


def malformed(value: str) -> MalformedRecordError:
    with pytest.raises(MalformedRecordError) as caught:
        read(value)
    assert caught.value.record == NAME
    return caught.value


def only_reason(content: ParameterContent) -> str:
    assert content.instances == ()
    (unusable,) = content.passed_over
    return unusable.reason


def test_a_parameter_is_named_by_stage_and_service() -> None:
    assert parameter_name("/services", "-", "users") == "/services/-/users"


@pytest.mark.parametrize("value", ["https://users.test", "arn:aws:x:y:z:w", "users.test:99", "7", '"quoted"'])
def test_text_without_white_space_is_an_endpoint(value: str) -> None:
    assert read(value) == ParameterContent((user(value),))


@pytest.mark.parametrize(
    "value", ["", "see the wiki", "https://users.test\n", " https://users.test", "a\x00b"]
)
def test_other_text_is_malformed_and_is_not_repeated(value: str) -> None:
    error = malformed(value)

    assert "neither an endpoint nor our JSON" in error.reason
    assert len(value) < 5 or value not in str(error)


def test_one_record_has_all_its_fields() -> None:
    content = read_json(
        {
            "endpoint": "https://users.test",
            "service": "users",
            "stage": "Production",
            "version": "1.0.0",
            "tenant": "acme",
            "variant": "blue",
            "weight": 0,
            "attributes": {"color": "blue", "endpoint": "kept"},
            "owner": "me",
            "owner_ref": "it",
            "registered_at": "2026-01-01T00:00:00Z",
            "id": "mine",
        }
    )

    assert content == ParameterContent(
        (
            user(
                version="1.0.0",
                tenant="acme",
                variant="blue",
                weight=0,
                attributes={"color": "blue", "endpoint": "kept"},
                owner="me",
                owner_ref="it",
                registered_at=datetime(2026, 1, 1, tzinfo=UTC),
                id="mine",
            ),
        )
    )


def test_a_list_has_several_records() -> None:
    content = read_json([{"endpoint": "https://a.test", "version": "1.0.0"}, {"endpoint": "https://b.test"}])

    assert content == ParameterContent((user("https://a.test", version="1.0.0"), user("https://b.test")))


def test_endpoints_of_the_same_identity_get_ids_that_do_not_depend_on_their_order() -> None:
    both = [{"endpoint": "https://a.test"}, {"endpoint": "https://b.test"}, {"endpoint": "https://c.test"}]

    instances = read_json(both).instances
    fewer = read_json([both[0], both[2]]).instances

    assert [instance.endpoint for instance in instances] == [
        "https://a.test",
        "https://b.test",
        "https://c.test",
    ]
    assert len({instance.id for instance in instances}) == 3
    assert fewer == (instances[0], instances[2])


def test_the_same_record_twice_is_passed_over_the_second_time() -> None:
    content = read_json(
        [{"endpoint": "https://a.test", "id": "x"}, {"endpoint": "https://b.test", "id": "x"}]
    )

    assert content.instances == (user("https://a.test", id="x"),)
    assert content.passed_over == (PassedOver(f"{NAME}[1]", "another record has its id 'x'"),)


def test_an_empty_list_has_nothing() -> None:
    assert read_json([]) == ParameterContent()


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("https://a.test", "must be an object"),
        (7, "must be an object"),
        (None, "must be an object"),
        ([], "must be an object"),
        ({}, "endpoint"),
        ({"endpoint": None}, "endpoint"),
        ({"endpoint": ""}, "endpoint"),
        ({"endpoint": 7}, "endpoint"),
        ({"endpoint": "a b"}, "white space"),
        ({"endpoint": "\ud800"}, "cannot be printed"),
        ({"endpoint": {"a": 1}}, "endpoint is 'of type dict': must be one value"),
        ({"endpoint": "a", "weight": True}, "weight is True"),
        ({"endpoint": "a", "weight": float("nan")}, "weight is nan"),
        ({"endpoint": "a", "weight": 1.5}, "weight is 1.5"),
        ({"endpoint": "a", "weight": "7"}, "weight is '7'"),
        ({"endpoint": "a", "weight": -1}, "weight is -1"),
        ({"endpoint": "a", "weight": 10**100}, "whole number"),
        ({"endpoint": "a", "weight": []}, "must be one value"),
        ({"endpoint": "a", "version": 1}, "version"),
        ({"endpoint": "a", "tenant": ""}, "tenant"),
        ({"endpoint": "a", "tenant": False}, "tenant"),
        ({"endpoint": "a", "variant": "\ud800"}, "surrogate"),
        ({"endpoint": "a", "attributes": []}, "attributes"),
        ({"endpoint": "a", "attributes": {"port": 80}}, "attributes['port']"),
        ({"endpoint": "a", "attributes": {"a": {"b": "c"}}}, "attributes['a']"),
        ({"endpoint": "a", "attributes": {"\udfff": "x"}}, "surrogate"),
        ({"endpoint": "a", "registered_at": "yesterday"}, "ISO 8601"),
        ({"endpoint": "a", "service": "others"}, "the parameter's name says 'users'"),
        ({"endpoint": "a", "stage": "Staging"}, "the parameter's name says 'Production'"),
        ({"endpoint": "a", "tennant": "acme"}, "tennant"),
        ({"url": "https://a.test"}, "url"),
    ],
)
def test_a_wrong_record_is_passed_over_and_the_others_stay(record: Any, reason: str) -> None:
    content = read_json([{"endpoint": "https://good.test"}, record])

    assert content.instances == (user("https://good.test"),)
    (unusable,) = content.passed_over
    assert unusable.record == f"{NAME}[1]"
    assert reason in unusable.reason


def test_a_key_that_stands_twice_makes_its_record_wrong() -> None:
    twice = '{"endpoint": "https://a.test", "endpoint": "https://b.test"}'
    in_attributes = '{"endpoint": "https://c.test", "attributes": {"a": "1", "a": "2"}}'

    content = read(f'[{twice}, {in_attributes}, {{"endpoint": "https://d.test"}}]')

    assert content.instances == (user("https://d.test"),)
    assert [unusable.record for unusable in content.passed_over] == [f"{NAME}[0]", f"{NAME}[1]"]
    assert "'endpoint': this key stands twice" in content.passed_over[0].reason


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("{", "not JSON"),
        ("[1,", "not JSON"),
        ('{"endpoint": "a"} x', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[" * 100_000 + "]" * 100_000, "not JSON"),
        ("[" + "9" * 5000 + "]", "not JSON"),
        ('{"instances": []}', "its format is None"),
        ('{"format": 2, "instances": []}', "its format is 2; this version reads format 1"),
        ('{"format": "1", "instances": []}', "its format is '1'"),
        ('{"format": true, "instances": []}', "its format is True"),
        ('{"format": [[]], "instances": []}', "its format is"),
        ('{"format": 1}', "not a list"),
        ('{"format": 1, "instances": {}}', "not a list"),
        ('{"format": 1, "format": 1, "instances": []}', "'format' twice"),
    ],
)
def test_a_value_that_is_wrong_as_a_whole_is_malformed(value: str, reason: str) -> None:
    assert reason in malformed(value).reason


def test_an_envelope_by_hand_is_no_mirror() -> None:
    content = read_json({"format": 1, "instances": [{"endpoint": "https://a.test"}]})

    assert content == ParameterContent((user("https://a.test"),), mirrored=False)


def test_fields_of_a_later_version_do_not_disturb_a_mirror() -> None:
    content = read_json(
        {
            "format": 1,
            "mirrored": True,
            "instances": [{"endpoint": "https://a.test", "later": [1]}],
            "new": {},
        }
    )

    assert content == ParameterContent((user("https://a.test"),), mirrored=True)


def test_an_overflow_lists_nothing() -> None:
    content = read_json({"format": 1, "mirrored": True, "overflow": True, "instances": [{"endpoint": "a"}]})

    assert content == ParameterContent(mirrored=True, overflow=True)
