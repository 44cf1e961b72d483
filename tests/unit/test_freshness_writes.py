"""What is held after a store answered, the authority missed, or it failed."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudmap_discovery.clock import Instant
from cloudmap_discovery.errors import StoreTimeoutError
from cloudmap_discovery.freshness import (
    NOTHING,
    BackOff,
    Entry,
    HeldAnswer,
    Mark,
    Policy,
    Standing,
    answered,
    back_off_seconds,
    failed,
    missed,
)
from tests.unit.bed import never_random, users

POLICY = Policy(ttl_seconds=60, revalidate_seconds=60, max_stale_seconds=86_400, negative_ttl_seconds=5)
NOW = Instant(1_700_000_000.0, 1_000.0)
EARLIER, LATER = Instant(NOW.wall - 9, NOW.monotonic - 9), Instant(NOW.wall + 9, NOW.monotonic + 9)
CAUSES = (StoreTimeoutError("unreachable"),)
OLD = HeldAnswer((users("https://old.test"),), "cloudmap", NOW, 60.0)
NEW = (users("https://new.test"),)
fractions = st.floats(min_value=0, max_value=1, exclude_max=True)


def after(previous: Entry, sent: Instant, standing: Standing = Standing.AUTHORITY) -> Entry:
    return answered(previous, NEW, "ssm", sent, POLICY, never_random, standing=standing)


@settings(deadline=None)
@given(fractions)
def test_ttl_is_jittered_by_up_to_a_tenth_and_never_longer(fraction: float) -> None:
    entry = answered(NOTHING, NEW, "cloudmap", NOW, POLICY, lambda: fraction)

    assert entry.answer is not None
    assert 54 <= entry.answer.fresh_seconds <= 60


def test_an_answer_ends_absence_and_back_off() -> None:
    previous = replace(
        missed(NOTHING, ("cloudmap",), "", (), (), NOW, POLICY), back_off=BackOff(CAUSES, NOW, 1, 1)
    )

    entry = after(previous, NOW)

    assert (entry.absence, entry.back_off) == (None, None)
    assert entry.answer == HeldAnswer(NEW, "ssm", NOW, 60.0)


def test_a_newer_answer_of_the_authority_is_not_replaced() -> None:
    entry = after(Entry(OLD, back_off=BackOff(CAUSES, NOW, 1, 1)), EARLIER)

    assert entry == Entry(OLD)


def test_a_fallbacks_answer_never_replaces_a_newer_one_of_the_authority() -> None:
    entry = after(Entry(OLD), EARLIER, standing=Standing.PROVISIONAL)

    assert entry.answer is OLD


@pytest.mark.parametrize(
    "held",
    [
        replace(OLD, sent=EARLIER),
        replace(OLD, sent=LATER, standing=Standing.PROVISIONAL),
        replace(OLD, sent=LATER, standing=Standing.BY_HAND),
        replace(OLD, sent=LATER, mark=Mark.RESTORED),
        replace(OLD, sent=LATER, mark=Mark.REPORTED),
        # The wall clock was put back meanwhile; the monotonic clock knows which is newer.
        replace(OLD, sent=Instant(NOW.wall + 3600, NOW.monotonic - 1)),
    ],
    ids=["older", "provisional", "by hand", "restored", "reported", "wall clock put back"],
)
def test_any_other_answer_is_replaced(held: HeldAnswer) -> None:
    entry = after(Entry(held), NOW)

    assert entry.answer is not None
    assert entry.answer.instances == NEW


def test_absence_drops_the_answer() -> None:
    entry = missed(Entry(OLD), ("cloudmap", "ssm"), "no namespace", CAUSES, ("user",), NOW, POLICY)

    assert entry.answer is None
    assert entry.back_off is None
    assert entry.absence is not None
    assert (entry.absence.stores, entry.absence.detail) == (("cloudmap", "ssm"), "no namespace")
    assert (entry.absence.causes, entry.absence.near_misses) == (CAUSES, ("user",))


def test_absence_is_remembered_five_seconds_growing_to_sixty_while_misses_repeat() -> None:
    entry, lengths = NOTHING, []

    for _ in range(7):
        entry = missed(entry, ("cloudmap",), "", (), (), NOW, POLICY)
        assert entry.absence is not None
        lengths.append(entry.absence.seconds)

    assert lengths == [5, 10, 20, 40, 60, 60, 60]


def test_an_answer_ends_the_growth_of_absence() -> None:
    entry = missed(missed(NOTHING, (), "", (), (), NOW, POLICY), (), "", (), (), NOW, POLICY)

    again = missed(after(entry, NOW), (), "", (), (), NOW, POLICY)

    assert again.absence is not None
    assert again.absence.seconds == 5


def test_a_failure_keeps_the_answer_as_it_was() -> None:
    entry = failed(Entry(OLD), CAUSES, LATER, never_random)

    assert entry == Entry(OLD, back_off=BackOff(CAUSES, LATER, 1.0, 1))


def test_back_off_doubles_from_one_second_to_thirty() -> None:
    entry, lengths = NOTHING, []

    for _ in range(8):
        entry = failed(entry, CAUSES, NOW, never_random)
        assert entry.back_off is not None
        lengths.append(entry.back_off.seconds)

    assert lengths == [1, 2, 4, 8, 16, 30, 30, 30]


def test_success_ends_the_growth_of_back_off() -> None:
    entry = failed(failed(NOTHING, CAUSES, NOW, never_random), CAUSES, NOW, never_random)

    again = failed(after(entry, NOW), CAUSES, NOW, never_random)

    assert again.back_off is not None
    assert (again.back_off.seconds, again.back_off.failures) == (1.0, 1)


@settings(deadline=None)
@given(st.integers(1, 10_000), st.sampled_from((5.0, 30.0)), fractions)
def test_back_off_is_jittered_downwards_by_at_most_a_half(
    failures: int, most: float, fraction: float
) -> None:
    longest = back_off_seconds(failures, most, never_random)

    jittered = back_off_seconds(failures, most, lambda: fraction)

    assert longest / 2 <= jittered <= longest <= most


def test_back_off_never_shrinks_while_failures_repeat() -> None:
    lengths = [back_off_seconds(failures, 30.0, never_random) for failures in range(1, 100)]

    assert all(shorter <= longer for shorter, longer in pairwise(lengths))
