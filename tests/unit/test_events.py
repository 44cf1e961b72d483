"""Events are frozen values, and reach every callback whatever the others do."""

from __future__ import annotations

import dataclasses
import logging
import threading
from typing import Any

import pytest

from cloudmap_discovery import events
from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.events import Event, Hit
from tests.unit.bed import listen, make_bed, users

HIT = Hit("users", "Production", "cloudmap", 1.0, stale=False)


def kinds() -> list[type[Event]]:
    return [
        kind
        for kind in vars(events).values()
        if isinstance(kind, type) and issubclass(kind, Event) and kind is not Event
    ]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_an_event_is_a_frozen_slotted_value_of_a_service_in_a_stage(kind: Any) -> None:
    names = [field.name for field in dataclasses.fields(kind)]
    event = kind(**dict.fromkeys(names, "x"))

    with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
        event.service = "y"
    assert names[:2] == ["service", "stage"]
    assert not hasattr(event, "__dict__")
    assert event == kind(**dict.fromkeys(names, "x"))


def test_every_callback_gets_every_event_in_order() -> None:
    always: list[Event] = []
    first: list[Event] = []
    second: list[Event] = []
    hub = EventHub(always.append)
    hub.emit(HIT)
    hub.subscribe(first.append)
    hub.subscribe(second.append)

    hub.emit(HIT)

    assert (len(always), len(first), len(second)) == (2, 1, 1)


def test_unsubscribing_ends_it_and_may_be_repeated() -> None:
    seen: list[Event] = []
    hub = EventHub()
    unsubscribe = hub.subscribe(seen.append)
    other: list[Event] = []
    hub.subscribe(other.append)

    unsubscribe()
    unsubscribe()
    hub.emit(HIT)

    assert (seen, other) == ([], [HIT])


def test_a_callback_that_raises_is_logged_and_the_others_are_called(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[Event] = []
    hub = EventHub()

    def broken(event: Event) -> None:
        raise KeyError(event.service)

    hub.subscribe(broken)
    hub.subscribe(seen.append)

    hub.emit(HIT)

    assert seen == [HIT]
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("cloudmap_discovery", logging.ERROR)
    assert record.getMessage() == "an on_event callback raised on Hit"
    assert record.exc_info is not None
    assert record.exc_info[0] is KeyError


def test_a_callback_that_always_raises_is_logged_five_times(caplog: pytest.LogCaptureFixture) -> None:
    hub = EventHub()

    def broken(event: Event) -> None:
        raise KeyError(event.service)

    hub.subscribe(broken)
    for _ in range(20):
        hub.emit(HIT)

    assert len(caplog.records) == 5
    assert caplog.records[-1].getMessage().endswith("it is not logged again")


def test_the_same_callback_subscribed_twice_is_called_twice_and_ended_one_by_one() -> None:
    hub = EventHub()
    seen: list[Event] = []
    callback = seen.append
    first, _ = hub.subscribe(callback), hub.subscribe(callback)

    hub.emit(HIT)
    first()
    hub.emit(HIT)

    assert len(seen) == 3


def test_a_callback_may_unsubscribe_while_it_is_called() -> None:
    hub = EventHub()
    seen: list[Event] = []

    def once(event: Event) -> None:
        seen.append(event)
        unsubscribe()

    unsubscribe = hub.subscribe(once)

    hub.emit(HIT)
    hub.emit(HIT)

    assert seen == [HIT]


def test_callbacks_that_come_and_go_on_many_threads_are_none_in_the_end() -> None:
    hub = EventHub()

    def come_and_go() -> None:
        for _ in range(200):
            hub.subscribe(lambda _: None)()

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert hub.callbacks == ()


def test_a_callback_may_be_added_in_the_child_of_a_fork_though_a_thread_of_the_parent_held_the_lock() -> None:
    hub = EventHub()
    hub._lock.acquire()

    hub.after_fork_in_child()
    hub.subscribe(lambda _: None)

    assert len(hub.callbacks) == 1


async def test_a_callback_that_raises_does_not_disturb_a_lookup(caplog: pytest.LogCaptureFixture) -> None:
    bed = listen(make_bed())

    def broken(event: Event) -> None:
        raise KeyError(event.service)

    bed.events.subscribe(broken)
    bed.cloud_map.put(users())

    assert (await bed.find()).endpoint == "https://users.test"
    assert (await bed.find_all()).stale is False
    assert [type(event).__name__ for event in bed.seen] == ["Refreshed", "Hit"]
    assert len(caplog.records) == 2


async def test_a_blocking_call_in_a_callback_is_refused_instead_of_waiting_for_ever(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bed = make_bed()
    bed.cloud_map.put(users())

    def look_up(_: Event) -> None:
        bed.io.run(bed.find)

    bed.events.subscribe(look_up)

    assert (await bed.find()).endpoint == "https://users.test"
    (record,) = caplog.records
    assert record.exc_info is not None
    assert "blocking call" in str(record.exc_info[1])
