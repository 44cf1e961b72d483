"""decide() against an oracle that was written from the table of states, over generated entries and clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloudmap_discovery.clock import Instant
from cloudmap_discovery.errors import StoreTimeoutError
from cloudmap_discovery.freshness import (
    Absence,
    BackOff,
    Decision,
    Entry,
    HeldAnswer,
    Mark,
    Policy,
    Serve,
    Standing,
    decide,
    usable_answer,
)
from tests.unit.bed import users

if TYPE_CHECKING:
    from collections.abc import Callable

# Quarters of a second are exact, so that generated times fall on boundaries.
quarters = st.integers(0, 400).map(lambda n: n / 4)
START = Instant(1_700_000_000.0, 1_000.0)


@st.composite
def spans(draw: st.DrawFn) -> tuple[float, float]:
    """Return what passes on the wall and on the monotonic clock."""
    passed, jump = draw(quarters), draw(st.sampled_from((0.25, 1.0, 3_600.0, 100_000.0)))
    return draw(
        st.sampled_from(
            [
                (passed, passed),
                (passed, 0.0),  # the monotonic clock stood still
                (0.0, passed),  # the wall clock did
                (passed + jump, passed),  # the wall clock jumped ahead
                (passed - jump, passed),  # and back
                (passed, passed - jump),
                (-passed, -passed),
            ]
        )
    )


policies = st.builds(
    Policy,
    ttl_seconds=st.just(60.0),
    revalidate_seconds=quarters,
    max_stale_seconds=st.one_of(quarters, st.just(86_400.0)),
    negative_ttl_seconds=st.just(5.0),
)


def moved(start: Instant, span: tuple[float, float]) -> Instant:
    return Instant(start.wall + span[0], start.monotonic + span[1])


answers = st.builds(
    HeldAnswer,
    st.just((users(),)),
    st.just("cloudmap"),
    spans().map(lambda span: moved(START, span)),
    quarters,
    st.sampled_from(Standing),
    st.sampled_from(Mark),
)
absences = st.builds(
    Absence,
    stores=st.just(("cloudmap",)),
    detail=st.just(""),
    causes=st.just(()),
    near_misses=st.just(()),
    since=spans().map(lambda span: moved(START, span)),
    seconds=quarters,
    misses=st.just(1),
)
back_offs = st.builds(
    BackOff,
    st.just((StoreTimeoutError("unreachable"),)),
    spans().map(lambda span: moved(START, span)),
    quarters,
    st.just(1),
)
entries = st.builds(
    Entry, st.one_of(st.none(), answers), st.one_of(st.none(), absences), st.one_of(st.none(), back_offs)
)

# States from the best to the worst; an answer is in the worst that anything about it says.
FRESH, STALE, EXPIRED, MISSING = range(4)
BEST_BY_MARK = {Mark.NONE: FRESH, Mark.REPORTED: STALE, Mark.RESTORED: EXPIRED}
BEST_BY_STANDING = {
    Standing.AUTHORITY: FRESH,
    Standing.BY_HAND: FRESH,
    Standing.PACKAGED: STALE,
    Standing.PROVISIONAL: EXPIRED,
}

# (state, backing off) -> decision, served as stale
TABLE = {
    (FRESH, False): ("Serve", False),
    (FRESH, True): ("Serve", False),
    (STALE, False): ("Revalidate", None),
    (STALE, True): ("Serve", True),
    (EXPIRED, False): ("Expired", None),
    (EXPIRED, True): ("Serve", True),
    (MISSING, False): ("Ask", None),
    (MISSING, True): ("TellFailure", None),
}


def state_by_age(answer: HeldAnswer, now: Instant, policy: Policy) -> int:
    ages = (now.wall - answer.sent.wall, now.monotonic - answer.sent.monotonic)
    if min(ages) < 0:
        return EXPIRED
    limits = [
        (answer.fresh_seconds, FRESH),
        (min(answer.fresh_seconds + policy.revalidate_seconds, policy.max_stale_seconds), STALE),
        (policy.max_stale_seconds, EXPIRED),
    ]
    state = next((state for limit, state in limits if max(ages) <= limit), MISSING)
    # What came with the function waits for nobody, however long its refresh takes.
    return STALE if state == EXPIRED and answer.standing is Standing.PACKAGED else state


def state_of(entry: Entry, now: Instant, policy: Policy) -> int:
    if entry.answer is None:
        return MISSING
    return max(
        state_by_age(entry.answer, now, policy),
        BEST_BY_MARK[entry.answer.mark],
        BEST_BY_STANDING[entry.answer.standing],
    )


def lasts(since: Instant, seconds: float, now: Instant) -> bool:
    passed = (now.wall - since.wall, now.monotonic - since.monotonic)
    return min(passed) >= 0 and max(passed) < seconds


def expected(entry: Entry, now: Instant, policy: Policy) -> tuple[str, bool | None]:
    if entry.absence and lasts(entry.absence.since, entry.absence.seconds, now):
        return "TellAbsence", None
    backs_off = entry.back_off is not None and lasts(entry.back_off.since, entry.back_off.seconds, now)
    return TABLE[state_of(entry, now, policy), backs_off]


def summary(decision: Decision) -> tuple[str, bool | None]:
    return type(decision).__name__, decision.stale if isinstance(decision, Serve) else None


def at_every_limit(test: Callable[..., None]) -> Callable[..., None]:
    """Add the examples that random search seldom meets."""
    answer, policy = HeldAnswer((users(),), "cloudmap", START, 10.0), Policy(60.0, 10.0, 30.0, 5.0)
    for age in (10.0, 10.25, 20.0, 20.25, 30.0, 30.25):
        test = example(Entry(answer), (age, age), policy)(test)
    return test


@at_every_limit
@settings(deadline=None)
@given(entries, spans(), policies)
def test_decisions_are_those_of_the_table(entry: Entry, span: tuple[float, float], policy: Policy) -> None:
    now = moved(START, span)

    decision = decide(entry, now, policy)

    assert summary(decision) == expected(entry, now, policy)


@settings(deadline=None)
@given(entries, spans(), policies)
def test_what_is_served_is_what_is_held_with_an_age_that_is_never_negative(
    entry: Entry, span: tuple[float, float], policy: Policy
) -> None:
    decision = decide(entry, moved(START, span), policy)

    answer = getattr(decision, "answer", None)
    assert answer is None or answer is entry.answer
    assert getattr(decision, "age_seconds", 0.0) >= 0


@settings(deadline=None)
@given(entries, spans(), policies)
def test_an_answer_is_usable_unless_it_is_missing(
    entry: Entry, span: tuple[float, float], policy: Policy
) -> None:
    now = moved(START, span)

    usable = usable_answer(entry, now, policy)

    assert (usable is None) == (state_of(entry, now, policy) == MISSING)
