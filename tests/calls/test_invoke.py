"""`invoke` calls functions and HTTP endpoints for real: looked up in the stand-in, signed as botocore signs."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery import (
    BadReplyError,
    FunctionFailedError,
    InvalidValueError,
    InvokeRefusedError,
    NoReplyError,
    ServiceNotFoundError,
    UnreachableError,
)
from cloudmap_discovery.api import Process
from tests.calls.lambda_api import LambdaApi
from tests.unit.direct_peers import FINE, Peer, always, once, silent_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.standin.stand_in import StandIn
    from tests.unit.direct_peers import Line

REGION = "eu-west-1"
ARN = f"arn:aws:lambda:{REGION}:123456789012:function:users"


def boom(event: Any) -> Any:
    raise KeyError(event["id"])


@contextmanager
def a_lambda(function: Callable[[Any], Any]) -> Iterator[LambdaApi]:
    with LambdaApi({ARN: function}, region=REGION) as api:
        yield api


def process_of(aws: StandIn, **variables: str) -> Process:
    return Process(
        {**aws.environment(), "DISCOVERY_TRANSPORT": "direct", "DISCOVERY_STAGE": "Production", **variables}
    )


def put(aws: StandIn, endpoint: str, instance_id: str = "Production-1", **attributes: str) -> None:
    known = {"endpoint": endpoint, "stage": "Production", **attributes}
    aws.seed_instance("services", "users", instance_id, known)


async def test_a_function_is_invoked_with_the_payload_and_gives_its_result(aws: StandIn) -> None:
    put(aws, ARN)
    with a_lambda(lambda event: {"name": "Ada", **event}) as api:
        reply = await process_of(aws, AWS_ENDPOINT_URL_LAMBDA=api.url).invoke("users", {"id": 7})

    assert reply.ok
    assert reply.json() == {"name": "Ada", "id": 7}
    assert reply.instance.endpoint == ARN
    assert api.refused == []


async def test_a_function_without_a_payload_gets_null(aws: StandIn) -> None:
    put(aws, ARN)
    with a_lambda(lambda event: [event]) as api:
        reply = await process_of(aws, AWS_ENDPOINT_URL_LAMBDA=api.url).invoke("users")

    assert reply.json() == [None]


async def test_with_a_path_a_function_gets_a_request(aws: StandIn) -> None:
    put(aws, ARN)
    with a_lambda(lambda event: {"statusCode": 404, "body": event["rawPath"]}) as api:
        reply = await process_of(aws, AWS_ENDPOINT_URL_LAMBDA=api.url).invoke(
            "users", path="/users/a b", query={"q": ["1", "2"]}, headers={"X-One": "1"}
        )

    assert (reply.status, reply.ok, reply.text) == (404, False, "/users/a%20b")
    (event,) = api.events
    assert event["requestContext"]["http"]["method"] == "GET"
    assert event["rawQueryString"] == "q=1&q=2"
    assert event["headers"] == {"x-one": "1", "host": "localhost"}


async def test_a_function_that_fails_raises_what_it_raised(aws: StandIn) -> None:
    put(aws, ARN)
    with a_lambda(boom) as api, pytest.raises(FunctionFailedError, match="KeyError: 7") as raised:
        await process_of(aws, AWS_ENDPOINT_URL_LAMBDA=api.url).invoke("users", {"id": 7})

    assert raised.value.error_type == "KeyError"


async def test_a_function_that_is_throttled_is_not_called_again(aws: StandIn) -> None:
    put(aws, ARN)
    with a_lambda(lambda event: event) as api:
        api.status = 429
        with pytest.raises(InvokeRefusedError, match="TooManyRequestsException"):
            await process_of(aws, AWS_ENDPOINT_URL_LAMBDA=api.url).invoke("users", {})


async def test_an_http_endpoint_gets_the_payload_as_the_body_of_a_post(aws: StandIn) -> None:
    with Peer(always(b"HTTP/1.1 201 Made\r\nX-A: 1\r\nContent-Length: 2\r\n\r\n{}")) as peer:
        put(aws, f"{peer.url}/v1")
        reply = await process_of(aws).invoke("users", {"id": 7})

    (asked,) = peer.asked
    assert asked.line == "POST /v1 HTTP/1.1"
    assert json.loads(asked.body) == {"id": 7}
    assert asked.headers["content-type"] == "application/json"
    assert "authorization" not in asked.headers
    assert (reply.status, reply.headers["x-a"], reply.json()) == (201, "1", {})


async def test_an_http_endpoint_without_a_payload_is_got(aws: StandIn) -> None:
    with Peer(always(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")) as peer:
        put(aws, f"{peer.url}/hooks/")
        await process_of(aws).invoke("users")

    (asked,) = peer.asked
    assert (asked.line, asked.body) == ("GET /hooks/ HTTP/1.1", b"")
    assert "content-type" not in asked.headers


async def test_redirects_are_given_as_they_are(aws: StandIn) -> None:
    with Peer(always(b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n")) as peer:
        put(aws, peer.url)
        reply = await process_of(aws).invoke("users", path="/here", method="get")

    assert (reply.status, reply.headers["location"], len(peer.asked)) == (302, "/there", 1)


async def test_a_record_that_says_iam_is_called_with_a_signature_that_botocore_makes(aws: StandIn) -> None:
    with LambdaApi({}, service="execute-api", region=aws.region) as api:
        put(aws, api.url, auth="iam")
        reply = await process_of(aws).invoke("users", {"id": 7}, path="/a b/c", query="x=1+2&y=%2B")

    assert reply.status == 404  # which it says to those alone whose signature is right
    assert api.refused == []


async def test_another_instance_is_called_where_one_is_gone(aws: StandIn) -> None:
    with Peer(always(FINE)) as peer:
        with Peer(always(FINE)) as gone:
            pass
        put(aws, gone.url, "Production-1")
        put(aws, peer.url, "Production-2")
        process = process_of(aws)
        replies = [await process.invoke("users", path="/") for _ in range(10)]

    assert {reply.text for reply in replies} == {"ok"}


async def test_an_endpoint_that_does_not_answer_in_time_is_given_up(aws: StandIn) -> None:
    with Peer(silent_after(b"")) as peer:
        put(aws, peer.url)
        with pytest.raises(NoReplyError, match=r"no answer within 0\.\d+ s"):
            await process_of(aws).invoke("users", {}, timeout_seconds=0.3)


async def test_cancelling_ends_the_request(aws: StandIn) -> None:
    came = threading.Event()

    def script(line: Line) -> None:
        line.read()
        came.set()
        line.wait_for_end()

    with Peer(script) as peer:
        put(aws, peer.url)
        calling = asyncio.create_task(process_of(aws).invoke("users", {}))
        await asyncio.to_thread(came.wait, 10)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling

        assert await asyncio.to_thread(peer.lines[0].closed.wait, 10)


async def test_rubbish_and_nothing_are_told_apart(aws: StandIn) -> None:
    with Peer(once(b"")) as peer:
        put(aws, peer.url)
        with pytest.raises(UnreachableError):
            await process_of(aws).invoke("users", {})


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk",
        b"HTTP/1.1 600 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
)
async def test_what_the_router_takes_for_no_answer_is_none_here_either(aws: StandIn, answer: bytes) -> None:
    with Peer(once(answer)) as peer:
        put(aws, peer.url)
        with pytest.raises(BadReplyError):
            await process_of(aws).invoke("users", {})


async def test_hints_before_the_answer_are_passed_over(aws: StandIn) -> None:
    hints = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    with Peer(once(hints + FINE)) as peer:
        put(aws, peer.url)
        reply = await process_of(aws).invoke("users", {})

    assert (reply.status, reply.text, "link" in reply.headers) == (200, "ok", False)


async def test_a_service_that_is_not_there_is_not_called(aws: StandIn) -> None:
    aws.seed_namespace()

    with pytest.raises(ServiceNotFoundError):
        await process_of(aws).invoke("users", {})


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"payload": object()}, "payload"),
        ({"payload": float("nan")}, "payload"),
        ({"path": "users"}, "path"),
        ({"path": "/../x"}, "path"),
        ({"path": "/a\nb"}, "path"),
        ({"path": 7}, "path"),
        ({"method": "GET /"}, "method"),
        ({"headers": {"a b": "1"}}, "headers"),
        ({"headers": {"a": "1\r\nb: 2"}}, "headers['a']"),
        ({"headers": {"a": 1}}, "headers['a']"),
        ({"headers": {"Host": "x"}}, "headers"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"timeout_seconds": 901}, "timeout_seconds"),
        ({"service": "a b"}, "service"),
    ],
)
async def test_what_is_wrong_is_said_before_any_call(
    aws: StandIn, arguments: dict[str, Any], field: str
) -> None:
    given = {"service": "users", **arguments}

    with pytest.raises(InvalidValueError) as raised:
        await process_of(aws).invoke(given.pop("service"), **given)

    assert raised.value.field == field
    assert aws.calls() == {}


async def test_a_payload_that_is_nested_too_deep_is_said_to_be(aws: StandIn) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(
        InvalidValueError, match="payload is a list nested too deep to show: must be bytes, or JSON"
    ):
        await process_of(aws).invoke("users", deep)

    assert aws.calls() == {}


def run(script: str, variables: Mapping[str, str]) -> str:
    plain = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={**plain, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("transport", ["direct", "sdk"])
def test_the_blocking_twin_does_the_same_with_either_transport_and_after_a_fork(
    aws: StandIn, transport: str
) -> None:
    put(aws, ARN)
    script = """
import os, sys
from cloudmap_discovery import sync
print(sync.invoke("users", {"id": 1}).json(), flush=True)
child = os.fork()
if child == 0:
    print(sync.invoke("users", {"id": 2}).json(), flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print(sync.invoke("users", {"id": 3}).json(), flush=True)
"""
    with a_lambda(lambda event: event["id"]) as api:
        variables = {
            **aws.environment(),
            "DISCOVERY_TRANSPORT": transport,
            "DISCOVERY_STAGE": "Production",
            "AWS_ENDPOINT_URL_LAMBDA": api.url,
        }
        printed = run(script, variables)

    assert printed.split() == ["1", "2", "3"]
    assert api.refused == []


def test_importing_the_package_imports_nothing_of_calls(aws: StandIn) -> None:
    script = "import sys, cloudmap_discovery; print([name for name in sys.modules if '.calls' in name])"

    assert run(script, aws.environment()) == "[]"
