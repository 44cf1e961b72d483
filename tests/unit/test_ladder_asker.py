"""Stores are asked within their share of the budget, and those in trouble not at all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.clock import Instant
from cloudmap_discovery.errors import (
    AccessDeniedError,
    MalformedRecordError,
    StoreTimeoutError,
    ThrottledError,
)
from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.events import Event, StoreFailed
from cloudmap_discovery.ladder import Asker, Failed, Said
from cloudmap_discovery.store_health import StoreHealth
from cloudmap_discovery.stores.port import Absent, Found
from cloudmap_discovery.testing import FakeClock, FakeStore
from tests.unit.bed import key_of, never_random, users

if TYPE_CHECKING:
    from cloudmap_discovery.model import Key


class Timed(FakeStore):
    """A store that notes the time it was given, and takes some on the fake clock."""

    def __init__(self, clock: FakeClock, takes_seconds: float = 0.0) -> None:
        super().__init__("cloudmap", clock=clock)
        self.given: list[float] = []
        self._watch = clock
        self._takes_seconds = takes_seconds

    async def fetch(
        self, key: Key, *, timeout_seconds: float, since: Instant | None = None
    ) -> Found | Absent:
        self.given.append(timeout_seconds)
        said = await super().fetch(key, timeout_seconds=timeout_seconds, since=since)
        self._watch.advance(self._takes_seconds)
        return said


class Asking:
    """An asker with a budget of two seconds, and what it did besides asking."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.health = StoreHealth(never_random, probe_seconds=2.0)
        self.seen: list[Event] = []
        self.discarded = 0
        events = EventHub()
        events.subscribe(self.seen.append)
        self.asker = Asker(
            clock=self.clock, health=self.health, events=events, budget_seconds=2.0, discard=self.discard
        )
        self.ask = self.asker.within(key_of(), self.clock.now())

    async def discard(self) -> None:
        self.discarded += 1


def error_of(said: Said) -> Exception:
    assert isinstance(said, Failed)
    return said.error


async def test_a_store_gets_sixty_percent_of_what_remains_while_another_is_left_to_ask() -> None:
    asking = Asking()
    store = Timed(asking.clock, takes_seconds=0.5)

    for others in (2, 1, 0):
        await asking.ask(store, others)

    assert store.given == pytest.approx([2.0 * 0.6, 1.5 * 0.6, 1.0])


async def test_a_store_is_not_asked_once_the_budget_is_spent() -> None:
    asking = Asking()
    store = Timed(asking.clock)
    asking.clock.advance(2)

    said = await asking.ask(store, 0)

    assert store.asked == []
    assert "the budget was spent before it could be asked" in str(error_of(said))


async def test_a_clock_that_is_put_back_does_not_lengthen_the_budget() -> None:
    asking = Asking()
    store = Timed(asking.clock)
    start = asking.clock.now()
    asking.clock.set(start.wall - 3600, start.monotonic + 1.5)

    await asking.ask(store, 0)

    assert store.given == pytest.approx([0.5])


async def test_a_store_that_hangs_is_left_when_its_share_is_over() -> None:
    asking = Asking()
    asking.asker._budget_seconds = 0.05
    store = FakeStore(clock=asking.clock)
    store.delay_seconds = 30
    store.put(users())

    async with asyncio.timeout(10):
        said = await asking.ask(store, 0)

    error = error_of(said)
    assert isinstance(error, StoreTimeoutError)
    assert (error.store, str(error)) == ("cloudmap", "no answer within 0.05 s")


async def test_an_answer_that_arrives_after_its_budget_is_discarded_and_its_connection_closed() -> None:
    asking = Asking()
    store = Timed(asking.clock, takes_seconds=3600)
    store.put(users())

    said = await asking.ask(store, 0)

    assert isinstance(error_of(said), StoreTimeoutError)
    assert asking.discarded == 1


async def test_an_answer_in_time_is_aged_from_when_it_was_asked() -> None:
    asking = Asking()
    store = Timed(asking.clock, takes_seconds=1.5)
    store.put(users())
    asked = asking.clock.now()

    said = await asking.ask(store, 0)

    assert isinstance(said, Found)
    assert said.sent == asked
    assert asking.discarded == 0


async def test_a_failure_names_its_store_and_is_an_event() -> None:
    asking = Asking()
    store = FakeStore("ssm", clock=asking.clock)
    store.failure = ThrottledError("slow down", code="ThrottlingException")

    said = await asking.ask(store, 0)

    error = error_of(said)
    assert isinstance(error, ThrottledError)
    assert error.store == "ssm"
    assert error is not store.failure
    assert asking.seen == [
        StoreFailed("users", "Production", "ssm", "ThrottledError", "ThrottlingException", "slow down")
    ]


async def test_a_store_in_trouble_counts_as_failed_without_being_asked_and_without_an_event() -> None:
    asking = Asking()
    store = FakeStore(clock=asking.clock)
    store.failure = StoreTimeoutError("unreachable")
    await asking.ask(store, 0)
    asking.seen.clear()

    said = await asking.ask(store, 0)

    assert "backing off for another" in str(error_of(said))
    assert len(store.asked) == 1
    assert asking.seen == []


@pytest.mark.parametrize("failure", [AccessDeniedError("denied"), MalformedRecordError("/a", "odd")])
async def test_a_store_that_answered_with_a_failure_is_asked_again(
    failure: AccessDeniedError | MalformedRecordError,
) -> None:
    asking = Asking()
    store = FakeStore(clock=asking.clock)
    store.failure = failure

    await asking.ask(store, 0)
    await asking.ask(store, 0)

    assert len(store.asked) == 2


async def test_an_answer_ends_a_stores_trouble() -> None:
    asking = Asking()
    store = FakeStore(clock=asking.clock)
    store.failure = StoreTimeoutError("unreachable")
    await asking.ask(store, 0)
    store.failure = None
    asking.clock.advance(1)

    said = await asking.ask(store, 0)

    assert said == Absent()
    assert asking.health.refusal("cloudmap", asking.clock.now()) is None


async def test_a_bug_of_a_store_surfaces_as_itself() -> None:
    class Broken(FakeStore):
        async def fetch(
            self, key: Key, *, timeout_seconds: float, since: Instant | None = None
        ) -> Found | Absent:
            raise KeyError(key.service, timeout_seconds, since)

    asking = Asking()

    with pytest.raises(KeyError):
        await asking.ask(Broken(), 0)


async def test_to_explain_a_store_is_asked_even_in_trouble_and_nothing_is_noted() -> None:
    asking = Asking()
    store = Timed(asking.clock)
    store.failure = StoreTimeoutError("unreachable")
    await asking.ask(store, 0)
    asking.seen.clear()
    before = dict(asking.health._trouble)

    said = await asking.asker.ask_now(store, key_of())

    assert str(error_of(said)) == "unreachable"
    assert store.given[-1] == 2.0
    assert asking.seen == []
    assert asking.health._trouble == before


async def test_an_answer_is_discarded_where_a_clock_was_put_back_meanwhile() -> None:
    asking = Asking()
    store = Timed(asking.clock)
    store.put(users())
    start = asking.clock.now()
    asking.clock.set(start.wall - 3600, start.monotonic)

    said = await asking.asker.within(key_of(), Instant(start.wall, start.monotonic))(store, 0)

    assert isinstance(error_of(said), StoreTimeoutError)
    assert asking.discarded == 1
