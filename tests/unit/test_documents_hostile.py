"""No value whatever raises anything but the one error that is meant for it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudmap_discovery.documents import (
    not_ours,
)
from cloudmap_discovery.errors import MalformedRecordError
from tests.unit.parameters import read
from tests.unit.records import deepest_readable, json_values

FIELDS = ["endpoint", "weight", "service", "tenant", "registered_at"]


@pytest.mark.parametrize(
    "shape", ["NEST", '{"format": NEST}', *(f'[{{"{field}": NEST}}]' for field in FIELDS)]
)
def test_depth_alone_never_breaks_anything(shape: str) -> None:
    deepest = deepest_readable()

    # At the edge, whatever is done with a value must not need more depth than reading it did.
    for depth in range(deepest - 60, deepest + 5):
        try:
            content = read(shape.replace("NEST", "[" * depth + "]" * depth))
        except MalformedRecordError:
            continue
        assert content.instances == ()


@settings(deadline=None)
@given(json_values)
def test_no_json_raises_anything_but_malformed(data: Any) -> None:
    check_hostile(json.dumps(data))


@settings(deadline=None)
@given(
    st.text(max_size=200)
    | st.text(max_size=50).map(lambda text: "{" + text)
    | st.text(max_size=50).map("[".__add__)
)
def test_no_text_raises_anything_but_malformed(value: str) -> None:
    check_hostile(value)


def check_hostile(value: str) -> None:
    assert not_ours(value, "services") in {None, "a person"} or "namespace" in value
    try:
        content = read(value)
    except MalformedRecordError:
        return
    for instance in content.instances:
        assert instance.endpoint
        assert 0 <= instance.weight <= 1_000_000
        str((instance, dict(instance.attributes))).encode()
    assert len({instance.id for instance in content.instances}) == len(content.instances)
    assert all(unusable.reason for unusable in content.passed_over)
