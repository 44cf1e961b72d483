"""Instances that could not be reached are set aside for a moment where there are others."""

from __future__ import annotations

import pytest

from cloudmap_discovery.set_aside import SetAside
from cloudmap_discovery.testing import FakeClock
from tests.unit.bed import key_of, users

KEY = key_of()
A, B = users("https://a.test", variant="a"), users("https://b.test", variant="b")


def test_an_instance_is_set_aside_for_ten_seconds() -> None:
    clock, aside = FakeClock(), SetAside()
    aside.report(KEY, A.id, clock.now())

    clock.advance(9.999)
    assert list(aside.without(KEY, [A, B], clock.now())) == [B]
    assert aside.holds(KEY, clock.now())

    clock.advance(0.001)
    assert list(aside.without(KEY, [A, B], clock.now())) == [A, B]
    assert not aside.holds(KEY, clock.now())


def test_instances_stay_where_there_is_no_other() -> None:
    clock, aside = FakeClock(), SetAside()
    for instance in (A, B):
        aside.report(KEY, instance.id, clock.now())

    assert list(aside.without(KEY, [A, B], clock.now())) == [A, B]
    assert list(aside.without(KEY, [A], clock.now())) == [A]


def test_nothing_is_set_aside_without_a_report() -> None:
    clock, aside = FakeClock(), SetAside()
    instances = [A, B]

    assert aside.without(KEY, instances, clock.now()) is instances


def test_reports_of_one_key_leave_others_alone() -> None:
    clock, aside = FakeClock(), SetAside()
    aside.report(KEY, A.id, clock.now())
    other = key_of(stage="Staging")

    assert list(aside.without(other, [A, B], clock.now())) == [A, B]
    assert not aside.holds(other, clock.now())


def test_a_key_is_refreshed_at_most_once_in_five_seconds() -> None:
    clock, aside = FakeClock(), SetAside()
    due = [aside.report(KEY, A.id, clock.now()), aside.report(KEY, B.id, clock.now())]

    clock.advance(4.999)
    due.append(aside.report(KEY, A.id, clock.now()))
    clock.advance(0.001)
    due.append(aside.report(KEY, A.id, clock.now()))

    assert due == [True, False, False, True]


@pytest.mark.parametrize("seconds", [-60, 3600])
def test_a_clock_that_jumps_ends_every_report(seconds: float) -> None:
    clock, aside = FakeClock(), SetAside()
    aside.report(KEY, A.id, clock.now())

    clock.advance(seconds)

    assert not aside.holds(KEY, clock.now())
    assert aside.report(KEY, B.id, clock.now())


def test_reports_that_ended_are_forgotten() -> None:
    clock, aside = FakeClock(), SetAside()

    for number in range(100):
        aside.report(key_of(f"s-{number}"), "id", clock.now())
        clock.advance(11)

    assert len(aside._reported) == 1
    assert len(aside._refreshed) == 1


def test_the_child_of_a_fork_can_report_though_a_thread_of_the_parent_held_the_lock() -> None:
    clock, aside = FakeClock(), SetAside()
    aside._lock.acquire()

    aside.after_fork_in_child()

    assert aside.report(KEY, A.id, clock.now())
