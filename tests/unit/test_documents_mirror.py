"""A mirror repeats records wholly, or says that it cannot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudmap_discovery.documents import (
    ParameterContent,
    not_ours,
    write_mirror,
)
from tests.unit.bed import NAMESPACE
from tests.unit.parameters import read, user
from tests.unit.records import instances

if TYPE_CHECKING:
    from cloudmap_discovery.model import Instance


def mirror_of_size(size: int) -> Any:
    rest = [user(f"https://{n}.test", variant=str(n), attributes={"a": "x" * 400}) for n in range(8)]
    bare = len(write_mirror([*rest, user("e", variant="last")], NAMESPACE).text)
    return write_mirror([*rest, user("e" * (1 + size - bare), variant="last")], NAMESPACE)


@settings(deadline=None)
@given(st.lists(instances(stage=st.just("Production")), max_size=5, unique_by=lambda instance: instance.id))
def test_a_mirror_reads_as_what_lookups_need_of_its_records(records: list[Instance]) -> None:
    mirror = write_mirror(records, NAMESPACE)
    content = read(mirror.text)

    if mirror.overflow:
        assert content == ParameterContent(mirrored=True, overflow=True)
        return
    expected = [
        user(
            record.endpoint,
            version=record.version,
            tenant=record.tenant,
            variant=record.variant,
            weight=record.weight,
            attributes=record.attributes,
            id=record.id,
        )
        for record in sorted(records, key=lambda record: record.id)
    ]
    assert content == ParameterContent(tuple(expected), mirrored=True)


def test_a_mirror_keeps_the_ids_of_records_of_others() -> None:
    records = [user(f"http://10.0.0.{n}", id=f"i-{n}") for n in range(3)]

    assert read(write_mirror(records, NAMESPACE).text).instances == tuple(records)


def test_a_mirror_is_the_same_text_for_the_same_records_in_any_order() -> None:
    records = [user(f"https://{n}.test", variant=str(n)) for n in range(5)]

    assert write_mirror(records, NAMESPACE) == write_mirror(reversed(records), NAMESPACE)


def test_a_mirror_never_holds_what_parameter_store_takes_for_a_reference() -> None:
    record = user("https://users.test/{{x}}", attributes={"t": "{{ssm:name}} {{{y}}}", "n": "{"})

    mirror = write_mirror([record], NAMESPACE)

    assert "{{" not in mirror.text
    assert read(mirror.text).instances == (record,)


@pytest.mark.parametrize(
    ("size", "is_large", "overflow"), [(4096, False, False), (4097, True, False), (8192, True, False)]
)
def test_a_mirror_says_which_tier_it_needs(size: int, *, is_large: bool, overflow: bool) -> None:
    mirror = mirror_of_size(size)

    assert len(mirror.text.encode()) == size
    assert (mirror.is_large, mirror.overflow) == (is_large, overflow)
    assert len(read(mirror.text).instances) == 9


def test_a_mirror_beyond_the_largest_parameter_lists_nothing_rather_than_some() -> None:
    mirror = mirror_of_size(8193)

    assert mirror.overflow
    assert not mirror.is_large
    assert json.loads(mirror.text) == {
        "format": 1,
        "mirrored": True,
        "namespace": NAMESPACE,
        "overflow": True,
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (write_mirror([], NAMESPACE).text, True),
        (mirror_of_size(9000).text, True),
        ('{"format": 2, "mirrored": true}', True),
        ('{"format": 1, "mirrored": "true", "instances": []}', False),
        ('{"format": 1, "instances": []}', False),
        ('{"endpoint": "https://a.test"}', False),
        ("[]", False),
        ("https://a.test", False),
        ("", False),
        ("{", False),
        ("[" * 100_000, False),
        ("9" * 5000, False),
    ],
)
def test_only_what_says_so_is_a_mirror(value: str, *, expected: bool) -> None:
    assert not_ours(value, NAMESPACE) == (None if expected else "a person")


def test_the_mirror_of_another_namespace_is_not_ours() -> None:
    assert not_ours(write_mirror([], "other").text, NAMESPACE) == "the mirror of the namespace 'other'"
