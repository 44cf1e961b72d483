"""Requests that come late, or again, after which the record has to be whose it should be."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cloudmap_discovery.errors import AccessDeniedError, ThrottledError
from cloudmap_discovery.registrar.answering import AnswerNotSentError
from cloudmap_discovery.registrar.requests import failure, read_request
from tests.unit.registrar_bed import STACK, URL, FakeAnswerer, FakeContext, RegistrarBed, asked, entrance

USERS: dict[str, Any] = {"Service": "users", "Endpoint": URL, "Stage": "Production"}


async def test_a_removal_of_which_nobody_said_that_it_was_done_is_waited_for_as_any_other() -> None:
    bed = RegistrarBed()
    created = await bed.ask("Create", **USERS)
    began, real = bed.clock.monotonic(), bed.cloud._GetOperation

    def throttled(params: Any) -> Any:
        is_over = bed.clock.monotonic() - began >= 130
        return real(params) if is_over else ThrottledError("too fast", code="ThrottlingException")

    bed.cloud.transport.answer("GetOperation", throttled)
    outcome = await bed.ask("Delete", **USERS, DrainSeconds="60", physical=created.physical_id)

    assert outcome.note == ""
    assert bed.clock.monotonic() - began >= 180


def signed(bed: RegistrarBed, kind: str, **more: Any) -> dict[str, Any]:
    """Return a request that CloudFormation makes now."""
    now = datetime.fromtimestamp(bed.clock.wall(), UTC)
    url = f"https://answers.s3.amazonaws.com/a?X-Amz-Date={now:%Y%m%dT%H%M%SZ}&X-Amz-Signature=secret"
    return {**asked(kind, **more), "ResponseURL": url}


async def test_a_request_that_cloudformation_does_not_wait_for_any_more_does_nothing() -> None:
    bed, answerer = RegistrarBed(), FakeAnswerer()
    function = entrance(bed, answerer, [])
    request = signed(bed, "Create", **USERS)
    bed.clock.advance(3700)

    await function.handle(request, FakeContext(bed))

    assert answerer.answers == []
    assert bed.registered == {}


async def test_an_attempt_that_lambda_repeats_does_not_undo_the_rollback() -> None:
    bed, answerer = RegistrarBed(), FakeAnswerer()
    function = entrance(bed, answerer, [])
    await function.handle(signed(bed, "Create", **USERS), FakeContext(bed))
    physical = answerer.answers[0]["PhysicalResourceId"]
    new = USERS | {"Endpoint": "https://new.test", "DrainSeconds": "0"}
    bed.clock.advance(100)
    update = signed(bed, "Update", **new, old=USERS, physical=physical)
    await function.handle(update, FakeContext(bed))
    bed.clock.advance(100)
    await function.handle(
        signed(bed, "Update", **USERS, DrainSeconds="0", old=new, physical=physical), FakeContext(bed)
    )

    await function.handle(update, FakeContext(bed))

    assert bed.registered == {"users/Production": URL}
    assert "a later request" in answerer.answers[-1]["Reason"]


async def test_the_same_holds_where_the_rollback_found_nothing_to_write() -> None:
    bed, answerer = RegistrarBed(), FakeAnswerer()
    function = entrance(bed, answerer, [])
    await function.handle(signed(bed, "Create", **USERS), FakeContext(bed))
    physical = answerer.answers[0]["PhysicalResourceId"]
    new = USERS | {"Endpoint": "https://new.test", "DrainSeconds": "0"}
    bed.clock.advance(100)
    update = signed(bed, "Update", **new, old=USERS, physical=physical)
    bed.clock.advance(100)
    await function.handle(
        signed(bed, "Update", **USERS, DrainSeconds="0", old=new, physical=physical), FakeContext(bed)
    )

    await function.handle(update, FakeContext(bed))

    assert bed.registered == {"users/Production": URL}


async def test_a_delete_that_is_repeated_leaves_what_was_created_anew() -> None:
    bed, answerer = RegistrarBed(), FakeAnswerer()
    function = entrance(bed, answerer, [])
    await function.handle(signed(bed, "Create", **USERS), FakeContext(bed))
    physical = answerer.answers[0]["PhysicalResourceId"]
    bed.clock.advance(100)
    delete = signed(bed, "Delete", **USERS, physical=physical)
    await function.handle(delete, FakeContext(bed))
    bed.clock.advance(100)
    await function.handle(signed(bed, "Create", **USERS), FakeContext(bed))

    await function.handle(delete, FakeContext(bed))

    assert bed.registered == {"users/Production": URL}
    assert answerer.answers[-1]["Status"] == "SUCCESS"


async def test_a_resource_of_an_earlier_namespace_goes_where_we_may_not_look_it_up() -> None:
    bed = RegistrarBed()
    created = await bed.ask("Create", **USERS)
    denied = AccessDeniedError("not authorized", action="servicediscovery:DiscoverInstances")
    bed.cloud.transport.answer("DiscoverInstances", denied)

    await RegistrarBed.over(bed, namespace="moved").ask("Delete", **USERS, physical=created.physical_id)

    assert bed.cloud.has("users") == {}


async def test_work_ends_with_the_time_that_cloudformation_gives_it() -> None:
    bed, answerer = RegistrarBed(), FakeAnswerer()
    function = entrance(bed, answerer, [])
    created = await bed.ask("Create", **USERS)
    new = USERS | {"Endpoint": "https://new.test", "ServiceTimeout": "60"}
    before = bed.clock.monotonic()

    await function.handle(
        signed(bed, "Update", **new, old=USERS, physical=created.physical_id), FakeContext(bed)
    )

    assert answerer.answers[0]["Status"] == "SUCCESS"
    assert bed.clock.monotonic() - before < 60


async def test_an_answer_that_is_refused_is_not_worth_doing_it_all_again() -> None:
    bed, answerer = RegistrarBed(), FakeAnswerer()
    answerer.failure = AnswerNotSentError("HTTP status 403", is_refused=True)

    await entrance(bed, answerer, []).handle(asked("Create", **USERS), FakeContext(bed))

    assert bed.registered == {"users/Production": URL}


async def test_a_wait_that_lambda_starts_again_is_waited_again() -> None:
    bed = RegistrarBed()
    created = await bed.ask("Create", **USERS)
    new = USERS | {"Endpoint": "https://new.test", "Weight": "7"}
    await bed.ask("Update", **new, DrainSeconds="0", old=USERS, physical=created.physical_id)
    before = bed.clock.monotonic()

    await bed.ask("Update", **new, Tenant="", old=USERS, physical=created.physical_id)

    assert bed.clock.monotonic() - before >= 120


@pytest.mark.parametrize("stack", [STACK, STACK.replace("5a1c", "6b2d")], ids=["same stack", "made anew"])
async def test_a_create_that_wrote_nothing_leaves_what_an_earlier_one_has_left(stack: str) -> None:
    bed, answerer = RegistrarBed(), FakeAnswerer()
    function = entrance(bed, answerer, [])
    await function.handle(signed(bed, "Create", **USERS), FakeContext(bed))  # and kept by its DeletionPolicy
    bed.clock.advance(100)
    wrong = USERS | {"Weight": "heavy"}
    await function.handle(signed(bed, "Create", **wrong, stack=stack), FakeContext(bed))
    failed = answerer.answers[-1]
    bed.clock.advance(1)

    physical = failed["PhysicalResourceId"]
    await function.handle(signed(bed, "Delete", **wrong, stack=stack, physical=physical), FakeContext(bed))

    assert [answer["Status"] for answer in answerer.answers] == ["SUCCESS", "FAILED", "SUCCESS"]
    assert bed.registered == {"users/Production": URL}


async def test_a_create_that_wrote_and_was_not_told_so_leaves_nothing() -> None:
    bed, answerer = RegistrarBed(), FakeAnswerer()
    function = entrance(bed, answerer, [])
    create = signed(bed, "Create", **USERS)
    await function.handle(create, FakeContext(bed))
    physical = json.loads(failure(read_request(create), "it did not end in time"))["PhysicalResourceId"]
    bed.clock.advance(10)

    await function.handle(signed(bed, "Delete", **USERS, physical=physical), FakeContext(bed))

    assert bed.registered == {}
