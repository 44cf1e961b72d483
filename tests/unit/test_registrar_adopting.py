"""A record that was taken over remembers whose it was, so that it can be given back; whatever anybody wrote into it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.encoding import encode_attributes
from cloudmap_discovery.model import Instance
from cloudmap_discovery.registrar.adopting import (
    ADOPTED_FROM,
    STACK,
    Claimant,
    is_own_attribute,
    memory_of,
    remembered,
    same_content,
    to_remember,
    without_memory,
)
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


GREEN = Claimant("cfn:1:eu:green", "Users", "g1")
RED = Claimant("cfn:1:eu:red", "Users", "r1")


def taken_over(present: Instance, by: Claimant = GREEN) -> Instance:
    """Return what the claimant writes over the record."""
    return replace(
        present,
        endpoint=f"https://{by.owner.rpartition(':')[2]}.test",
        owner=by.owner,
        owner_ref=by.owner_ref,
        attributes={STACK: by.stack, **memory_of(to_remember(present, by))},
    )


def former(record: Instance) -> Instance | None:
    return next(iter(remembered(record)), None)


def test_a_record_that_is_taken_over_is_remembered_whole() -> None:
    assert remembered(taken_over(BLUE)) == (BLUE,)


def test_a_record_without_an_owner_is_remembered_as_nobodys() -> None:
    nobodys = replace(BLUE, owner=None, owner_ref=None)

    assert remembered(taken_over(nobodys)) == (nobodys,)


def test_there_is_nothing_to_remember_where_nothing_was() -> None:
    assert to_remember(None, GREEN) == ()
    assert memory_of(()) == {}


def test_ones_own_record_is_no_memory() -> None:
    assert to_remember(BLUE, Claimant("cfn:1:eu:blue", "Users", "b1")) == ()


def test_another_resource_of_the_same_stack_is_remembered_since_it_may_be_renamed() -> None:
    old = replace(BLUE, attributes={STACK: "b1"})

    assert to_remember(old, Claimant("cfn:1:eu:blue", "New", "b1")) == (old,)


def test_what_a_stack_of_the_same_name_left_is_not_remembered() -> None:
    orphan = replace(BLUE, attributes={STACK: "an-earlier-one"})

    assert to_remember(orphan, Claimant("cfn:1:eu:blue", "New", "b1")) == ()


def test_an_owner_that_writes_again_keeps_the_memory() -> None:
    assert remembered(taken_over(taken_over(BLUE))) == (BLUE,)


def test_all_that_it_was_taken_over_from_is_remembered_the_latest_first() -> None:
    green = taken_over(BLUE)

    assert [one.owner for one in remembered(taken_over(green, RED))] == [GREEN.owner, BLUE.owner]
    assert without_memory(remembered(taken_over(green, RED))[0].attributes) == {STACK: "g1"}


def test_who_takes_it_back_is_not_among_those_whom_it_could_be_given_back_to() -> None:
    green_again = taken_over(taken_over(taken_over(BLUE), RED))

    assert [one.owner for one in remembered(green_again)] == [RED.owner, BLUE.owner]


def test_what_aws_adds_is_not_remembered() -> None:
    present = replace(BLUE, attributes={"color": "blue", "AWS_INIT_HEALTH_STATUS": "HEALTHY"})

    assert former(taken_over(present)) == BLUE


def test_a_memory_larger_than_an_attribute_takes_several() -> None:
    large = replace(BLUE, attributes={"long": "x y " * 256, "more": "z" * 900})

    memory = memory_of((large,))

    assert sorted(memory) == [ADOPTED_FROM, f"{ADOPTED_FROM}-2", f"{ADOPTED_FROM}-3"]
    assert former(replace(BLUE, attributes=memory)) == large


@pytest.mark.parametrize("changes", [{"version": "latest"}, {"attributes": {"weight": "heavy"}}])
def test_a_record_that_we_could_not_write_again_is_not_remembered(changes: dict[str, Any]) -> None:
    assert to_remember(replace(BLUE, **changes), GREEN) == ()


def test_what_the_registrar_keeps_for_itself_is_no_content() -> None:
    assert same_content(taken_over(BLUE), replace(taken_over(BLUE), owner="x", attributes={}))
    assert not same_content(BLUE, replace(BLUE, weight=1))
    assert is_own_attribute(STACK)
    assert not is_own_attribute("adopted-from-there")


@given(instances())
def test_what_is_remembered_is_what_was_there(present: Instance) -> None:
    memory = memory_of(to_remember(present, GREEN))

    assert all(map(is_own_attribute, memory))
    assert all(len(text) <= 1024 and not text.startswith(" ") for text in memory.values())
    assert former(replace(present, owner=GREEN.owner, attributes=memory)) == (present if memory else None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing",
        "null",
        "[]",
        "7",
        "{}",
        '[{"endpoint": 7}]',
        '[{"endpoint": "https://blue.test"}]',
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
    text = json.dumps([encode_attributes(replace(BLUE, **changes))])

    assert former(replace(BLUE, attributes={ADOPTED_FROM: text})) is None


@pytest.mark.parametrize(
    "more", [{"AWS_INIT_HEALTH_STATUS": "HEALTHY"}, {"weight": "heavy"}, {"a b": "c"}, {"owner": " x"}]
)
def test_a_memory_that_could_not_be_written_again_is_none(more: dict[str, str]) -> None:
    text = json.dumps([{**encode_attributes(BLUE), **more}])

    assert former(replace(BLUE, attributes={ADOPTED_FROM: text})) is None


def test_a_record_without_memory_was_taken_over_from_nobody() -> None:
    assert former(BLUE) is None


identical = foreign_attributes.map(
    lambda more: {**more, "stage": "Production", "version": "1.2.0", "tenant": "acme"}
)


@given(
    st.text()
    | json_values.map(json.dumps)
    | identical.map(lambda more: json.dumps([{**more, "variant": "main"}]))
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
