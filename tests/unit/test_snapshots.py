"""Snapshots: what is written is read again, and what is not replaced stays as it was."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudmap_discovery.encoding import decode_attributes
from cloudmap_discovery.errors import MalformedRecordError
from cloudmap_discovery.listing import by_place
from cloudmap_discovery.model import Instance
from cloudmap_discovery.snapshot_writing import (
    copied,
    empty_snapshot,
    packed,
    rewritten,
    snapshot_records,
    snapshot_text,
)
from cloudmap_discovery.snapshots import Snapshot, read_snapshot
from cloudmap_discovery.values import replace
from tests.unit.bed import NAMESPACE, STAGE, users
from tests.unit.records import foreign_attributes, instances, values

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloudmap_discovery.model import Place

NAME = "snapshot.json"
WALL = 1_700_000_000.0
MOMENT = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
USERS = ("users", STAGE)
ORDERS = Instance("orders", "https://orders.test", "Staging", version="1.2.0", owner="ci")

# As we register them, those with an id of somebody else's, and what others may register at all.
ours = st.sampled_from(["users", "orders", "a.b"]).flatmap(instances)
others: st.SearchStrategy[Any] = st.builds(
    lambda service, id_, attributes: decode_attributes(service, id_, {**attributes, "endpoint": "x"}),
    st.sampled_from(["users", "orders"]),
    values,
    foreign_attributes.map(lambda found: {key: text for key, text in found.items() if isinstance(text, str)}),
)
registries: st.SearchStrategy[list[Instance]] = st.lists(
    ours
    | st.builds(lambda record, id_: replace(record, id=id_), ours, values)
    | others.filter(lambda decoded: isinstance(decoded, Instance)),
    max_size=5,
    unique_by=lambda record: (record.service, record.stage, record.id),
)


def grouped(records: Iterable[Any]) -> dict[Place, list[Instance]]:
    by_service: dict[str, list[Instance]] = {}
    for record in records:
        by_service.setdefault(record.service, []).append(record)
    return by_place(by_service)


def snapshot(*records: Instance, wall: float = WALL) -> Snapshot:
    return rewritten(empty_snapshot(NAME, NAMESPACE, wall), grouped(records), wall=wall)


def read(body: bytes | str, namespace: str | None = NAMESPACE) -> Snapshot:
    return read_snapshot(body if isinstance(body, bytes) else body.encode(), name=NAME, namespace=namespace)


def document(*items: Any, **head: Any) -> str:
    """Return a document with one record a line, as we write it."""
    whole = {"format": 1, "namespace": NAMESPACE, "generated_at": "2023-11-14T22:13:20Z"}
    whole |= {"checked_at": "2023-11-14T22:13:20Z", **head}
    lines = ",\n".join(json.dumps(item, separators=(",", ":")) for item in items)
    return f'{json.dumps(whole, separators=(",", ":"))[:-1]},"instances":[\n{lines}\n]}}\n'


@settings(max_examples=50)
@given(registries)
def test_every_record_is_read_as_it_was_written_compressed_or_not(records: list[Instance]) -> None:
    text = snapshot_text(snapshot(*records))
    expected = {
        place: (tuple(sorted(of_place, key=lambda record: record.id)), ())
        for place, of_place in grouped(records).items()
    }

    for body in (text.encode(), packed(text)):
        found = read(body)
        assert {place: found.records(place) for place in found.items} == expected
        assert (found.namespace, found.generated_at, found.checked_at) == (NAMESPACE, MOMENT, MOMENT)


@settings(max_examples=50)
@given(registries, st.randoms(use_true_random=False))
def test_the_same_records_are_the_same_text_whatever_their_order(
    records: list[Instance], random: Any
) -> None:
    text = snapshot_text(snapshot(*records))
    random.shuffle(records)

    assert snapshot_text(snapshot(*records)) == text
    assert snapshot_text(read(text)) == text


def test_the_compressed_document_does_not_say_when_it_was_compressed() -> None:
    body = packed("text")

    assert body[4:8] == bytes(4)
    assert gzip.decompress(body) == b"text"


def test_the_document_is_one_record_a_line_without_what_is_as_usual() -> None:
    record = users(registered_at=MOMENT, owner="ci", owner_ref="users")

    assert snapshot_text(snapshot(record, ORDERS)) == document(
        {
            "service": "orders",
            "stage": "Staging",
            "endpoint": "https://orders.test",
            "version": "1.2.0",
            "owner": "ci",
        },
        {
            "service": "users",
            "stage": STAGE,
            "endpoint": "https://users.test",
            "owner": "ci",
            "owner_ref": "users",
            "registered_at": "2023-11-14T22:13:20Z",
        },
    )


def test_a_snapshot_without_records_is_one() -> None:
    empty = read(snapshot_text(empty_snapshot(NAME, NAMESPACE, WALL + 0.9)))

    assert (empty.items, empty.checked_at) == ({}, MOMENT)
    assert empty.records(USERS) == ((), ())


def test_a_record_without_a_stage_is_of_none() -> None:
    found = read(document({"service": "users", "endpoint": "https://users.test"}))

    assert found.records(("users", "-")) == ((Instance("users", "https://users.test"),), ())


def test_any_namespace_is_read_where_none_is_asked_for() -> None:
    body = document({"service": "users", "endpoint": "x"}, namespace="others")

    assert read(body, None).namespace == "others"
    with pytest.raises(MalformedRecordError, match="of the namespace 'others', not of 'services'"):
        read(body)


def test_replacing_one_place_leaves_all_else_byte_for_byte_also_what_a_later_version_wrote() -> None:
    later = {
        "service": "orders",
        "stage": "x",
        "endpoint": "",
        "kind": "later",
        "more": [1.5, None, {"é": "\ud800"}],
    }
    unusable = {"service": "users", "stage": "Staging", "weight": -1, "registered_at": "never", "id": 7}
    unstaged = {"endpoint": "https://x.test", "extra": True, "service": "z"}
    replaced = {"service": "users", "stage": STAGE, "endpoint": "https://old.test", "more": 1}
    before = read(document(later, replaced, unusable, unstaged))

    after = rewritten(before, {USERS: [users("https://new.test")]}, wall=WALL)

    new = {"service": "users", "stage": STAGE, "endpoint": "https://new.test"}
    assert snapshot_text(before) == document(later, replaced, unusable, unstaged)
    assert snapshot_text(after) == document(later, new, unusable, unstaged)


@settings(max_examples=50)
@given(registries, st.data())
def test_replacing_any_place_leaves_the_records_of_the_others(records: list[Instance], data: Any) -> None:
    before = snapshot(*records)
    place = data.draw(st.sampled_from([*sorted(before.items), USERS]))
    new = data.draw(
        st.lists(instances(place[0], st.just(place[1])), max_size=3, unique_by=lambda one: one.id)
    )

    after = read(snapshot_text(rewritten(before, {place: new}, wall=WALL)))

    assert {one.id for one in after.records(place)[0]} == {one.id for one in new}
    assert all(
        after.records(other) == before.records(other)
        for other in before.items.keys() | after.items.keys()
        if other != place
    )


def test_a_place_that_is_left_without_records_goes() -> None:
    after = rewritten(snapshot(users(), ORDERS), {USERS: [], ("nobody", "x"): []}, wall=WALL)

    assert after.items == snapshot(ORDERS).items


def test_it_is_generated_anew_where_records_change_and_only_then() -> None:
    before = snapshot(users(), ORDERS)

    same = rewritten(before, {USERS: iter([users()]), ("nobody", "x"): []}, wall=WALL + 60)
    other = rewritten(before, {USERS: [users(weight=0)]}, wall=WALL + 60)
    fewer = rewritten(before, {USERS: []}, wall=WALL + 60)

    assert same == before
    assert [one.generated_at.timestamp() for one in (other, fewer)] == [WALL + 60, WALL + 60]
    assert {one.checked_at for one in (other, fewer)} == {MOMENT}


def test_it_is_checked_where_somebody_says_so_and_only_then() -> None:
    checked = rewritten(snapshot(users()), {USERS: [users()]}, wall=WALL + 60.7, checked=True)

    assert (checked.generated_at, checked.checked_at.timestamp()) == (MOMENT, WALL + 60)


def test_a_record_that_cannot_be_used_is_passed_over_and_the_others_of_its_place_stay() -> None:
    of_place = {"service": "users", "stage": STAGE}
    found = read(
        document(
            {**of_place, "endpoint": "https://users.test", "later": [1]},
            {"service": "others", "endpoint": "https://others.test"},
            {**of_place, "endpoint": "not an address"},
            {**of_place, "endpoint": "https://blue.test", "variant": "blue", "id": "blue"},
        )
    )

    usable, passed_over = found.records(USERS)

    assert usable == (users(), users("https://blue.test", variant="blue", id="blue"))
    assert [one.record for one in passed_over] == [f"{NAME}[1]"]


def test_a_record_that_stands_twice_is_used_once() -> None:
    item = {"service": "users", "stage": STAGE, "endpoint": "https://users.test", "id": "mine"}

    usable, passed_over = read(document(item, item)).records(USERS)

    assert usable == (users(id="mine"),)
    assert [one.reason for one in passed_over] == ["another record has its id 'mine'"]


def test_a_copy_has_every_record_by_id_and_what_is_unusable_by_where_it_stands() -> None:
    bad = {"service": "users", "stage": STAGE}

    copy = copied(read(document(bad, *snapshot(users(id="mine"), ORDERS).items[USERS], bad)))

    assert copy.keys() == {USERS}
    assert copy[USERS].keys() == {f"{NAME}[0]", "mine", f"{NAME}[2]"}
    assert copy[USERS]["mine"] == {"endpoint": "https://users.test", "id": "mine"}
    assert "endpoint" in copy[USERS][f"{NAME}[0]"]["unusable"]


@settings(max_examples=50)
@given(registries)
def test_a_copy_holds_exactly_what_would_be_written_of_the_same_records(records: list[Instance]) -> None:
    expected = {place: snapshot_records(of_place) for place, of_place in grouped(records).items()}

    assert copied(read(packed(snapshot_text(snapshot(*records))))) == expected


def test_it_may_be_as_old_as_is_allowed_and_no_older() -> None:
    checked = snapshot()

    checked.check_age(WALL + 100, 100)
    checked.check_age(WALL + 1e9, None)
    with pytest.raises(
        MalformedRecordError, match=r"compared with Cloud Map 0\.0 hours ago.*AGE is 100 s"
    ) as caught:
        checked.check_age(WALL + 100.5, 100)

    assert caught.value.record == NAME


def test_a_clock_may_be_five_minutes_slow_and_no_more() -> None:
    checked = snapshot()

    checked.check_age(WALL - 300, 0)
    with pytest.raises(MalformedRecordError, match="in the future"):
        checked.check_age(WALL - 301, None)


@pytest.mark.parametrize(("wall", "seconds"), [(WALL + 7.5, 7.5), (WALL, 0), (WALL - 200, 0)])
def test_the_time_since_it_was_checked_is_never_negative(wall: float, seconds: float) -> None:
    assert snapshot().unchecked_seconds(wall) == seconds
