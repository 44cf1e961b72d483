"""A store in trouble is left alone for a moment; then one probe goes out."""

from __future__ import annotations

import pytest

from cloudmap_discovery.errors import (
    AccessDeniedError,
    MalformedRecordError,
    RemoteError,
    StoreError,
    StoreTimeoutError,
    ThrottledError,
)
from cloudmap_discovery.store_health import StoreHealth
from cloudmap_discovery.testing import FakeClock
from tests.unit.bed import never_random


class Watch:
    """The health of the store `cloudmap`, with a clock."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.health = StoreHealth(never_random, probe_seconds=2.0)

    @property
    def is_asked(self) -> bool:
        return self.health.refusal("cloudmap", self.clock.now()) is None

    def fail(self, error: StoreError | None = None, *, took: float = 0.0) -> None:
        asked = self.clock.now()
        self.clock.advance(took)
        self.health.failed("cloudmap", error or StoreTimeoutError("unreachable"), asked, self.clock.now())


@pytest.mark.parametrize("error", [ThrottledError("slow down"), StoreTimeoutError("unreachable")])
def test_a_store_backs_off_when_throttled_unreachable_or_too_slow(error: StoreError) -> None:
    watch = Watch()

    watch.fail(error)

    assert not watch.is_asked
    watch.clock.advance(0.999)
    assert not watch.is_asked
    watch.clock.advance(0.001)
    assert watch.is_asked


@pytest.mark.parametrize(
    "error", [AccessDeniedError("denied"), MalformedRecordError("/a", "odd"), RemoteError("odd", code="Odd")]
)
def test_a_store_does_not_back_off_for_any_other_failure(error: StoreError) -> None:
    watch = Watch()

    watch.fail(error)

    assert watch.is_asked


def test_a_refusal_says_for_how_long_and_after_what() -> None:
    watch = Watch()
    watch.fail(ThrottledError("slow down", code="RequestLimitExceeded", store="cloudmap"))
    watch.clock.advance(0.25)

    refusal = watch.health.refusal("cloudmap", watch.clock.now())

    assert isinstance(refusal, ThrottledError)
    assert refusal.store == "cloudmap"
    assert str(refusal) == "backing off for another 0.8 s, after: slow down"


def test_back_off_doubles_to_five_seconds() -> None:
    watch, lengths = Watch(), []

    for _ in range(5):
        watch.fail()
        trouble = watch.health._trouble["cloudmap"]
        lengths.append(trouble.seconds)
        watch.clock.advance(trouble.seconds)
        assert watch.is_asked

    assert lengths == [1, 2, 4, 5, 5]


def test_when_a_back_off_ends_one_probe_goes_out() -> None:
    watch = Watch()
    watch.fail()
    watch.clock.advance(1)

    asked = [watch.is_asked for _ in range(3)]

    assert asked == [True, False, False]
    refusal = watch.health.refusal("cloudmap", watch.clock.now())
    assert "a probe is under way" in str(refusal)


def test_a_probe_that_never_comes_back_is_followed_by_another() -> None:
    watch = Watch()
    watch.fail()
    watch.clock.advance(1)
    assert watch.is_asked

    watch.clock.advance(2)

    assert watch.is_asked


def test_an_answer_ends_the_trouble() -> None:
    watch = Watch()
    watch.fail()
    watch.fail()

    watch.health.answered("cloudmap")

    assert watch.is_asked
    watch.fail()
    assert watch.health._trouble["cloudmap"].failures == 1


def test_a_refused_call_ends_the_trouble_too() -> None:
    watch = Watch()
    watch.fail()

    watch.fail(AccessDeniedError("denied"))

    assert watch.is_asked


def test_calls_that_were_under_way_together_are_one_trouble() -> None:
    watch = Watch()
    asked = watch.clock.now()
    watch.clock.advance(0.5)

    for _ in range(20):
        watch.health.failed("cloudmap", StoreTimeoutError("too slow"), asked, watch.clock.now())

    assert watch.health._trouble["cloudmap"].failures == 1


def test_stores_back_off_one_by_one() -> None:
    watch = Watch()

    watch.fail()

    assert watch.health.refusal("ssm", watch.clock.now()) is None


def test_a_clock_that_ran_back_ends_a_back_off() -> None:
    watch = Watch()
    watch.fail()

    watch.clock.advance(-3600)

    assert watch.is_asked


def test_clearing_forgets_all_trouble() -> None:
    watch = Watch()
    watch.fail()

    watch.health.clear()

    assert watch.is_asked
