"""A function is called with a request or an event, in its time and within Lambda's sizes, and its failures told apart."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.calls.errors import (
    BadReplyError,
    FunctionFailedError,
    InvokeRefusedError,
    NoReplyError,
)
from cloudmap_discovery.calls.messages import Call, Incoming
from tests.unit.calling_bed import ARN, INVOKE, CallingBed, calling_bed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ONE, TWO = "https://one.test", "https://two.test"
EVENT = Call(body=b'{"id": 7}', is_event=True)


@pytest.fixture
def bed() -> Iterator[CallingBed]:
    with calling_bed() as made:
        yield made


async def test_a_function_is_invoked_for_those_who_may_not_sign_only_if_its_record_says_so(
    bed: CallingBed,
) -> None:
    bed.put(ARN, auth="none")
    bed.wire.answer(INVOKE, b'{"statusCode": 200, "body": "fine"}')

    _, body = await bed.call(may_sign=False)

    assert body == b"fine"


async def test_a_function_gets_a_request_as_an_event_and_its_result_is_the_answer(bed: CallingBed) -> None:
    bed.put(f"{ARN}:live")
    bed.wire.answer(INVOKE, b'{"statusCode": 201, "headers": {"x-a": "1"}, "body": "made"}')

    called, body = await bed.call(Call("PUT", "/7", "a=1", (("x-amzn-trace-id", "Root=1"),), b"new"))

    assert (called.incoming.status, body) == (201, b"made")
    assert ("x-a", "1") in called.incoming.headers
    assert bed.wire.sent[0].url.endswith(
        "/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Ausers%3Alive/invocations"
    )
    assert bed.wire.headers()["x-amz-invocation-type"] == "RequestResponse"
    assert bed.wire.headers()["x-amzn-trace-id"] == "Root=1"
    assert "/eu-west-1/lambda/aws4_request" in bed.wire.headers()["authorization"]
    assert bed.wire.event()["requestContext"]["http"]["method"] == "PUT"


async def test_a_function_gets_an_event_as_it_is_and_its_result_comes_as_it_is(bed: CallingBed) -> None:
    bed.put(ARN)
    bed.wire.answer(INVOKE, b'{"statusCode": 500}')

    called, body = await bed.call(EVENT)

    assert (called.incoming.status, body) == (200, b'{"statusCode": 500}')
    assert bed.wire.event() == {"id": 7}


@pytest.mark.parametrize("call", [EVENT, Call("GET", "/7")])
async def test_a_function_that_fails_says_how(bed: CallingBed, call: Call) -> None:
    bed.put(ARN)
    told = {"errorType": "KeyError", "errorMessage": "'id'"}
    bed.wire.answer(INVOKE, (200, {"x-amz-function-error": "Unhandled"}, json.dumps(told).encode()))

    with pytest.raises(
        FunctionFailedError, match=r"the function failed \(unhandled\): KeyError: 'id'"
    ) as raised:
        await bed.call(call)

    assert (raised.value.error_type, raised.value.error_message) == ("KeyError", "'id'")
    assert len(bed.wire.sent) == 1


async def test_a_function_that_is_gone_is_set_aside_and_another_called_whatever_the_method(
    bed: CallingBed,
) -> None:
    bed.put(ARN, "one")
    bed.put(TWO, "two")
    gone = (
        404,
        {"x-amzn-errortype": "ResourceNotFoundException:http://x"},
        b'{"Message": "Function not found"}',
    )
    bed.wire.answer(INVOKE, gone)
    bed.wire.answer(TWO, b"fine")

    bodies = [(await bed.call(Call("POST", "/7")))[1] for _ in range(10)]

    assert set(bodies) == {b"fine"}


@pytest.mark.parametrize(
    ("status", "code"),
    [(429, "TooManyRequestsException"), (403, "AccessDeniedException"), (500, "ServiceException")],
)
async def test_a_function_that_is_not_run_says_why(bed: CallingBed, status: int, code: str) -> None:
    bed.put(ARN)
    bed.wire.answer(INVOKE, (status, {"x-amzn-errortype": code}, b'{"message": "no"}'))

    with pytest.raises(InvokeRefusedError, match=f"Lambda refused: {code}: no") as raised:
        await bed.call()

    assert (raised.value.code, raised.value.status) == (code, status)


async def test_a_result_that_is_no_answer_is_said_to_be_none(bed: CallingBed) -> None:
    bed.put(ARN)
    bed.wire.answer(INVOKE, b'{"statusCode": "teapot"}')

    with pytest.raises(BadReplyError, match="statusCode is 'teapot'"):
        await bed.call()


async def test_a_functions_answer_that_does_not_end_is_given_up_in_time(bed: CallingBed) -> None:
    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.01)

    bed.put(ARN)
    bed.wire.answer(INVOKE, Incoming(200, (), drip()))

    with pytest.raises(NoReplyError, match="had not ended after") as raised:
        await bed.call(seconds=0.2)

    assert raised.value.was_sent


async def test_a_functions_answer_that_is_too_large_is_none(bed: CallingBed) -> None:
    bed.put(ARN)
    bed.wire.answer(INVOKE, b"x" * (8 * 1024 * 1024 + 1))

    with pytest.raises(BadReplyError, match="larger than the"):
        await bed.call()


async def test_text_beyond_ascii_is_as_large_in_the_event_as_it_is(bed: CallingBed) -> None:
    bed.put(ARN)
    bed.wire.answer(INVOKE, b'{"statusCode": 200}')
    body = "\u4e2d".encode() * 1_500_000

    called, _ = await bed.call(Call("POST", "/7", headers=(("content-type", "text/plain"),), body=body))

    assert called.incoming.status == 200
