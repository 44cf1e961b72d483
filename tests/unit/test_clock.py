"""Time is the larger of two clocks, and negative where either ran back."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cloudmap_discovery.clock import Instant, SystemClock

seconds = st.floats(min_value=0, max_value=1e6, allow_nan=False)
START = Instant(1_700_000_000.0, 500.0)


def after(wall: float, monotonic: float) -> Instant:
    return Instant(START.wall + wall, START.monotonic + monotonic)


def test_age_is_the_walls_where_the_monotonic_clock_stood_still() -> None:
    thawed = after(3600, 0.25)

    assert thawed.seconds_since(START) == 3600


def test_age_is_the_monotonic_clocks_where_the_wall_clock_stood_still() -> None:
    slewed = after(0.25, 90)

    assert slewed.seconds_since(START) == 90


@settings(deadline=None)
@given(st.floats(min_value=0.001, max_value=1e6), st.floats(min_value=-1e6, max_value=1e6))
def test_age_is_negative_where_either_clock_ran_back(back: float, other: float) -> None:
    assert after(-back, other).seconds_since(START) < 0
    assert after(other, -back).seconds_since(START) < 0


@settings(deadline=None)
@given(seconds, seconds)
def test_age_is_never_less_than_what_either_clock_says(wall: float, monotonic: float) -> None:
    now = after(wall, monotonic)

    age = now.seconds_since(START)

    assert age == max(now.wall - START.wall, now.monotonic - START.monotonic)


def test_system_clock_reads_the_same_clocks_one_by_one_and_together() -> None:
    clock = SystemClock()

    first, wall, monotonic, second = clock.now(), clock.wall(), clock.monotonic(), clock.now()

    assert first.monotonic <= monotonic <= second.monotonic
    assert abs(wall - first.wall) < 60
