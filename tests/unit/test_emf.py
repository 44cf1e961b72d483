"""Events become metrics that CloudWatch reads back: each counted once, in few combinations of dimensions."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudmap_discovery.emf import EmfSink
from cloudmap_discovery.errors import InvalidValueError
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
from cloudmap_discovery.testing import FakeClock
from tests.unit import emf_reader

if TYPE_CHECKING:
    from tests.unit.emf_reader import Point

USERS = ("users", "Production")
HIT = Hit(*USERS, "cloudmap", 1.0, stale=False)
STALE = StaleServed(*USERS, "cloudmap", 61.0, "its refresh is under way", failing=False)
FAILING = StaleServed(*USERS, "cloudmap", 90.0, "unreachable", failing=True)
REFRESHED = Refreshed(*USERS, "found", "cloudmap", 0.0125)

AT_ONCE: list[tuple[Event, dict[str, float]]] = [
    (REFRESHED, {"Refreshes": 1, "RefreshTime": 12.5}),
    (Refreshed(*USERS, "absent", None, 0.5), {"Refreshes": 1, "RefreshTime": 500, "Absences": 1}),
    (Refreshed(*USERS, "failed", None, 2.0), {"Refreshes": 1, "RefreshTime": 2000, "RefreshFailures": 1}),
    (Refreshed(*USERS, "found", "ssm", -3600.0), {"Refreshes": 1, "RefreshTime": 0}),
    (FallbackUsed(*USERS, "ssm", "denied", failing=True), {"FallbackUsed": 1}),
    (RecordsSkipped(*USERS, "cloudmap", ("a: odd", "b: odd")), {"SkippedRecords": 2}),
    (EndpointFailed(*USERS, "id", "https://users.test"), {"EndpointFailures": 1}),
    (Registered(*USERS, "id", "https://users.test", "manual"), {"Registered": 1}),
    (Deregistered(*USERS, "id"), {"Deregistered": 1}),
    (MirrorFailed(*USERS, "ssm", "throttled"), {"MirrorFailures": 1}),
]


class Sink:
    """A sink that writes into memory, on a fake clock, and what CloudWatch would read of it."""

    def __init__(self, **about: Any) -> None:
        self.clock = FakeClock()
        self.stream = io.StringIO()
        self.emf = EmfSink(self.stream, clock=self.clock, **about)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    @property
    def points(self) -> list[Point]:
        return emf_reader.read(self.stream.getvalue(), now_ms=int(self.clock.wall() * 1000))

    @property
    def totals(self) -> dict[tuple[str, str], float]:
        return emf_reader.total(self.points)


@pytest.mark.parametrize(("event", "metrics"), AT_ONCE, ids=lambda value: type(value).__name__)
def test_what_is_no_mere_lookup_is_written_at_once(event: Event, metrics: dict[str, float]) -> None:
    sink = Sink()

    sink.emf(event)

    assert sink.totals == {(name, "Stage=Production"): value for name, value in metrics.items()}


def test_failures_of_stores_are_counted_by_store() -> None:
    sink = Sink()

    for store in ("cloudmap", "ssm", "cloudmap"):
        sink.emf(StoreFailed(*USERS, store, "ThrottledError", "Throttling", "slow down"))

    assert sink.totals == {
        ("StoreFailures", "Stage=Production"): 3,
        ("StoreFailures", "Stage=Production,Store=cloudmap"): 2,
        ("StoreFailures", "Stage=Production,Store=ssm"): 1,
    }


def test_namespace_units_and_time_are_right() -> None:
    sink = Sink(namespace="My/Discovery")

    sink.emf(REFRESHED)

    assert {point.namespace for point in sink.points} == {"My/Discovery"}
    assert {point.name: point.unit for point in sink.points} == {
        "Refreshes": "Count",
        "RefreshTime": "Milliseconds",
    }
    assert {point.timestamp_ms for point in sink.points} == {1_700_000_000_000}


def test_the_namespace_is_cloud_map_discovery_by_default() -> None:
    sink = Sink()

    sink.emf(REFRESHED)

    assert sink.points[0].namespace == "CloudMapDiscovery"


@pytest.mark.parametrize("namespace", ["", ":mine", "AWS/Lambda", "x" * 256, "ä", "a\nb"])
def test_a_namespace_that_cloudwatch_refuses_is_refused(namespace: str) -> None:
    with pytest.raises(InvalidValueError):
        EmfSink(namespace=namespace)


def test_what_happens_on_every_lookup_is_counted_and_not_written() -> None:
    sink = Sink()

    for _ in range(1000):
        sink.emf(HIT)
        sink.emf(STALE)

    assert sink.lines == []


def test_what_was_counted_is_written_before_the_next_line() -> None:
    sink = Sink()
    for event in (HIT, HIT, HIT, STALE, FAILING):
        sink.emf(event)

    sink.emf(REFRESHED)
    sink.emf(REFRESHED)

    assert ["Hits" in line for line in sink.lines] == [True, False, False]
    assert sink.totals == {
        ("Hits", "Stage=Production"): 3,
        ("StaleServed", "Stage=Production"): 2,
        ("StaleServedWhileFailing", "Stage=Production"): 1,
        ("Refreshes", "Stage=Production"): 2,
        ("RefreshTime", "Stage=Production"): 25,
    }


@pytest.mark.parametrize("event", [HIT, STALE])
def test_what_was_counted_is_written_at_the_first_event_after_the_interval(event: Event) -> None:
    sink = Sink(interval_seconds=10)

    sink.emf(event)
    sink.clock.advance(9.999)
    sink.emf(event)
    before = len(sink.lines)
    sink.clock.advance(0.001)
    sink.emf(event)
    sink.emf(event)

    assert (before, len(sink.lines)) == (0, 1)
    assert next(iter(sink.totals.values())) == 3


def test_a_clock_that_ran_back_does_not_hold_back_what_was_counted() -> None:
    sink = Sink()
    sink.emf(HIT)

    sink.clock.advance(-3600)
    sink.emf(HIT)

    assert sink.totals == {("Hits", "Stage=Production"): 2}


def test_flushing_writes_what_was_counted_once() -> None:
    sink = Sink()
    sink.emf(HIT)

    sink.emf.flush()
    sink.emf.flush()

    assert sink.totals == {("Hits", "Stage=Production"): 1}


def test_flushing_nothing_writes_nothing() -> None:
    sink = Sink()

    sink.emf.flush()

    assert sink.stream.getvalue() == ""


def test_stages_are_counted_apart_and_services_are_not() -> None:
    sink = Sink()
    for service in ("users", "orders"):
        for stage in ("Production", "-"):
            sink.emf(Hit(service, stage, "cloudmap", 1.0, stale=False))

    sink.emf.flush()

    assert sink.totals == {("Hits", "Stage=-"): 2, ("Hits", "Stage=Production"): 2}
    assert all("Service" not in line for line in sink.lines)


def test_by_service_every_metric_is_also_one_of_its_service() -> None:
    sink = Sink(by_service=True)
    sink.emf(HIT)
    sink.emf(Hit("orders", "Production", "cloudmap", 1.0, stale=False))
    sink.emf(Deregistered(*USERS, "id"))

    assert sink.totals == {
        ("Hits", "Stage=Production"): 2,
        ("Hits", "Service=users,Stage=Production"): 1,
        ("Hits", "Service=orders,Stage=Production"): 1,
        ("Deregistered", "Stage=Production"): 1,
        ("Deregistered", "Service=users,Stage=Production"): 1,
    }


def test_what_is_no_dimension_is_a_property_for_whoever_reads_the_log() -> None:
    sink = Sink()

    sink.emf(StoreFailed(*USERS, "ssm", "AccessDeniedError", "AccessDenied", "denied"))
    sink.emf(MirrorFailed(*USERS, "ssm", "throttled"))

    about = [{name: value for name, value in line.items() if name != "_aws"} for line in sink.lines]
    assert about == [
        {
            "Stage": "Production",
            "Service": "users",
            "Store": "ssm",
            "Error": "AccessDeniedError",
            "Code": "AccessDenied",
            "Message": "denied",
            "StoreFailures": 1,
        },
        {
            "Stage": "Production",
            "Service": "users",
            "Mirror": "ssm",
            "Reason": "throttled",
            "MirrorFailures": 1,
        },
    ]


def test_long_texts_and_lists_are_cut() -> None:
    sink = Sink()

    sink.emf(RecordsSkipped(*USERS, "cloudmap", ("x" * 5000,) * 9))

    (line,) = sink.lines
    assert line["SkippedRecords"] == 9
    assert [len(reason) for reason in line["Reasons"]] == [1024] * 5


def test_an_event_that_is_none_of_ours_is_left_alone() -> None:
    sink = Sink()

    sink.emf(Event(*USERS))

    assert sink.lines == []


stages = st.from_regex(r"[A-Za-z0-9_.-]{1,40}", fullmatch=True)
services = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?", fullmatch=True)
texts = st.text(max_size=20_000)
seconds = st.floats(-1e9, 1e9)
stores = st.sampled_from(("cloudmap", "ssm"))
events = st.one_of(
    st.builds(Hit, services, stages, stores, seconds, st.booleans()),
    st.builds(Refreshed, services, stages, st.sampled_from(("found", "absent", "failed")), stores, seconds),
    st.builds(StaleServed, services, stages, stores, seconds, texts, st.booleans()),
    st.builds(FallbackUsed, services, stages, stores, texts, st.booleans()),
    st.builds(StoreFailed, services, stages, stores, texts, texts, texts),
    st.builds(RecordsSkipped, services, stages, stores, st.lists(texts, max_size=20).map(tuple)),
    st.builds(EndpointFailed, services, stages, texts, texts),
    st.builds(Registered, services, stages, texts, texts, texts),
    st.builds(Deregistered, services, stages, texts),
    st.builds(MirrorFailed, services, stages, stores, texts),
)


@settings(deadline=None)
@given(st.lists(events, max_size=12), st.booleans())
def test_cloudwatch_drops_nothing_whatever_happens(happened: list[Event], by_service: bool) -> None:  # noqa: FBT001 -- generated
    sink = Sink(by_service=by_service)

    for event in happened:
        sink.emf(event)
    sink.emf.flush()

    sums = sink.totals
    for stage in {event.stage for event in happened}:
        hits = sum(isinstance(event, Hit) for event in happened if event.stage == stage)
        assert sums.get(("Hits", f"Stage={stage}"), 0) == hits
    for line in sink.stream.getvalue().splitlines():
        points = emf_reader.read_line(line, now_ms=1_700_000_000_000)
        assert len({point.dimensions for point in points}) <= 3
