"""A record that was taken over remembers whose it was, so that it can be given back; whatever anybody wrote into it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cloudmap_discovery.encoding import encode_attributes
from cloudmap_discovery.model import Instance
from cloudmap_discovery.registrar.adopting import ADOPTED_FROM, former, remembering, without_memory
from cloudmap_discovery.values import replace
from tests.unit.records import foreign_attributes, instances, json_values

BLUE = Instance(
    "users",
    "https://blue.test",
    "Production",
    version="1.2.0",
    tenant="acme",
    variant="main",
    weight=30,
    attributes={"color": "blue"},
    owner="cfn:1:eu:blue",
    owner_ref="Users",
    registered_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
)
GREEN = "cfn:1:eu:green"


def taken_over(present: Instance, owner: str = GREEN) -> Instance:
    """Return what `owner` writes over the record."""
    return replace(
        present, endpoint="https://green.test", owner=owner, attributes=remembering(present, owner)
    )


def test_a_record_that_is_taken_over_is_remembered_whole() -> None:
    assert former(taken_over(BLUE)) == BLUE


def test_a_record_without_an_owner_is_remembered_as_nobodys() -> None:
    nobodys = replace(BLUE, owner=None, owner_ref=None)

    assert former(taken_over(nobodys)) == nobodys


def test_there_is_nothing_to_remember_where_nothing_was() -> None:
    assert remembering(None, GREEN) == {}


def test_ones_own_record_is_no_memory() -> None:
    assert remembering(BLUE, "cfn:1:eu:blue") == {}
    assert remembering(replace(BLUE, owner=None), "manual") == {}


def test_an_owner_that_writes_again_keeps_the_memory() -> None:
    once = taken_over(BLUE)

    assert former(taken_over(once)) == BLUE


def test_a_memory_has_no_memory_of_its_own() -> None:
    again = taken_over(taken_over(BLUE), "cfn:1:eu:red")

    remembered = former(again)

    assert remembered is not None
    assert remembered.owner == GREEN
    assert former(remembered) is None


def test_what_aws_adds_is_not_remembered() -> None:
    present = replace(BLUE, attributes={"color": "blue", "AWS_INIT_HEALTH_STATUS": "HEALTHY"})

    assert former(taken_over(present)) == BLUE


def test_a_record_that_does_not_fit_into_an_attribute_is_not_remembered() -> None:
    assert remembering(replace(BLUE, attributes={"long": "x" * 1024}), GREEN) == {}


@pytest.mark.parametrize("changes", [{"version": "latest"}, {"attributes": {"weight": "heavy"}}])
def test_a_record_that_we_could_not_write_again_is_not_remembered(changes: dict[str, Any]) -> None:
    assert remembering(replace(BLUE, **changes), GREEN) == {}


@given(instances(), st.sampled_from([GREEN, "manual"]))
def test_what_is_remembered_is_what_was_there(present: Instance, owner: str) -> None:
    assume((present.owner or "manual") != owner)

    memory = remembering(present, owner)

    assert memory.keys() <= {ADOPTED_FROM}
    assert all(len(text) <= 1024 for text in memory.values())
    assert former(replace(present, owner=owner, attributes=memory)) == (present if memory else None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "null",
        "[]",
        "7",
        "{}",
        '{"endpoint": 7}',
        '{"endpoint": "https://blue.test"}',
        "[" * 1024,
        "1" * 1024,
    ],
)
def test_what_is_no_memory_of_the_same_record_is_none(text: str) -> None:
    assert former(replace(BLUE, attributes={ADOPTED_FROM: text})) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"stage": "Test"},
        {"version": "2.0.0"},
        {"version": None},
        {"tenant": "other"},
        {"variant": None},
    ],
)
def test_a_memory_of_another_identity_is_none(changes: dict[str, Any]) -> None:
    text = json.dumps(encode_attributes(replace(BLUE, **changes)))

    assert former(replace(BLUE, attributes={ADOPTED_FROM: text})) is None


@pytest.mark.parametrize(
    "more", [{"AWS_INIT_HEALTH_STATUS": "HEALTHY"}, {"weight": "heavy"}, {"a b": "c"}, {"owner": " x"}]
)
def test_a_memory_that_could_not_be_written_again_is_none(more: dict[str, str]) -> None:
    text = json.dumps({**encode_attributes(BLUE), **more})

    assert former(replace(BLUE, attributes={ADOPTED_FROM: text})) is None


def test_a_record_without_memory_was_taken_over_from_nobody() -> None:
    assert former(BLUE) is None


identical = foreign_attributes.map(
    lambda more: {**more, "stage": "Production", "version": "1.2.0", "tenant": "acme"}
)


@given(
    st.text()
    | json_values.map(json.dumps)
    | identical.map(lambda more: json.dumps({**more, "variant": "main"}))
)
def test_whatever_stands_there_is_none_or_a_record_of_the_same_identity_that_can_be_written(
    text: str,
) -> None:
    found = former(replace(BLUE, attributes={ADOPTED_FROM: text}))

    if found is not None:
        assert encode_attributes(found)
        assert replace(found, id="") == replace(found, id=BLUE.id)


def test_attributes_are_what_they_are_without_memory() -> None:
    assert without_memory({"color": "blue", ADOPTED_FROM: "{}"}) == {"color": "blue"}
    assert without_memory({}) == {}
