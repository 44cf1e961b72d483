"""What a run tells is one line that CloudWatch takes metrics from, and the same for whoever asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloudmap_discovery.copies import Difference
from cloudmap_discovery.errors import StoreTimeoutError
from cloudmap_discovery.model import Instance
from cloudmap_discovery.registrar.carrying_out import Done
from cloudmap_discovery.registrar.hints import Hints
from cloudmap_discovery.registrar.permits import tag_owner
from cloudmap_discovery.registrar.reconcile import Change, Conflict, Kept, Plan, Removal
from cloudmap_discovery.registrar.report import as_plan, as_summary, counts, line
from cloudmap_discovery.registrar.runs import Summary
from cloudmap_discovery.registrar.sweeping import Swept
from cloudmap_discovery.registrar.tags import NotPermitted, Rejected
from cloudmap_discovery.syncing import Synced
from tests.unit.emf_reader import read_line
from tests.unit.fake_functions import arn_of

WALL = 1_700_000_000.25
USERS = arn_of("users")


def record(name: str = "users", **fields: Any) -> Instance:
    return Instance(name, f"https://{name}.test", "Production", owner=tag_owner(arn_of(name)), **fields)


def shown(name: str = "users", **more: Any) -> dict[str, Any]:
    one = record(name)
    return {
        "service": name,
        "stage": "Production",
        "endpoint": one.endpoint,
        "owner": one.owner,
        "id": one.id,
        **more,
    }


PLAN = Plan(
    changes=(
        Change(record("new")),
        Change(record(), Instance("users", "https://old.test", "Production")),
        Change(record("handed"), Instance("handed", "https://gone.test", "Production"), adopt=True),
    ),
    removals=(
        Removal(record("gone"), arn_of("gone"), "gone"),
        Removal(record("bare"), arn_of("bare"), "untagged"),
        Removal(record("moved"), arn_of("moved"), "moved"),
    ),
    unchanged=7,
    conflicts=(Conflict(arn_of("taken"), record("taken"), "manual"),),
    rejected=(Rejected(arn_of("bad"), ("discovery:stage is 'A>B': …", "discovery:weight is 'x': …")),),
    kept=(Kept(record("kept"), "its function's tags are not understood"),),
    unread=((arn_of("dark"), "it could not be read: too fast"),),
    not_permitted=(NotPermitted(arn_of("theirs"), "this registrar does not register it"),),
    owned=20,
)
DONE = Done(
    registered=[record("new")],
    updated=[record(), record("handed")],
    removed=[record("gone")],
    kept=[Kept(record("bare"), "its function wants it again")],
    failed=[(record("moved"), "too fast"), (record("other"), "no answer")],
    unfinished=4,
)
FULL = Summary(
    PLAN,
    DONE,
    gone=(Instance("hand", arn_of("hand"), "Production", owner="manual"),),
    swept=Swept(("empty",), ("waits",), (("stuck", "in use"), ("late", "no time"))),
    synced=(
        Synced("ssm", ()),
        Synced("s3", (Difference("users", "Production", "i", None, None),)),
        Synced("file", (), error=StoreTimeoutError("no answer")),
    ),
    sync_error="Cloud Map could not be listed",
)
NOTHING = Summary(Plan(), Done())


def told(summary: Summary, hints: Hints = Hints(), **more: Any) -> dict[str, Any]:  # noqa: B008 -- a frozen value
    written = line(
        summary, hints, namespace="services", wall=WALL, took_seconds=more.get("took_seconds", 1.5)
    )
    assert "\n" not in written
    read: dict[str, Any] = json.loads(written)
    return read


def metrics(summary: Summary) -> dict[str, float]:
    written = line(summary, Hints(), namespace="services", wall=WALL, took_seconds=1.5)
    points = read_line(written, now_ms=int(WALL * 1000))
    assert {point.namespace for point in points} == {"CloudMapDiscovery"}
    assert {point.dimensions for point in points} == {frozenset({("RegistryNamespace", "services")})}
    assert {point.timestamp_ms for point in points} == {1_700_000_000_250}
    assert {point.unit for point in points if point.name != "ReconcileTime"} == {"Count"}
    return {point.name: point.value for point in points}


# Metrics


def test_cloudwatch_takes_every_count_from_the_line() -> None:
    assert metrics(FULL) == {
        "RecordsRegistered": 1,
        "RecordsUpdated": 2,
        "RecordsRemoved": 1,
        "RecordsUnchanged": 7,
        "RecordsRejected": 1,
        "RecordsConflicting": 1,
        "RecordsFailed": 2 + 4 + 1,
        "RemovalsStopped": 0,
        "ListingFailures": 0,
        "EndpointsGone": 1,
        "SyncFailures": 2,
        "ServicesRemoved": 1,
        "ReconcileTime": 1500,
    }


def test_a_run_that_found_nothing_to_do_counts_that_too() -> None:
    measured = metrics(NOTHING)

    assert measured.pop("ReconcileTime") == 1500
    assert set(measured.values()) == {0}
    assert counts(NOTHING) == measured


def test_removals_that_were_stopped_are_counted_each() -> None:
    stopped = Plan(removals=PLAN.removals, owned=3, stopped="3 of the 3 records would go")

    assert metrics(Summary(stopped, Done()))["RemovalsStopped"] == 3


def test_removals_that_wait_for_a_whole_list_are_not_taken_for_too_many() -> None:
    waiting = Plan(removals=PLAN.removals, owned=3, stopped="a page failed", incomplete="a page failed")
    measured = metrics(Summary(waiting, Done()))

    assert (measured["RemovalsStopped"], measured["ListingFailures"]) == (0, 1)


# The line


def test_a_line_says_what_the_run_was_and_did() -> None:
    hints = Hints(frozenset({USERS}), scheduled=True, triggers=("TagResource20170331v2",))

    read = told(FULL, hints, took_seconds=0.0123)

    assert (read["message"], read["RegistryNamespace"], read["ReconcileTime"]) == (
        "reconciled",
        "services",
        12,
    )
    assert (read["triggers"], read["scheduled"]) == (["TagResource20170331v2"], True)
    assert all(
        read[name] == item
        for name, item in as_summary(FULL).items()
        if name not in {"counts", "incomplete", "stopped"}
    )


def test_what_there_is_nothing_to_say_of_is_left_out() -> None:
    assert told(NOTHING).keys() - counts(NOTHING).keys() == {
        "_aws",
        "message",
        "RegistryNamespace",
        "triggers",
        "scheduled",
        "ReconcileTime",
    }


def test_why_removals_were_stopped_is_told() -> None:
    assert told(Summary(Plan(removals=PLAN.removals, stopped="why"), Done()))["stopped"] == "why"


def test_a_list_is_cut_at_twenty_and_its_count_is_whole() -> None:
    for number, cut in ((20, 20), (21, 21), (500, 21)):
        done = Done(registered=[record(f"s{index}") for index in range(number)])

        read = told(Summary(Plan(), done))

        assert read["RecordsRegistered"] == number
        assert len(read["registered"]) == cut
        assert read["registered"][:20] == as_summary(Summary(Plan(), done))["registered"][:20]
        assert number == 20 or read["registered"][20] == f"and {number - 20} more"


def test_triggers_are_cut_at_twenty() -> None:
    hints = Hints(triggers=tuple(f"Event{number}" for number in range(30)))

    assert told(NOTHING, hints)["triggers"] == [f"Event{number}" for number in range(20)]


def test_a_line_is_never_more_than_cloudwatch_takes_whatever_people_wrote_into_tags() -> None:
    # Seven tags of 256 letters, none of which is ASCII, on each of many functions.
    reasons = tuple(f"discovery:{number} is {'ä' * 256!r}: {'limit ' * 10}" for number in range(7))
    rejected = tuple(Rejected(arn_of(f"bad{number}"), reasons) for number in range(100))
    long = [record(f"s{number}", tenant="t" * 1000, variant="v" * 1000) for number in range(100)]
    failed = [(one, "e" * 500) for one in long]
    kept = tuple(Kept(one, "why") for one in long)
    removals = tuple(Removal(one, USERS, "gone") for one in long)
    plan = Plan(removals=removals, rejected=rejected, kept=kept, owned=100, stopped="too many")

    measured = metrics(Summary(plan, Done(registered=long, failed=failed), gone=tuple(long)))

    assert measured["RemovalsStopped"] == 100
    assert measured["RecordsRejected"] == 100


def test_a_line_is_written_even_where_an_error_alone_is_too_long() -> None:
    read = told(Summary(PLAN, DONE, sync_error="e" * 300_000))

    assert read["RecordsRegistered"] == 1
    assert read["registered"] == ["and 1 more"]


# For machines


def test_a_plan_is_told_whole() -> None:
    assert as_plan(PLAN) == {
        "register": [shown("new")],
        "update": [
            shown(before="https://old.test", adopt=False),
            shown("handed", before="https://gone.test", adopt=True),
        ],
        "remove": [
            shown("gone", reason="the function does not exist any more"),
            shown("bare", reason="the function has no discovery:service tag any more"),
            shown("moved", reason="the function's tags ask for another record"),
        ],
        "incomplete": None,
        "stopped": None,
        "unchanged": 7,
        "owned": 20,
        "conflicts": [
            {**shown("taken"), "function": arn_of("taken"), "owner": "manual"},
        ],
        "rejected": [
            {
                "function": arn_of("bad"),
                "reasons": ["discovery:stage is 'A>B': …", "discovery:weight is 'x': …"],
            }
        ],
        "kept": [shown("kept", reason="its function's tags are not understood")],
        "unread": [{"function": arn_of("dark"), "reason": "it could not be read: too fast"}],
        "not_permitted": [{"function": arn_of("theirs"), "reason": "this registrar does not register it"}],
    }


def test_a_summary_is_told_whole() -> None:
    hand = FULL.gone[0]

    assert as_summary(FULL) == {
        "counts": counts(FULL),
        "registered": [shown("new")],
        "updated": [shown(), shown("handed")],
        "removed": [shown("gone")],
        "failed": [shown("moved", error="too fast"), shown("other", error="no answer")],
        "unfinished": 4,
        "kept": [
            shown("kept", reason="its function's tags are not understood"),
            shown("bare", reason="its function wants it again"),
        ],
        **{
            name: as_plan(PLAN)[name]
            for name in ("incomplete", "stopped", "conflicts", "rejected", "unread", "not_permitted")
        },
        "gone": [
            {
                "service": "hand",
                "stage": "Production",
                "endpoint": arn_of("hand"),
                "owner": "manual",
                "id": hand.id,
            }
        ],
        "services_removed": ["empty"],
        "services_failed": [{"service": "stuck", "error": "in use"}, {"service": "late", "error": "no time"}],
        "mirrors": {"ssm": "equal", "s3": "1 mended", "file": "no answer"},
        "sync_error": "Cloud Map could not be listed",
    }


@pytest.mark.parametrize("told_of", [as_plan(PLAN), as_summary(FULL), as_summary(NOTHING)])
def test_what_is_told_is_json(told_of: dict[str, Any]) -> None:
    assert json.loads(json.dumps(told_of)) == told_of


def test_a_record_is_shown_with_what_tells_it_apart() -> None:
    one = record(version="1.0.0", tenant="acme", variant="blue")

    assert as_plan(Plan(changes=(Change(one),)))["register"] == [
        {**shown(), "version": "1.0.0", "tenant": "acme", "variant": "blue", "id": one.id}
    ]
