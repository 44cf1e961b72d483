"""What users should know is logged, each kind at most once per key and minute."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.events import (
    Deregistered,
    EndpointFailed,
    Event,
    FallbackUsed,
    Hit,
    MirrorFailed,
    RecordsSkipped,
    Refreshed,
    Registered,
    StaleServed,
    StoreFailed,
)
from cloudmap_discovery.notices import Notices
from cloudmap_discovery.testing import FakeClock
from tests.unit.bed import DENIED, STAGE, make_bed, users

if TYPE_CHECKING:
    from collections.abc import Iterator

USERS = ("users", STAGE)
FAILING = StaleServed(*USERS, "cloudmap", 90.4, "unreachable", failing=True)
REFRESHING = StaleServed(*USERS, "cloudmap", 61.0, "its refresh is under way", failing=False)
FALLBACK = FallbackUsed(*USERS, "ssm", "denied", failing=True)
BY_HAND = FallbackUsed(*USERS, "ssm", "cloudmap does not have it", failing=False)
SKIPPED = RecordsSkipped(*USERS, "cloudmap", ("id-1: no address", "id-2: no address"))
STORE_FAILED = StoreFailed(*USERS, "cloudmap", "AccessDeniedError", "AccessDenied", "denied")
MIRROR = MirrorFailed(*USERS, "ssm", "throttled")


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG, logger="cloudmap_discovery"):
        yield


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


@pytest.mark.parametrize(
    ("event", "level", "text"),
    [
        (FAILING, "WARNING", "serving a stale answer of cloudmap, 90 s old: it could not be refreshed"),
        (REFRESHING, "INFO", "serving a stale answer of cloudmap, 61 s old: its refresh is under way"),
        (FALLBACK, "WARNING", "answered by the fallback ssm: denied"),
        (BY_HAND, "INFO", "answered by the fallback ssm: cloudmap does not have it"),
        (SKIPPED, "WARNING", "cloudmap: skipped 2 record(s): id-1: no address; id-2: no address"),
        (STORE_FAILED, "WARNING", "cloudmap failed: denied"),
        (MIRROR, "WARNING", "mirror ssm not written: throttled"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Event) else "",
)
def test_what_users_should_know_is_logged(
    caplog: pytest.LogCaptureFixture, event: Event, level: str, text: str
) -> None:
    Notices(FakeClock())(event)

    assert lines(caplog) == [(level, f"users (stage Production): {text}")]
    assert caplog.records[0].name == "cloudmap_discovery"


@pytest.mark.parametrize(
    "event",
    [
        Hit(*USERS, "cloudmap", 1.0, stale=False),
        Refreshed(*USERS, "found", "cloudmap", 0.1),
        EndpointFailed(*USERS, "id", "https://users.test"),
        Registered(*USERS, "id", "https://users.test", "manual"),
        Deregistered(*USERS, "id"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_is_in_order_is_not_logged(caplog: pytest.LogCaptureFixture, event: Event) -> None:
    Notices(FakeClock())(event)

    assert caplog.records == []


@pytest.mark.parametrize("event", [FAILING, REFRESHING, FALLBACK, SKIPPED, STORE_FAILED])
def test_each_kind_is_logged_once_per_key_and_minute(caplog: pytest.LogCaptureFixture, event: Event) -> None:
    clock = FakeClock()
    notices = Notices(clock)

    for seconds in (0, 30, 29.999):
        clock.advance(seconds)
        notices(event)
    within_a_minute = len(caplog.records)
    clock.advance(0.001)
    notices(event)

    assert (within_a_minute, len(caplog.records)) == (1, 2)


def test_kinds_keys_and_stores_are_counted_apart(caplog: pytest.LogCaptureFixture) -> None:
    notices = Notices(FakeClock())
    events: list[Event] = [FAILING, REFRESHING, SKIPPED, STORE_FAILED]
    events += [
        StaleServed("orders", STAGE, "cloudmap", 90.0, "unreachable", failing=True),
        StaleServed("users", "Staging", "cloudmap", 90.0, "unreachable", failing=True),
        RecordsSkipped(*USERS, "ssm", ("odd",)),
        StoreFailed(*USERS, "ssm", "AccessDeniedError", "", "denied"),
    ]

    for event in events * 2:
        notices(event)

    assert len(caplog.records) == len(events)


def test_a_fallback_while_the_authority_fails_is_told_in_one_line_with_its_staleness(
    caplog: pytest.LogCaptureFixture,
) -> None:
    notices = Notices(FakeClock())

    notices(FALLBACK)
    notices(FAILING)

    assert [FALLBACK.source in record.getMessage() for record in caplog.records] == [True]


def test_a_mirror_that_was_not_written_is_logged_every_time(caplog: pytest.LogCaptureFixture) -> None:
    notices = Notices(FakeClock())

    notices(MIRROR)
    notices(MIRROR)

    assert len(caplog.records) == 2


def test_of_many_skipped_records_five_are_named(caplog: pytest.LogCaptureFixture) -> None:
    Notices(FakeClock())(RecordsSkipped(*USERS, "cloudmap", tuple(f"id-{n}: odd" for n in range(9))))

    text = caplog.records[0].getMessage()
    assert "skipped 9 record(s)" in text
    assert ("id-4: odd" in text, "id-5: odd" in text) == (True, False)


def test_a_clock_that_ran_back_does_not_silence_notices(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    notices = Notices(clock)
    notices(FAILING)

    clock.advance(-3600)
    notices(FAILING)

    assert len(caplog.records) == 2


def test_what_is_remembered_is_bounded() -> None:
    notices = Notices(FakeClock())

    for number in range(5000):
        notices(StaleServed(f"s-{number}", STAGE, "cloudmap", 90.0, "unreachable", failing=True))

    assert len(notices._written) <= 4096


def test_notices_are_written_in_the_child_of_a_fork_though_a_thread_of_the_parent_held_the_lock(
    caplog: pytest.LogCaptureFixture,
) -> None:
    notices = Notices(FakeClock())
    notices._lock.acquire()

    notices.after_fork_in_child()
    notices(FAILING)

    assert len(caplog.records) == 1


async def test_a_lookup_served_stale_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    bed = make_bed()
    bed.events.subscribe(Notices(bed.clock))
    bed.cloud_map.put(users())
    await bed.find()
    bed.cloud_map.failure = DENIED

    bed.clock.advance(121)
    for _ in range(20):
        await bed.find()

    assert [message for level, message in lines(caplog) if level == "WARNING"] == [
        "users (stage Production): cloudmap failed: denied",
        "users (stage Production): serving a stale answer of cloudmap, 121 s old: it could not be refreshed",
    ]
