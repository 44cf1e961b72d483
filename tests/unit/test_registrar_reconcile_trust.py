"""A run that was told wrong removes nothing: one that would remove too many, or does not know all functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.registrar.reconcile import Change, Seen, exceeds
from tests.unit.fake_functions import arn_of
from tests.unit.plan_bed import GONE, claiming, plan, record, written

if TYPE_CHECKING:
    from cloudmap_discovery.model import Instance


@pytest.mark.parametrize(
    ("removed", "owned", "is_too_many"),
    [
        (0, 0, False),
        (3, 3, False),
        (4, 4, True),
        (4, 26, True),
        (4, 27, False),
        (6, 40, False),
        (7, 40, True),
    ],
)
def test_a_run_may_remove_three_records_or_fifteen_of_a_hundred(
    removed: int, owned: int, *, is_too_many: bool
) -> None:
    assert exceeds(removed, owned) is is_too_many


def crowd(going: int, staying: int) -> tuple[dict[str, Seen], list[Instance]]:
    """Return functions of which some are gone, and the records of all."""
    stay = [record(f"stay{number}") for number in range(staying)]
    go = [f"go{number}" for number in range(going)]
    seen = {**claiming(*stay), **{arn_of(name): GONE for name in go}}
    return seen, [*map(written, go), *(written(one.service) for one in stay)]


def test_a_run_that_would_remove_too_many_removes_nothing_and_says_so() -> None:
    seen, registered = crowd(4, 20)

    found = plan({**seen, **claiming(record("new"))}, *registered)

    assert found.stopped is not None
    assert found.stopped.startswith(
        "4 of the 24 records that functions' tags own would go, more than 15% and more than 3."
    )
    assert "reconcile --force" in found.stopped
    assert found.stopped is not None
    assert len(found.removals) == 4
    assert found.changes == (Change(record("new")),)


@pytest.mark.parametrize(
    ("going", "staying", "forced"), [(3, 0, False), (4, 23, False), (4, 20, True), (50, 0, True)]
)
def test_a_run_that_is_forced_or_removes_few_goes_on(going: int, staying: int, *, forced: bool) -> None:
    seen, registered = crowd(going, staying)

    found = plan(seen, *registered, forced=forced)

    assert found.stopped is None
    assert found.stopped is None
    assert (len(found.removals), found.unchanged) == (going, staying)


def test_records_of_others_do_not_count_among_the_owned() -> None:
    seen, registered = crowd(4, 20)
    others = [written(f"other{number}", owner="manual") for number in range(100)]

    assert plan(seen, *registered, *others).stopped is not None


def test_an_incomplete_list_of_functions_stops_removals_and_no_additions() -> None:
    seen = {**claiming(record("new")), arn_of("gone"): GONE}

    found = plan(seen, written("gone"), incomplete="a page failed")

    assert found.changes == (Change(record("new")),)
    assert found.stopped == "not all functions could be listed: a page failed"
    assert len(found.removals) == 1
    assert found.incomplete == "a page failed"


def test_an_incomplete_list_stops_nothing_where_nothing_would_go() -> None:
    assert plan(claiming(record("users")), written("users"), incomplete="a page failed").stopped is None


def test_an_incomplete_list_stops_a_run_that_is_forced_too() -> None:
    found = plan({arn_of("gone"): GONE}, written("gone"), incomplete="a page failed", forced=True)

    assert found.stopped is not None
    assert found.incomplete == "a page failed"
