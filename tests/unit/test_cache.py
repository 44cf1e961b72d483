"""What is held is bounded: answers by use, and what is not an answer by a bound of its own."""

from __future__ import annotations

import threading

from cloudmap_discovery.cache import Cache
from cloudmap_discovery.clock import Instant
from cloudmap_discovery.errors import StoreTimeoutError
from cloudmap_discovery.freshness import NOTHING, Absence, BackOff, Entry, HeldAnswer, Mark
from cloudmap_discovery.model import Key
from cloudmap_discovery.testing import FakeClock
from tests.unit.bed import key_of, users

NOW = Instant(0.0, 0.0)
ANSWER = Entry(HeldAnswer((users(),), "cloudmap", NOW, 60.0))
ABSENCE = Entry(absence=Absence(("cloudmap",), "", (), (), NOW, 5.0, 1))
FAILURE = Entry(back_off=BackOff((StoreTimeoutError("unreachable"),), NOW, 1.0, 1))


class Holding:
    """A cache, its clock, and the keys that it said were changed."""

    def __init__(self, max_entries: int = 32) -> None:
        self.clock = FakeClock()
        self.changed: list[Key] = []
        self.cache = Cache(max_entries, self.clock.monotonic, self.changed.append)

    def put(self, entry: Entry, *names: str) -> None:
        for name in names:
            self.clock.advance(1)
            self.cache.put(key_of(name), entry)

    def holds(self, name: str) -> bool:
        return self.cache.slot(key_of(name)) is not None


def numbered(prefix: str, count: int) -> list[str]:
    return [f"{prefix}-{number}" for number in range(count)]


def test_what_was_put_is_held_until_it_is_dropped() -> None:
    holding = Holding()
    holding.put(ANSWER, "users")
    held = holding.cache.get(key_of("users"))

    holding.cache.drop(key_of("users"))

    assert held is ANSWER
    assert holding.cache.get(key_of("users")) is NOTHING
    assert holding.changed == [key_of("users")] * 2


def test_keys_differ_by_namespace_service_and_stage() -> None:
    holding = Holding()
    holding.put(ANSWER, "users")

    assert holding.cache.get(Key("services", "users", "Staging")) is NOTHING
    assert holding.cache.get(Key("other", "users", "Production")) is NOTHING


def test_the_least_recently_used_answers_go_first() -> None:
    holding = Holding(max_entries=32)
    holding.put(ANSWER, *numbered("s", 32))
    for name in ("s-0", "s-1"):
        holding.clock.advance(1)
        holding.cache.get(key_of(name))

    holding.put(ANSWER, "new")

    # One in sixteen goes at a time: two of 32.
    assert [name for name in numbered("s", 32) if not holding.holds(name)] == ["s-2", "s-3"]
    assert holding.holds("new")
    assert set(holding.changed[-3:]) == {key_of("new"), key_of("s-2"), key_of("s-3")}


def test_the_number_of_answers_never_exceeds_the_bound() -> None:
    holding = Holding(max_entries=3)

    holding.put(ANSWER, *numbered("s", 50))

    assert len(holding.cache) == 3
    assert [name for name in numbered("s", 50) if holding.holds(name)] == ["s-47", "s-48", "s-49"]


def test_replacing_an_entry_evicts_nothing() -> None:
    holding = Holding(max_entries=2)
    holding.put(ANSWER, "a", "b")

    holding.put(ANSWER, "a", "a", "b")

    assert len(holding.cache) == 2


def test_unknown_names_never_evict_good_answers() -> None:
    holding = Holding(max_entries=10)
    holding.put(ANSWER, *numbered("good", 10))

    holding.put(ABSENCE, *numbered("unknown", 500))
    holding.put(FAILURE, *numbered("failing", 500))

    assert all(holding.holds(name) for name in numbered("good", 10))
    assert len(holding.cache) == 20


def test_answers_never_evict_absences() -> None:
    holding = Holding(max_entries=10)
    holding.put(ABSENCE, "unknown")

    holding.put(ANSWER, *numbered("good", 50))

    assert holding.holds("unknown")


def test_a_key_is_held_once_whatever_becomes_of_it() -> None:
    holding = Holding()

    for entry in (ANSWER, ABSENCE, FAILURE, ANSWER):
        holding.put(entry, "users")
        assert holding.cache.get(key_of("users")) is entry
        assert len(holding.cache) == 1


def test_marking_lowers_the_answer_and_nothing_else() -> None:
    holding = Holding()
    holding.put(ANSWER, "users")
    holding.put(ABSENCE, "gone")
    used = holding.cache.slot(key_of("users"))
    assert used is not None

    for name in ("users", "gone", "never-seen"):
        holding.cache.mark(key_of(name), Mark.REPORTED)

    marked = holding.cache.slot(key_of("users"))
    assert marked is not None
    assert marked.entry.answer is not None
    assert marked.entry.answer.mark is Mark.REPORTED
    assert marked.used == used.used
    assert holding.cache.get(key_of("gone")) is ABSENCE
    assert holding.cache.get(key_of("never-seen")) is NOTHING


def test_a_report_does_not_raise_the_standing_of_an_answer_from_before_a_snapshot() -> None:
    holding = Holding()
    holding.put(ANSWER, "users")
    holding.cache.expire_all()

    holding.cache.mark(key_of("users"), Mark.REPORTED)

    answer = holding.cache.get(key_of("users")).answer
    assert answer is not None
    assert answer.mark is Mark.RESTORED


def test_expiring_keeps_answers_and_forgets_absences_and_failures() -> None:
    holding = Holding()
    holding.put(Entry(ANSWER.answer, back_off=FAILURE.back_off), "users")
    holding.put(ABSENCE, "gone")
    holding.put(FAILURE, "failing")

    holding.cache.expire_all()

    entry = holding.cache.get(key_of("users"))
    assert entry.answer is not None
    assert entry.answer.mark is Mark.RESTORED
    assert entry.back_off is None
    assert not holding.holds("gone")
    assert not holding.holds("failing")


def test_clearing_holds_nothing_and_says_what_went() -> None:
    holding = Holding()
    holding.put(ANSWER, "users")
    holding.put(ABSENCE, "gone")
    holding.changed.clear()

    holding.cache.clear()

    assert len(holding.cache) == 0
    assert key_of("users") in holding.changed


def test_known_services_are_those_with_an_answer_in_the_namespace() -> None:
    holding = Holding()
    holding.put(ANSWER, "users", "orders")
    holding.put(ABSENCE, "gone")
    holding.cache.put(Key("other", "elsewhere", "Production"), ANSWER)

    assert holding.cache.services("services") == {"users", "orders"}


def test_after_a_fork_the_child_can_write_though_the_parents_thread_held_the_lock() -> None:
    holding = Holding()
    holding.put(ANSWER, "users")
    holding.cache._lock.acquire()

    holding.cache.after_fork_in_child()
    holding.put(ANSWER, "orders")

    assert holding.holds("users")
    assert holding.holds("orders")


def test_threads_that_read_and_write_at_once_see_whole_entries() -> None:
    holding = Holding(max_entries=16)
    names, wrong = numbered("s", 48), list[Entry]()

    def write() -> None:
        for number in range(600):
            holding.cache.put(key_of(names[number % 48]), (ANSWER, ABSENCE, FAILURE)[number % 3])
            if number % 50 == 0:
                holding.cache.expire_all()

    def read() -> None:
        for number in range(3000):
            entry = holding.cache.get(key_of(names[number % 48]))
            if (entry.answer, entry.absence, entry.back_off).count(None) < 2:
                wrong.append(entry)

    threads = [threading.Thread(target=run) for run in (write, read, write, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert len(holding.cache) <= 32
