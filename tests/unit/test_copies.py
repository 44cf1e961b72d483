"""What a mirror is to get and to lose, and when that is too much to go unasked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.copies import Copy, Difference, differences, loses_most

USERS, ORDERS, STAGING = ("users", "Production"), ("orders", "Production"), ("users", "Staging")
OLD, NEW = {"endpoint": "https://old.test"}, {"endpoint": "https://new.test"}

places = st.dictionaries(
    st.tuples(st.sampled_from(["users", "orders"]), st.sampled_from(["-", "Production", "Staging"])),
    st.dictionaries(st.sampled_from("abc"), st.sampled_from([OLD, NEW])),
)


def removals(count: int, place: tuple[str, str] = USERS) -> list[Difference]:
    return [Difference(*place, str(number), OLD, None) for number in range(count)]


def changes(count: int) -> list[Difference]:
    return [Difference(*USERS, f"changed {number}", OLD, NEW) for number in range(count)]


def holding(count: int, place: tuple[str, str] = USERS) -> Copy:
    return Copy({place: {str(number): OLD for number in range(count)}})


def test_a_record_is_added_changed_removed_or_left() -> None:
    copy = Copy({USERS: {"same": OLD, "other": OLD, "gone": OLD}})

    found = differences(copy, {USERS: {"same": dict(OLD), "other": NEW, "new": NEW}})

    assert found == (
        Difference("users", "Production", "gone", OLD, None),
        Difference("users", "Production", "new", None, NEW),
        Difference("users", "Production", "other", OLD, NEW),
    )
    assert [difference.kind for difference in found] == ["remove", "add", "change"]


def test_a_place_that_is_only_held_goes_and_one_that_is_only_wanted_comes() -> None:
    found = differences(Copy({USERS: {"a": OLD}}), {ORDERS: {"a": OLD}})

    assert [(difference.kind, difference.service) for difference in found] == [
        ("add", "orders"),
        ("remove", "users"),
    ]


def test_an_empty_place_is_as_good_as_none() -> None:
    assert differences(Copy({USERS: {}}), {ORDERS: {}}) == ()


def test_a_record_without_any_field_is_still_one() -> None:
    found = differences(Copy({USERS: {"a": {}}}), {ORDERS: {"b": {}}})

    assert [difference.kind for difference in found] == ["add", "remove"]


def test_of_one_stage_nothing_of_another_is_touched() -> None:
    copy = Copy({USERS: {"a": OLD}, STAGING: {"a": OLD}})
    wanted = {ORDERS: {"b": NEW}, ("orders", "Staging"): {"b": NEW}}

    found = differences(copy, wanted, stage="Staging")

    assert {(difference.service, difference.stage) for difference in found} == {
        ("orders", "Staging"),
        STAGING,
    }
    assert differences(copy, wanted, stage="nowhere") == ()


def test_what_is_not_the_mirrors_own_is_left_alone() -> None:
    copy = Copy({STAGING: {"a": OLD}}, left_alone={USERS: "a person wrote it", STAGING: "the same"})

    found = differences(copy, {USERS: {"a": NEW}, ORDERS: {"a": NEW}})

    assert found == (Difference(*ORDERS, "a", None, NEW),)


@given(places, places)
def test_what_is_made_of_the_differences_is_what_is_wanted(
    held: dict[tuple[str, str], dict[str, dict[str, str]]],
    wanted: dict[tuple[str, str], dict[str, dict[str, str]]],
) -> None:
    found = differences(Copy(held), wanted)

    made = {place: dict(records) for place, records in held.items()}
    for difference in found:
        records = made.setdefault((difference.service, difference.stage), {})
        assert records.pop(difference.id, None) == difference.before
        if difference.after is not None:
            records[difference.id] = dict(difference.after)
    assert _without_empty(made) == _without_empty(wanted)
    where = [(difference.service, difference.stage, difference.id) for difference in found]
    assert where == sorted(set(where))


def _without_empty(
    places: dict[tuple[str, str], dict[str, dict[str, str]]],
) -> dict[tuple[str, str], dict[str, dict[str, str]]]:
    return {place: records for place, records in places.items() if records}


@pytest.mark.parametrize(
    ("held", "lost", "expected"),
    [
        (0, 0, None),
        (3, 3, None),
        (4, 4, (4, 4)),
        (7, 4, (4, 7)),
        (8, 4, None),
        (9, 4, None),
        (9, 5, (5, 9)),
        (1000, 500, None),
        (1000, 501, (501, 1000)),
    ],
)
def test_more_than_half_of_more_than_a_few_is_most(
    held: int, lost: int, expected: tuple[int, int] | None
) -> None:
    assert loses_most(holding(held), removals(lost)) == expected


def test_records_that_change_or_come_are_not_lost() -> None:
    added = [Difference(*USERS, "added", None, NEW)] * 9

    assert loses_most(holding(9), [*changes(5), *removals(4), *added]) is None
    assert loses_most(holding(7), iter([*changes(3), *removals(4), *added])) == (4, 7)


def test_of_one_stage_the_records_of_another_do_not_count() -> None:
    copy = Copy({**holding(4).places, **holding(90, STAGING).places})

    assert loses_most(copy, removals(4), stage="Production") == (4, 4)
    assert loses_most(copy, removals(4)) is None
    assert loses_most(copy, removals(46, STAGING), stage="Staging") == (46, 90)
