"""No bytes whatever raise anything but the one error that is meant for them, and half a snapshot is none."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudmap_discovery.errors import MalformedRecordError
from cloudmap_discovery.snapshot_writing import copied, packed, snapshot_text
from cloudmap_discovery.snapshots import MAX_BYTES, Snapshot, read_snapshot
from cloudmap_discovery.values import replace
from tests.unit.bed import NAMESPACE, STAGE, users
from tests.unit.records import deepest_readable, json_values

NAME = "snapshot.json"
USERS = ("users", STAGE)
HEAD = {
    "format": 1,
    "namespace": NAMESPACE,
    "generated_at": "2023-11-14T22:13:20Z",
    "checked_at": "2023-11-14T22:13:20Z",
}
GOOD = {"service": "users", "stage": STAGE, "endpoint": "https://users.test"}
TEXT = json.dumps(
    {**HEAD, "instances": [GOOD, {**GOOD, "variant": "blé", "owner": "ci"}]}, ensure_ascii=False
)


def read(body: bytes) -> Snapshot:
    return read_snapshot(body, name=NAME, namespace=NAMESPACE)


def reason(body: bytes | str | dict[str, Any]) -> str:
    if isinstance(body, dict):
        body = json.dumps(body)
    with pytest.raises(MalformedRecordError) as caught:
        read(body if isinstance(body, bytes) else body.encode())
    assert caught.value.record == NAME
    return caught.value.reason


def check_hostile(body: bytes) -> None:
    try:
        snapshot = read(body)
    except MalformedRecordError:
        return
    held = copied(snapshot)
    for place in snapshot.items:
        usable, passed_over = snapshot.records(place)
        assert len(held[place]) == len(usable) + len(passed_over) == len(snapshot.items[place])
        assert all((one.service, one.stage) == place and one.endpoint for one in usable)
        assert all(one.reason for one in passed_over)
    # What is kept of it is not lost when others are replaced.
    assert copied(read(packed(snapshot_text(snapshot)))) == held


@pytest.mark.parametrize("body", [TEXT.encode(), packed(TEXT)], ids=["plain", "gzip"])
def test_a_snapshot_that_is_cut_anywhere_is_malformed(body: bytes) -> None:
    assert len(read(body).records(USERS)[0]) == 2

    for length in range(len(body)):
        reason(body[:length])


def test_a_compressed_snapshot_in_which_one_byte_is_another_is_malformed_or_says_the_same() -> None:
    body = packed(TEXT)
    good = read(body)

    for position in range(len(body)):
        changed = bytearray(body)
        changed[position] ^= 0x11
        with suppress(MalformedRecordError):
            assert read(bytes(changed)) == good


@pytest.mark.parametrize("more", [b"x", packed(TEXT), b"\x00"])
@pytest.mark.parametrize("body", [TEXT.encode(), packed(TEXT)], ids=["plain", "gzip"])
def test_what_is_followed_by_something_else_is_malformed(body: bytes, more: bytes) -> None:
    assert reason(body + more)


@pytest.mark.parametrize("kind", ["plain", "gzip"])
def test_it_may_be_as_large_as_is_allowed_and_not_a_byte_larger(kind: str) -> None:
    def padded(size: int) -> bytes:
        body = TEXT.encode().ljust(size)
        return body if kind == "plain" else gzip.compress(body, 1, mtime=0)

    assert read(padded(MAX_BYTES)) == read(TEXT.encode())
    assert reason(padded(MAX_BYTES + 1)) == f"it has more than {MAX_BYTES} bytes"


def test_what_would_unpack_to_more_than_is_allowed_is_not_unpacked() -> None:
    packer = zlib.compressobj(1, wbits=31)
    part = bytes(MAX_BYTES // 8)
    bomb = b"".join([*[packer.compress(part) for _ in range(32)], packer.flush()])
    tracemalloc.start()
    try:
        assert "more than" in reason(bomb)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most_bytes < 3 * MAX_BYTES


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "it is no snapshot"),
        (b"null", "it has no format"),
        (b"7", "it has no format"),
        (b'"format"', "it has no format"),
        (b"[]", "it has no format"),
        (f"[{TEXT}]", "it has no format"),
        (b'{"hello": "world"}', "it has no format"),
        (b"<html>a proxy's page</html>", "it is no snapshot, or only half of one"),
        (b"\xff\xfe\x00", "it is no snapshot"),
        (b'{"format": 1, "namespace": "\xff"}', "it is no snapshot"),
        (TEXT.encode("latin-1"), "it is no snapshot"),
        (b"\x1f\x8b", "truncated"),
        (b"\x1f\x8b\x08\x00<html>", "truncated"),
        (b"\x1f\x8b\x09\x00", "cannot be decompressed"),
        (gzip.compress(b"<html>", mtime=0), "it is no snapshot"),
        (gzip.compress(packed(TEXT), mtime=0), "it is no snapshot"),
        (b'{"format": ' + b"9" * 5000 + b"}", "it is no snapshot"),
        (b"[" * 1_000_000, "it is no snapshot"),
    ],
)
def test_what_is_something_else_is_malformed(body: bytes | str, expected: str) -> None:
    assert expected in reason(body)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"format": 2}, "its format is 2; this version reads format 1"),
        ({"format": "1"}, "its format is '1'"),
        ({"format": True}, "its format is True"),
        ({"format": None}, "its format is None"),
        ({"format": float("nan")}, "its format is nan"),
        ({"format": [[1]]}, "its format is of type list"),
        ({"namespace": "others"}, "it is of the namespace 'others', not of 'services'"),
        ({"namespace": "\ud800"}, "it is of the namespace '\\ud800'"),
        ({"namespace": "x" * 1000}, f"'{'x' * 199}, not of 'services'"),
        ({"namespace": None}, "it is of the namespace None"),
        ({"namespace": {"a": 1}}, "it is of the namespace of type dict"),
        ({"generated_at": "yesterday"}, "its generated_at is 'yesterday', which is no moment"),
        ({"generated_at": "\ud800"}, "its generated_at is '\\ud800'"),
        ({"generated_at": None}, "its generated_at is None"),
        ({"checked_at": 1_700_000_000}, "its checked_at is 1700000000"),
        ({"checked_at": ["2023-11-14T22:13:20Z"]}, "its checked_at is of type list"),
        ({"checked_at": "0001-01-01T00:00:00+23:59"}, "its checked_at is '0001"),
        ({"instances": None}, "its instances are not a list"),
        ({"instances": {"users": GOOD}}, "its instances are not a list"),
        ({"instances": [GOOD, []]}, "instances[1] says no service"),
        ({"instances": [GOOD, None]}, "instances[1] says no service"),
        ({"instances": [{**GOOD, "service": 7}]}, "instances[0] says no service"),
        ({"instances": [{**GOOD, "stage": None}]}, "instances[0] says no service, or no stage that is text"),
    ],
)
def test_a_document_that_is_wrong_as_a_whole_is_malformed(change: dict[str, Any], expected: str) -> None:
    assert expected in reason({**HEAD, "instances": [GOOD], **change})


@pytest.mark.parametrize("missing", [*HEAD, "instances"])
def test_a_document_that_lacks_anything_is_malformed(missing: str) -> None:
    whole = {**HEAD, "instances": [GOOD]}
    del whole[missing]

    assert reason(whole)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-be"])
def test_any_unicode_is_read_as_shells_of_windows_write_it(encoding: str) -> None:
    assert read(TEXT.encode(encoding)) == read(TEXT.encode())


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("endpoint", None),
        ("endpoint", "\ud800"),
        ("endpoint", [["https://evil.test"]]),
        ("weight", float("nan")),
        ("weight", float("inf")),
        ("weight", 10**4000),
        ("weight", True),
        ("tenant", "\udfff"),
        ("id", "\ud800"),
        ("id", {}),
        ("owner", 7),
        ("version", ""),
        ("attributes", {"a": "\ud800"}),
        ("attributes", {"\ud800": "a"}),
        ("attributes", {"a": {"b": "c"}}),
        ("attributes", "color=blue"),
        ("registered_at", "0001-01-01T00:00:00+23:59"),
        ("registered_at", "2023-11-14\ud80022:13:20"),
    ],
)
def test_a_wrong_field_makes_its_record_unusable_and_no_other(field: str, wrong: Any) -> None:
    body = json.dumps({**HEAD, "instances": [{**GOOD, field: wrong}, GOOD]}).encode()

    usable, passed_over = read(body).records(USERS)

    assert usable == (users(),)
    assert [one.record for one in passed_over] == [f"{NAME}[0]"]
    check_hostile(body)


@pytest.mark.parametrize("surrogate", [rb"\ud800", b"\xed\xa0\x80"], ids=["escaped", "raw"])
@pytest.mark.parametrize("field", [b"users", STAGE.encode(), b"bl\xc3\xa9", b"https:"])
def test_half_a_character_disturbs_nothing(field: bytes, surrogate: bytes) -> None:
    body = TEXT.encode().replace(field, surrogate)

    assert read(body).items
    check_hostile(body)


@pytest.mark.parametrize(
    "field", [*HEAD, "instances", *GOOD, "attributes", "weight", "registered_at", "later"]
)
def test_depth_alone_never_breaks_anything(field: str) -> None:
    record = field not in HEAD and field != "instances"
    whole = {**HEAD, "instances": [{**GOOD, field: "NEST"}]} if record else {**HEAD, field: "NEST"}
    shape = json.dumps(whole)
    deepest = deepest_readable()

    # At the edge, whatever is done with a document must not need more depth than reading it did.
    for depth in range(deepest - 60, deepest + 5):
        with suppress(MalformedRecordError):
            check_hostile(shape.replace('"NEST"', "[" * depth + "]" * depth).encode())


def test_what_is_nested_too_deep_to_be_written_is_malformed() -> None:
    nested: list[Any] = []
    for _ in range(200_000):
        nested = [nested]
    snapshot = replace(read(TEXT.encode()), items={USERS: [{**GOOD, "later": nested}]})

    with pytest.raises(MalformedRecordError, match=f"{NAME}: it has a record that is nested too deep"):
        snapshot_text(snapshot)


fields = ["service", "stage", "endpoint", "id", "tenant", "weight", "attributes", "registered_at", "later"]
records = st.fixed_dictionaries(
    {"service": st.sampled_from(["users", "orders"])},
    optional={field: json_values for field in fields if field != "service"} | {"stage": st.text(max_size=3)},
) | st.dictionaries(st.sampled_from(fields), json_values)


@settings(max_examples=50)
@given(
    st.lists(records | st.just(GOOD), max_size=5),
    st.dictionaries(st.sampled_from(list(HEAD)), json_values, max_size=1),
)
def test_no_document_raises_anything_but_malformed(items: list[Any], change: dict[str, Any]) -> None:
    check_hostile(json.dumps({**HEAD, "instances": items, **change}).encode())


@settings(max_examples=50)
@given(
    json_values
    | st.fixed_dictionaries(
        {"format": st.just(1)}, optional=dict.fromkeys([*HEAD, "instances"][1:], json_values)
    )
)
def test_no_json_raises_anything_but_malformed(data: Any) -> None:
    check_hostile(json.dumps(data).encode())


@given(
    st.binary(max_size=100),
    st.sampled_from([b"", b"{", b"[", b"\x1f\x8b\x08", packed(TEXT)[:40], TEXT.encode()[:120]]),
)
def test_no_bytes_raise_anything_but_malformed(tail: bytes, head: bytes) -> None:
    check_hostile(head + tail)


@given(st.integers(0, len(TEXT) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_no_change_of_a_document_raises_anything_but_malformed(at: int, new: bytes, removed: int) -> None:
    body = TEXT.encode()

    check_hostile(body[:at] + new + body[at + removed :])
