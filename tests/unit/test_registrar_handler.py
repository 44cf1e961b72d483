"""The registrar's handler: every request is answered, every run tells what it did."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import ConfigurationError, InvalidValueError, ThrottledError
from cloudmap_discovery.events import LOGGER
from cloudmap_discovery.registrar import handler as handler_module
from cloudmap_discovery.registrar.answering import AnswerNotSentError
from cloudmap_discovery.registrar.handler import Entrance, UnfinishedError
from tests.unit.fake_functions import arn_of
from tests.unit.registrar_bed import FakeAnswerer, FakeContext, RegistrarBed, asked, entrance

if TYPE_CHECKING:
    from cloudmap_discovery.registrar.parts import Parts
    from cloudmap_discovery.registrar.permits import Home

USERS = {"Service": "users", "Endpoint": "https://users.test", "Stage": "Production"}
SCHEDULED = {"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}


class Called:
    """An entrance, and all that it was told and told."""

    def __init__(self, bed: RegistrarBed | None = None) -> None:
        self.bed = bed or RegistrarBed()
        self.answerer = FakeAnswerer()
        self.written: list[str] = []
        self.entrance = entrance(self.bed, self.answerer, self.written)

    async def __call__(self, event: dict[str, Any], seconds: float = 900.0) -> dict[str, Any] | None:
        return await self.entrance.handle(event, FakeContext(self.bed, seconds))

    @property
    def answer(self) -> dict[str, Any]:
        (answer,) = self.answerer.answers
        return answer

    @property
    def line(self) -> dict[str, Any]:
        (line,) = self.written
        told: dict[str, Any] = json.loads(line)
        return told


async def test_a_request_is_done_and_answered_with_its_ids_and_attributes() -> None:
    called = Called()

    await called(asked("Create", **USERS))

    ((instance_id, _),) = called.bed.cloud.has("users").items()
    answer = called.answer
    assert answer["Data"].pop("ServiceArn").startswith("arn:aws:servicediscovery:")
    assert answer == {
        "Status": "SUCCESS",
        "PhysicalResourceId": f"services/users/{instance_id}",
        "StackId": asked("Create")["StackId"],
        "RequestId": "b7d0",
        "LogicalResourceId": "Users",
        "Data": {
            "InstanceId": instance_id,
            "Service": "users",
            "Stage": "Production",
            "Endpoint": "https://users.test",
            "Namespace": "services",
        },
    }


async def test_what_is_wrong_with_properties_reaches_the_stacks_events() -> None:
    called = Called()

    await called(asked("Create", Service="no good", Endpoint="https://users.test", Stage="Production"))

    assert called.answer["Status"] == "FAILED"
    assert called.answer["Reason"].startswith("Service is 'no good': a name is labels")
    assert called.answer["PhysicalResourceId"]


async def test_a_failed_update_keeps_its_physical_id() -> None:
    called = Called()

    await called(asked("Update", Service="users", physical="services/users/Production-0123456789abcdef0123"))

    assert called.answer["Status"] == "FAILED"
    assert called.answer["PhysicalResourceId"] == "services/users/Production-0123456789abcdef0123"


async def test_a_wrong_setting_is_answered() -> None:
    answerer = FakeAnswerer()
    wrong = Entrance({"DISCOVERY_TTL": "soon", "DISCOVERY_TRANSPORT": "direct"}, answerer=answerer)  # type: ignore[arg-type]  # the fake has what is used

    await wrong.handle(asked("Create", **USERS), FakeContext(RegistrarBed()))

    (answer,) = answerer.answers
    assert answer["Status"] == "FAILED"
    assert "DISCOVERY_TTL is 'soon'" in answer["Reason"]


async def test_a_bug_of_ours_is_answered_and_logged_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    called = Called()

    def broken(_: Home) -> Parts:
        raise ZeroDivisionError("nobody expected that")

    called.entrance._make_parts = broken
    await called(asked("Create", **USERS))

    assert called.answer["Status"] == "FAILED"
    assert "ZeroDivisionError: nobody expected that" in called.answer["Reason"]
    assert any(record.exc_info for record in caplog.records)


async def test_whoever_takes_an_answer_drop_by_drop_does_not_hold_up_the_function() -> None:
    called, may_end = Called(), threading.Event()

    class Dripping:
        def send(self, *_: Any) -> None:
            may_end.wait(60)

    called.entrance._answerer = Dripping()  # type: ignore[assignment]  # as CloudFormation's bucket may be
    try:
        with pytest.raises(AnswerNotSentError, match="did not take the answer in time"):
            await called(asked("Create", **USERS), seconds=0.5)
    finally:
        may_end.set()


async def test_how_requests_end_is_told_where_lambda_leaves_the_level_to_us(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    called = Called()
    monkeypatch.setattr(handler_module, "_entrance", called.entrance)
    level = LOGGER.level
    LOGGER.setLevel(logging.NOTSET)
    try:
        await handler_module.handler.__wrapped__(  # type: ignore[attr-defined]  # of functools
            asked("Create", **USERS), FakeContext(called.bed, 900.0)
        )
    finally:
        LOGGER.setLevel(level)

    assert "Create of Users in cfn:" in caplog.text


async def test_work_that_does_not_end_is_answered_while_there_is_time() -> None:
    called = Called()

    def never(_: Any) -> Any:
        raise AssertionError

    class Hanging:
        async def handle(self, *_: Any) -> Any:
            await asyncio.Event().wait()

    called.bed.parts.resource = Hanging()  # type: ignore[assignment]  # as AWS may be
    called.entrance._make_parts = lambda _: called.bed.parts
    await called(asked("Create", **USERS), seconds=0.2)

    assert called.answer["Status"] == "FAILED"
    assert "did not end within the function's time" in called.answer["Reason"]


async def test_an_answer_that_cannot_be_sent_fails_the_invocation_and_is_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    called = Called()
    called.answerer.failure = AnswerNotSentError("refused")

    with pytest.raises(AnswerNotSentError):
        await called(asked("Create", **USERS))

    assert '"Status": "SUCCESS"' in caplog.text
    assert "signed=secret" not in caplog.text


async def test_the_second_attempt_of_lambda_does_the_same_and_is_answered() -> None:
    called = Called()
    called.answerer.failure = AnswerNotSentError("refused")
    with pytest.raises(AnswerNotSentError):
        await called(asked("Create", **USERS))
    called.answerer.failure = None

    await called(asked("Create", **USERS))

    assert called.answer["Status"] == "SUCCESS"
    assert len(called.bed.cloud.has("users")) == 1


async def test_a_batch_of_hints_is_one_run_and_one_line() -> None:
    called = Called()
    function = called.bed.lambdas.add("users", service="users", stage="Production")
    called.bed.lambdas.listed_late = {function}
    event = {
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {"eventName": "TagResource20170331v2", "requestParameters": {"resource": function}},
    }

    await called({"Records": [{"body": json.dumps(event)}] * 5})

    assert called.bed.registered == {"users/Production": function}
    line = called.line
    assert line["message"] == "reconciled"
    assert line["triggers"] == ["TagResource20170331v2"]
    assert line["RecordsRegistered"] == 1
    assert line["registered"][0]["endpoint"] == function


async def test_events_twice_out_of_order_and_never_come_to_the_same() -> None:
    called = Called()
    function = called.bed.lambdas.add("users", service="users", stage="Production")
    created = {
        "detail": {"eventName": "CreateFunction20150331", "requestParameters": {"functionName": "users"}}
    }
    deleted = {
        "detail": {"eventName": "DeleteFunction20150331", "requestParameters": {"functionName": "users"}}
    }

    for event in (deleted, created, created, deleted):
        await called(event)
    while_there = dict(called.bed.registered)
    del called.bed.lambdas.functions[function]
    await called(SCHEDULED)

    assert while_there == {"users/Production": function}
    assert called.bed.registered == {}


async def test_a_run_that_leaves_something_undone_fails_so_that_its_events_come_again() -> None:
    called = Called()
    called.bed.lambdas.add("users", service="users", stage="Production")
    called.bed.cloud.transport.answer(
        "RegisterInstance", ThrottledError("too fast", code="ThrottlingException")
    )

    with pytest.raises(UnfinishedError, match="1 records are not as their functions want them"):
        await called(SCHEDULED)

    assert called.line["failed"][0]["service"] == "users"
    assert called.line["RecordsFailed"] == 1


async def test_stopped_removals_are_a_metric_that_an_alarm_can_see() -> None:
    called = Called()
    for number in range(10):
        called.bed.lambdas.add(f"f{number}", service=f"s{number}", stage="Production")
    await called(SCHEDULED)
    called.written.clear()
    called.bed.lambdas.functions.clear()

    await called(SCHEDULED)

    line = called.line
    assert line["RemovalsStopped"] == 10
    assert "10 of the 10 records" in line["stopped"]
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert {"Name": "RemovalsStopped", "Unit": "Count"} in directive["Metrics"]
    assert len(called.bed.registered) == 10


async def test_by_hand_a_dry_run_returns_the_plan_and_force_removes() -> None:
    called = Called()
    for number in range(10):
        called.bed.lambdas.add(f"f{number}", service=f"s{number}", stage="Production")
    await called(SCHEDULED)
    called.bed.lambdas.functions.clear()

    plan = await called({"reconcile": {"dry_run": True}})
    after_plan = len(called.bed.registered)
    told = await called({"reconcile": {"force": True}})

    assert plan is not None
    assert len(plan["remove"]) == 10
    assert plan["stopped"]
    assert after_plan == 10
    assert told is not None
    assert told["counts"]["RecordsRemoved"] == 10
    assert called.bed.registered == {}


@pytest.mark.parametrize("asked_for", [None, True, {"dryrun": True}, {"force": "yes"}])
async def test_by_hand_what_is_not_understood_is_refused(asked_for: Any) -> None:
    with pytest.raises(InvalidValueError, match="nothing but dry_run, force, scheduled"):
        await Called()({"reconcile": asked_for})


async def test_the_parts_are_made_once_for_all_invocations() -> None:
    called = Called()
    made: list[Home] = []

    def counted(home: Home) -> Parts:
        made.append(home)
        return called.bed.made(home)

    called.entrance._make_parts = counted
    await called(SCHEDULED)
    await called(SCHEDULED)

    assert len(made) == 1


def test_the_functions_own_handler_is_there_and_reads_its_settings_at_the_first_event() -> None:
    from cloudmap_discovery.registrar import handler  # noqa: PLC0415 -- what Lambda imports

    assert callable(handler.handler)


async def test_a_wrong_setting_fails_a_run_with_its_name() -> None:
    wrong = Entrance({"DISCOVERY_TTL": "soon", "DISCOVERY_TRANSPORT": "direct"})

    with pytest.raises(ConfigurationError, match="DISCOVERY_TTL"):
        await wrong.handle(SCHEDULED, FakeContext(RegistrarBed()))


async def test_the_owner_of_a_record_is_its_functions_arn() -> None:
    called = Called()
    called.bed.lambdas.add("users", service="users", stage="Production")

    await called(SCHEDULED)

    (record,) = called.bed.cloud.has("users").values()
    assert record["owner"] == f"tag:{arn_of('users')}"
