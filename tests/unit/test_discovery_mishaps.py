"""What goes wrong around a lookup stays where it happened: freezes, callbacks that end the process, threads, enums."""

from __future__ import annotations

import asyncio
import contextvars
import pickle
import sys
import threading
import time
from enum import Enum
from typing import Any

import pytest

import cloudmap_discovery
from cloudmap_discovery.errors import InvalidValueError, NoMatchingInstanceError
from cloudmap_discovery.events import FallbackUsed, Hit, Refreshed, StoreFailed
from cloudmap_discovery.freshness import Mark
from cloudmap_discovery.handler import async_handler
from cloudmap_discovery.io_thread import IOThread
from cloudmap_discovery.limits import check_stage
from cloudmap_discovery.model import Instance
from cloudmap_discovery.notices import Notices
from cloudmap_discovery.testing import FakeClock
from tests.unit.bed import STAGE, UNREACHABLE, RunningClock, listen, make_bed, users


class Stage(str, Enum):  # noqa: UP042 -- the common way to write stages, which formats as its name
    PRODUCTION = "Production"


async def test_a_refresh_that_was_frozen_is_no_event_of_failure() -> None:
    bed = make_bed()
    bed.cloud_map.put(users())
    await bed.find()
    bed.clock.advance(61)
    bed.cloud_map.takes_seconds = 3600  # as long as the sandbox was frozen
    listen(bed)

    await bed.find()
    await bed.landed()

    assert bed.of(StoreFailed) == []
    assert bed.of(Refreshed) == []


async def test_a_lookup_that_matches_nothing_is_no_hit() -> None:
    bed = make_bed()
    bed.cloud_map.put(users())
    await bed.find()
    listen(bed)

    with pytest.raises(NoMatchingInstanceError):
        await bed.find(where={"color": "blue"})

    assert bed.of(Hit) == []


async def test_one_lookup_never_takes_two_budgets() -> None:
    clock = RunningClock()
    bed = make_bed(sources=("ssm", "cloudmap"), clock=clock, stale_wait_seconds=0.1, timeout=1.0)
    bed.parameters.put(users())
    await bed.find()
    clock.advance(70)
    bed.parameters.delay_seconds, bed.cloud_map.delay_seconds = 0.55, 60
    started = time.monotonic()

    with pytest.raises(NoMatchingInstanceError):
        await bed.find(where={"color": "blue"})

    # Two budgets would be 1.5 seconds at least: half a one for the flight that was joined, and a whole one.
    assert time.monotonic() - started < 1.45


async def test_the_wait_for_a_probe_is_part_of_a_stores_share() -> None:
    bed = make_bed(clock=RunningClock(), timeout=1.0)
    bed.cloud_map.failure = UNREACHABLE
    with pytest.raises(Exception, match="unreachable"):
        await bed.find("first")
    bed.clock.advance(6)
    bed.cloud_map.failure, bed.cloud_map.delay_seconds = None, 0.55
    bed.parameters.put(users("https://fallback.test"))
    probe = asyncio.create_task(bed.find_all("first"))
    await bed.until(lambda: bed.asked.count("cloudmap") == 2)
    started = time.monotonic()

    found = await bed.find()

    assert found.url == "https://fallback.test"
    assert time.monotonic() - started < 0.95  # 60 % of a second, and noise
    await asyncio.gather(probe, return_exceptions=True)


async def test_a_report_of_failure_discards_the_refresh_that_was_sent_before_it() -> None:
    bed = make_bed(sources=("ssm", "cloudmap"))
    bed.parameters.put(users("https://old.test"))
    bed.cloud_map.put(users("https://new.test"))
    instance = await bed.find()
    bed.clock.advance(61)
    bed.parameters.is_open = False
    await bed.find()
    await bed.until(lambda: len(bed.asked) == 2)

    await bed.discovery.report_failure(instance)
    bed.parameters.is_open = True
    answer = bed.entry().answer
    await bed.find()
    await bed.landed()

    assert answer is not None
    assert answer.mark is Mark.REPORTED
    assert (await bed.find()).url == "https://new.test"


async def test_an_answer_that_was_just_told_is_served_however_short_its_time() -> None:
    bed = make_bed(ttl=0.1, max_stale=0.0, stale_while_revalidate=0.0)
    bed.cloud_map.put(users())
    bed.cloud_map.takes_seconds = 0.5

    assert (await bed.find()).url == "https://users.test"


async def test_explain_leaves_out_who_is_set_aside_and_says_so() -> None:
    bed = make_bed()
    bed.cloud_map.put(users("https://a.test", variant="a"), users("https://b.test", variant="b"))
    instance = await bed.find()
    await bed.discovery.report_failure(instance)

    explanation = await bed.discovery.explain("users", stage=STAGE)

    assert instance not in explanation.candidates
    assert [one.record for one in explanation.passed_over] == [instance.id]
    assert "set aside" in explanation.passed_over[0].reason


@pytest.mark.parametrize("raised", [SystemExit(1), KeyboardInterrupt(), BaseException("odd")])
async def test_what_a_callback_raises_on_the_io_thread_reaches_the_caller_and_ends_nothing(
    raised: BaseException,
) -> None:
    bed = make_bed(io=IOThread())
    bed.cloud_map.put(users(), Instance("orders", "https://orders.test", stage=STAGE))

    def break_off(_: object) -> None:
        raise raised

    end = bed.events.subscribe(break_off)
    caught: list[BaseException] = []

    async def look_up() -> None:
        try:
            await bed.find()
        except BaseException as error:  # noqa: BLE001 -- what is raised is the question
            caught.append(error)

    await look_up()
    end()

    assert [type(error) for error in caught] == [type(raised)]
    assert (await bed.find("orders")).url == "https://orders.test"
    assert bed.asked.count("cloudmap") == 2


def test_the_io_thread_outlives_a_coroutine_that_ends_the_process(caplog: pytest.LogCaptureFixture) -> None:
    io = IOThread()

    async def leave() -> None:
        sys.exit(3)

    async def stay() -> str:
        return "here"

    with pytest.raises(SystemExit):
        io.run(leave)

    assert io.run(stay) == "here"
    assert "tried to end the process" in caplog.text


def test_a_thread_that_could_not_be_started_is_started_by_the_next_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    io, start = IOThread(), threading.Thread.start

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def answer() -> str:
        return "here"

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="can't start"):
        io.run(answer)
    monkeypatch.setattr(threading.Thread, "start", start)

    assert io.run(answer) == "here"
    assert io.run(lambda: io.in_pool(lambda: "pooled")) == "pooled"


def test_a_handler_runs_in_the_context_of_its_caller_and_leaves_nothing_in_the_next() -> None:
    trace: contextvars.ContextVar[str] = contextvars.ContextVar("trace", default="none")
    left: contextvars.ContextVar[str] = contextvars.ContextVar("left", default="none")

    @async_handler
    async def handler(event: str, _context: object) -> tuple[str, str]:
        seen = (trace.get(), left.get())
        left.set(event)
        return seen

    seen = []
    for invocation in ("one", "two"):
        token = trace.set(invocation)
        seen.append(handler(invocation, None))
        trace.reset(token)

    assert seen == [("one", "none"), ("two", "none")]


async def test_a_member_of_an_enum_of_text_is_the_text() -> None:
    bed = make_bed()
    bed.cloud_map.put(users())

    found = [await bed.find(stage=Stage.PRODUCTION) for _ in range(2)]

    assert {instance.stage for instance in found} == {"Production"}
    assert bed.asked == ["cloudmap"]
    assert type(check_stage(Stage.PRODUCTION)) is str


@pytest.mark.parametrize("where", ["", [], 0, False, {"color": 1}, {1: "blue"}])
async def test_conditions_that_are_no_mapping_of_text_are_refused(where: Any) -> None:
    bed = make_bed()

    with pytest.raises(InvalidValueError, match="where"):
        await bed.find(where=where)

    assert bed.asked == []


def test_an_error_about_a_value_that_cannot_be_pickled_is_pickled_with_its_text() -> None:
    error = InvalidValueError("where", lambda: None, "must be a mapping")

    again = pickle.loads(pickle.dumps(error))  # noqa: S301 -- pickled one line above

    assert str(again) == str(error)
    assert "lambda" in again.value


def test_a_callback_that_was_subscribed_twice_is_ended_once() -> None:
    bed, seen = make_bed(), list[object]()
    end = bed.events.subscribe(seen.append)
    bed.events.subscribe(seen.append)

    end()
    bed.events.emit(Hit("users", STAGE, "cloudmap", 0.0, stale=False))

    assert len(seen) == 1


def test_a_broken_callback_is_logged_a_few_times_and_not_for_each_lookup(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bed = make_bed()

    def broken(_: object) -> None:
        raise ZeroDivisionError

    bed.events.subscribe(broken)

    for _ in range(100):
        bed.events.emit(Hit("users", STAGE, "cloudmap", 0.0, stale=False))

    assert len(caplog.records) == 5
    assert "not logged again" in caplog.text


def test_a_warning_is_not_kept_back_by_news_of_the_same_topic(caplog: pytest.LogCaptureFixture) -> None:
    notices = Notices(FakeClock())
    caplog.set_level("INFO", "cloudmap_discovery")

    notices(FallbackUsed("users", STAGE, "ssm", "cloudmap does not have it", failing=False))
    notices(FallbackUsed("users", STAGE, "ssm", "cloudmap was throttled", failing=True))

    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]


async def test_a_callback_is_not_called_for_events_that_it_causes_itself() -> None:
    bed = make_bed()
    bed.cloud_map.put(users())
    await bed.find()
    calls: list[object] = []

    def look_up_again(event: object) -> None:
        calls.append(event)
        bed.discovery.held("users", STAGE)

    bed.events.subscribe(look_up_again)

    await bed.find()

    assert len(calls) == 1


def test_a_handler_that_is_not_async_is_told_so_in_one_sentence() -> None:
    def plain(_event: object, _context: object) -> dict[str, bool]:
        return {"ok": True}

    handler: Any = async_handler(plain)  # type: ignore[arg-type]  # the mistake in question

    with pytest.raises(TypeError, match="plain is not an async def: it returned dict"):
        handler({}, None)


def test_the_package_shows_its_public_names_only() -> None:
    assert dir(cloudmap_discovery) == sorted(cloudmap_discovery.__all__)
