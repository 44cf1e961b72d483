"""The table of states, at its boundaries and under clocks that misbehave."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloudmap_discovery.clock import Instant
from cloudmap_discovery.errors import StoreTimeoutError
from cloudmap_discovery.freshness import (
    NOTHING,
    Absence,
    Ask,
    BackOff,
    Entry,
    Expired,
    HeldAnswer,
    Mark,
    Policy,
    Revalidate,
    Serve,
    Standing,
    TellAbsence,
    TellFailure,
    decide,
    usable_answer,
)
from tests.unit.bed import users

POLICY = Policy(ttl_seconds=60, revalidate_seconds=60, max_stale_seconds=86_400, negative_ttl_seconds=5)
SENT = Instant(1_700_000_000.0, 1_000.0)
ANSWER = HeldAnswer((users(),), "cloudmap", SENT, fresh_seconds=60)
HELD = Entry(answer=ANSWER)
DAY = 86_400


def at(seconds: float, monotonic: float | None = None) -> Instant:
    return Instant(SENT.wall + seconds, SENT.monotonic + (seconds if monotonic is None else monotonic))


def backing_off(since: Instant, seconds: float = 1.0) -> BackOff:
    return BackOff((StoreTimeoutError("unreachable"),), since, seconds, 1)


def absent(since: Instant, seconds: float = 5.0) -> Absence:
    return Absence(("cloudmap",), "", (), (), since, seconds, 1)


@pytest.mark.parametrize(
    ("age", "kind"),
    [
        (0, Serve),
        (60, Serve),
        (60.001, Revalidate),
        (120, Revalidate),
        (120.001, Expired),
        (DAY, Expired),
        (DAY + 0.001, Ask),
        (10 * DAY, Ask),
    ],
)
def test_age_decides_by_the_table(age: float, kind: type) -> None:
    assert type(decide(HELD, at(age), POLICY)) is kind


def test_nothing_held_means_asking() -> None:
    assert decide(NOTHING, SENT, POLICY) == Ask()


def test_a_fresh_answer_is_served_as_such() -> None:
    assert decide(HELD, at(30), POLICY) == Serve(ANSWER, 30.0, stale=False)


def test_age_is_the_larger_of_both_clocks() -> None:
    stood_still = decide(HELD, at(3600, monotonic=0.5), POLICY)
    slewed_back = decide(HELD, at(0.5, monotonic=90), POLICY)

    assert stood_still == Expired(ANSWER, 3600.0)
    assert slewed_back == Revalidate(ANSWER, 90.0)


@pytest.mark.parametrize("now", [at(-0.001), at(-3600, monotonic=5), at(5, monotonic=-3600), at(-DAY * 400)])
def test_a_negative_age_makes_an_answer_expired_and_still_usable(now: Instant) -> None:
    assert decide(HELD, now, POLICY) == Expired(ANSWER, 0.0)
    assert usable_answer(HELD, now, POLICY) is ANSWER


@pytest.mark.parametrize(("age", "kind"), [(0, Expired), (60, Expired), (DAY, Expired), (DAY + 1, Ask)])
def test_an_answer_from_before_a_snapshot_is_expired(age: float, kind: type) -> None:
    restored = Entry(answer=replace(ANSWER, mark=Mark.RESTORED))

    assert type(decide(restored, at(age), POLICY)) is kind


@pytest.mark.parametrize(
    ("age", "kind"), [(0, Revalidate), (120, Revalidate), (121, Expired), (DAY + 1, Ask)]
)
def test_a_reported_answer_is_at_best_stale(age: float, kind: type) -> None:
    reported = Entry(answer=replace(ANSWER, mark=Mark.REPORTED))

    assert type(decide(reported, at(age), POLICY)) is kind


def test_a_fallbacks_answer_in_place_of_the_authoritys_is_never_fresh() -> None:
    provisional = Entry(answer=replace(ANSWER, standing=Standing.PROVISIONAL))

    assert type(decide(provisional, at(0), POLICY)) is Expired


def test_a_record_made_by_hand_is_fresh_for_the_normal_time() -> None:
    by_hand = replace(ANSWER, standing=Standing.BY_HAND)

    assert decide(Entry(answer=by_hand), at(60), POLICY) == Serve(by_hand, 60.0, stale=False)


@pytest.mark.parametrize("age", [61, 119, 121, DAY])
def test_a_held_answer_is_served_at_once_during_a_back_off(age: float) -> None:
    back_off = backing_off(at(age - 0.5))

    decision = decide(Entry(answer=ANSWER, back_off=back_off), at(age), POLICY)

    assert decision == Serve(ANSWER, age, stale=True, back_off=back_off)


def test_a_fresh_answer_is_not_stale_because_of_a_back_off() -> None:
    back_off = backing_off(at(10))

    decision = decide(Entry(ANSWER, back_off=back_off), at(10.5), POLICY)

    assert decision == Serve(ANSWER, 10.5, stale=False, back_off=back_off)


def test_a_remembered_failure_is_told_where_nothing_usable_is_held() -> None:
    back_off = backing_off(at(2 * DAY))

    assert decide(Entry(back_off=back_off), at(2 * DAY), POLICY) == TellFailure(back_off)
    assert decide(Entry(ANSWER, back_off=back_off), at(2 * DAY + 0.9), POLICY) == TellFailure(back_off)


@pytest.mark.parametrize(
    ("passed", "kind"), [(0, TellFailure), (0.999, TellFailure), (1, Ask), (-0.001, Ask)]
)
def test_a_back_off_ends_with_its_time_or_with_a_clock_that_ran_back(passed: float, kind: type) -> None:
    assert type(decide(Entry(back_off=backing_off(SENT)), at(passed), POLICY)) is kind


@pytest.mark.parametrize(
    ("passed", "kind"), [(0, TellAbsence), (4.999, TellAbsence), (5, Ask), (-0.001, Ask)]
)
def test_an_absence_is_told_for_its_time(passed: float, kind: type) -> None:
    assert type(decide(Entry(absence=absent(SENT)), at(passed), POLICY)) is kind


def test_after_an_absence_ends_in_a_frozen_sandbox_the_stores_are_asked() -> None:
    assert decide(Entry(absence=absent(SENT)), at(3600, monotonic=0.01), POLICY) == Ask()


@pytest.mark.parametrize(("age", "usable"), [(0, True), (DAY, True), (DAY + 0.001, False)])
def test_an_answer_is_usable_up_to_max_stale(age: float, usable: bool) -> None:  # noqa: FBT001 -- the expectation
    assert (usable_answer(HELD, at(age), POLICY) is ANSWER) is usable


def test_an_answer_is_served_while_fresh_even_where_max_stale_is_shorter() -> None:
    never_stale = replace(POLICY, max_stale_seconds=0)

    assert type(decide(HELD, at(60), never_stale)) is Serve
    assert type(decide(HELD, at(60.001), never_stale)) is Ask
