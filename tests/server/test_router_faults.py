"""When a service or the registry fails, the client is told which, and gets an answer wherever there is one."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from typing import TYPE_CHECKING, Any

import httpcore2
import httpx2
import pytest

from cloudmap_discovery.server.addresses import Guard
from cloudmap_discovery.server.callers import nobody
from cloudmap_discovery.server.guarded_backend import GuardedBackend, RefusedError
from tests.calls.lambda_api import LambdaApi
from tests.server.bed import asking, serving
from tests.server.router_bed import put, router, routing
from tests.unit.direct_peers import FINE, HEAD, Peer, always, deaf_url, once, silent_after

if TYPE_CHECKING:
    from tests.standin.stand_in import StandIn
    from tests.unit.direct_peers import Line

REGION = "eu-west-1"
ARN = f"arn:aws:lambda:{REGION}:123456789012:function:users"


def problem(answer: httpx2.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == answer.status_code
    return answer.status_code, told["type"].rpartition(":")[2]


def reset(line: Line) -> None:
    line.read()
    line.reset()


def broken(line: Line) -> None:
    line.read()
    line.say(HEAD + b"Content-Length: 100\r\n\r\nhalf")


class FakeBackend(httpcore2.AsyncNetworkBackend):
    """Connects to nothing, but refuses at one address; `connected` is where it was asked to."""

    def __init__(self, connected: list[str]) -> None:
        self._connected = connected

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109, ARG002 -- httpcore's signature
        local_address: str | None = None,  # noqa: ARG002 -- the same
        socket_options: Any = None,  # noqa: ARG002 -- the same
    ) -> httpcore2.AsyncNetworkStream:
        self._connected.append(f"{host}:{port}")
        if host == "10.0.0.1":
            raise httpcore2.ConnectError("refused")
        return httpcore2.AsyncMockStream([])


async def test_a_service_that_refuses_is_unreachable_and_the_next_one_serves(aws: StandIn) -> None:
    with Peer(always(FINE)) as peer:
        put(aws, "http://127.0.0.1:1", instance_id="Production-1")
        put(aws, "http://127.0.0.1:1", service="alone")
        put(aws, peer.url, instance_id="Production-2")
        async with routing(aws) as client:
            alone = await client.get("/alone/")
            statuses = [(await client.post("/users/")).status_code for _ in range(10)]

    assert problem(alone) == (502, "unreachable")
    assert alone.headers["server-timing"].startswith("lookup;dur=")
    assert statuses == [200] * 10


async def test_a_service_that_resets_is_asked_again_elsewhere_for_what_may_be_repeated_alone(
    aws: StandIn,
) -> None:
    with Peer(reset) as one, Peer(reset) as two:
        put(aws, one.url, instance_id="Production-1")
        put(aws, two.url, instance_id="Production-2")
        async with routing(aws) as client:
            post = await client.post("/users/", content=b"x")
            posts = len(one.asked) + len(two.asked)
            get = await client.get("/users/")

    assert (problem(post), problem(get)) == ((502, "unreachable"), (502, "unreachable"))
    assert posts == 1
    assert one.asked
    assert two.asked


async def test_a_service_that_hangs_is_given_up_in_time(aws: StandIn) -> None:
    with Peer(silent_after(b"")) as peer:
        put(aws, peer.url)
        async with routing(aws, router_timeout="0.3") as client:
            answer = await client.get("/users/")
            missing = await client.get("/nobody/")
            refused = await client.get("/users/%2e%2e/x")

    assert problem(answer) == (504, "no-reply")
    assert float(answer.headers["server-timing"].rpartition("=")[2]) > 200  # of the 300 ms that it was given
    assert "lookup;dur=" in missing.headers["server-timing"]
    assert "server-timing" not in refused.headers
    assert len(peer.asked) == 1


async def test_a_service_that_takes_no_connection_is_unreachable(aws: StandIn) -> None:
    with deaf_url() as url:
        put(aws, url)
        async with routing(aws, router_timeout="0.4") as client:
            answer = await client.get("/users/")

    assert problem(answer)[0] in {502, 504}


@pytest.mark.parametrize(
    "rubbish",
    [
        b"rubbish\r\n\r\n",
        b"HTTP/1.1 banana\r\n\r\n",
        HEAD + b"a b: c\r\n\r\n",
        HEAD + b"Content-Length: x\r\n\r\n",
        b"\x16\x03\x01\x02",
    ],
)
async def test_what_is_no_answer_is_said_to_be_none(aws: StandIn, rubbish: bytes) -> None:
    with Peer(once(rubbish)) as peer:
        put(aws, peer.url)
        async with routing(aws) as client:
            answer = await client.get("/users/")

    assert problem(answer) in {(502, "bad-reply"), (502, "unreachable")}


async def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one(
    aws: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    with Peer(broken) as peer, serving(router(aws)) as url:
        put(aws, peer.url)
        async with httpx2.AsyncClient() as client:
            with pytest.raises(httpx2.RemoteProtocolError):
                await client.get(f"{url}/users/")

    assert "an answer of 'users' broke off" in caplog.text


async def test_a_service_that_falls_silent_amid_its_answer_is_given_up(aws: StandIn) -> None:
    silent = silent_after(HEAD + b"Content-Length: 100\r\n\r\nhalf")
    with Peer(silent) as peer, serving(router(aws, router_timeout="0.3")) as url:
        put(aws, peer.url)
        async with httpx2.AsyncClient() as client:
            with pytest.raises(httpx2.RemoteProtocolError):
                await client.get(f"{url}/users/")


async def test_while_the_registry_is_down_what_was_found_serves_on(aws: StandIn) -> None:
    with Peer(always(FINE)) as peer:
        put(aws, peer.url)
        async with routing(aws, ttl="0.1", stale_while_revalidate="0") as client:
            before = await client.get("/users/")
            aws.down()
            await asyncio.sleep(0.3)
            after, cold = await client.get("/users/"), await client.get("/orders/")
            aws.up()

    assert (before.status_code, after.status_code) == (200, 200)
    assert problem(cold) == (503, "registry-unavailable")
    assert cold.headers["retry-after"] == "5"


async def test_a_request_larger_than_lambda_takes_is_refused(aws: StandIn) -> None:
    put(aws, ARN)
    async with routing(aws) as client:
        answer = await client.post("/users/", content=b"x" * (6 * 1024 * 1024))

    assert problem(answer) == (413, "body-too-large")
    assert "6291456 bytes" in answer.json()["detail"]


async def test_a_function_answers_with_a_request_signed_by_us(aws: StandIn) -> None:
    def users(event: Any) -> Any:
        return {
            "statusCode": 201,
            "headers": {"x-path": event["rawPath"]},
            "body": event["body"],
            "cookies": ["a=1"],
        }

    put(aws, ARN)
    with LambdaApi({ARN: users}, region=REGION) as api:
        parts = router(aws, _elsewhere(aws, api))
        async with asking(parts) as client:
            headers = {
                "authorization": "Bearer mine",
                "x-amz-security-token": "x",
                "content-type": "text/plain",
            }
            answer = await client.post("/users/a%2Fb?x=1", content=b"body", headers=headers)

    (event,) = api.events
    assert api.refused == []
    assert (answer.status_code, answer.text, answer.headers["x-path"]) == (201, "body", "/a%2Fb")
    assert answer.headers["set-cookie"] == "a=1"
    assert event["headers"]["authorization"] == "Bearer mine"
    assert "x-amz-security-token" not in event["headers"]
    assert (event["headers"]["host"], event["headers"]["content-length"]) == ("discovery.test", "4")
    assert event["requestContext"]["accountId"] == "anonymous"


@pytest.mark.parametrize(
    ("host", "name"),
    [("[::1]:8080", "::1"), ("[::1]", "::1"), ("users.test:80", "users.test"), ("x", "x"), ("[::1", "")],
)
async def test_a_function_is_told_the_host_without_its_port(aws: StandIn, host: str, name: str) -> None:
    put(aws, ARN)
    with LambdaApi({ARN: lambda _: {"statusCode": 200}}, region=REGION) as api:
        async with asking(router(aws, _elsewhere(aws, api))) as client:
            await client.get("/users/", headers={"host": host})

    (event,) = api.events
    assert event["requestContext"]["domainName"] == name
    assert event["requestContext"]["domainPrefix"] == name.partition(".")[0]
    assert event["headers"].get("host") == (host if name else None)


async def test_a_caller_who_is_not_trusted_gets_no_signature_and_no_secret(aws: StandIn) -> None:
    put(aws, ARN)
    put(aws, "https://abc.execute-api.eu-west-1.amazonaws.com", service="api", auth="iam")
    with LambdaApi({ARN: lambda event: event}, region=REGION) as api:
        async with asking(router(aws, _elsewhere(aws, api), trusts=nobody)) as client:
            forged = {"requestContext": '{"authorizer": {"iam": {}}}', "x-amzn-request-context": "{}"}
            answers = [await client.get(path, headers=forged) for path in ("/users/", "/api/")]

    assert [problem(answer) for answer in answers] == [(403, "not-authorized")] * 2
    assert api.events == []
    assert "123456789012" not in answers[0].text


async def test_a_function_that_says_so_is_open_to_all(aws: StandIn) -> None:
    put(aws, ARN, auth="none")
    with LambdaApi({ARN: lambda _: {"statusCode": 200}}, region=REGION) as api:
        async with asking(router(aws, _elsewhere(aws, api), trusts=nobody)) as client:
            answer = await client.get("/users/")

    assert answer.status_code == 200


async def test_a_function_that_fails_or_is_throttled_is_told_apart(aws: StandIn) -> None:
    def fail(_: Any) -> Any:
        raise ValueError("a secret of the function")

    put(aws, ARN, auth="none")
    with LambdaApi({ARN: fail}, region=REGION) as api:
        async with asking(router(aws, _elsewhere(aws, api), trusts=nobody)) as client:
            failed = await client.get("/users/")
            api.status = 429
            throttled = await client.get("/users/")
            api.status, api.functions = 200, {ARN: lambda _: {"statusCode": "teapot"}}
            wrong = await client.get("/users/")

    assert problem(failed) == (502, "function-failed")
    assert "secret" not in failed.text
    assert (problem(throttled), throttled.headers["retry-after"]) == ((503, "throttled"), "1")
    assert problem(wrong) == (502, "bad-reply")


@pytest.mark.parametrize(
    "endpoint", ["users.test:80", "ftp://users.test", "arn:aws:sqs:eu-west-1:123456789012:queue"]
)
async def test_an_address_that_is_not_called_is_said_to_be_none(aws: StandIn, endpoint: str) -> None:
    put(aws, endpoint)
    async with routing(aws) as client:
        answer = await client.get("/users/")

    assert problem(answer) == (502, "not-callable")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "[fe80::1]",
        "0.0.0.0",  # noqa: S104 -- nothing is bound
        "0x7f.1",
        "2130706433",
        "017700000001",
    ],
)
async def test_addresses_of_the_machine_are_not_connected_to_however_they_are_written(
    aws: StandIn, host: str
) -> None:
    with Peer(always(FINE)) as peer:
        put(aws, f"http://{host}:{peer.port}/")
        async with routing(aws, allowed_networks="10.0.0.0/8") as client:
            answer = await client.get("/users/latest/meta-data/")

    assert answer.status_code == 502
    assert problem(answer)[1] in {"address-refused", "unreachable"}
    assert peer.asked == []


async def test_the_functions_own_runtime_is_not_connected_to(aws: StandIn) -> None:
    with Peer(always(FINE)) as peer:
        put(aws, peer.url)
        parts = router(aws, {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{peer.port}"})
        async with asking(parts) as client:
            answer = await client.get("/users/2018-06-01/runtime/invocation/next")

    assert problem(answer) == (502, "address-refused")
    assert peer.asked == []


async def test_the_address_that_was_checked_is_the_one_that_is_connected_to() -> None:
    """A name that says one address when it is checked, and another when it is connected to, gains nothing."""
    asked: list[str] = []
    connected: list[str] = []

    async def resolve(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        address = "52.94.5.1" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    backend = GuardedBackend(Guard(), backend=FakeBackend(connected), resolve=resolve)

    await backend.connect_tcp("rebinding.test", 443)
    with pytest.raises(RefusedError, match="loopback"):
        await backend.connect_tcp("rebinding.test", 443)

    assert connected == ["52.94.5.1:443"]
    assert asked == ["rebinding.test"] * 2


async def test_of_several_addresses_those_that_are_refused_are_left_out() -> None:
    connected: list[str] = []

    async def resolve(_: str, port: int, **__: Any) -> list[Any]:
        return [(2, 1, 6, "", (address, port)) for address in ("127.0.0.1", "10.0.0.1", "10.0.0.2")]

    await GuardedBackend(Guard(), backend=FakeBackend(connected), resolve=resolve).connect_tcp(
        "some.test", 80
    )

    assert connected == ["10.0.0.1:80", "10.0.0.2:80"]


async def test_a_name_that_is_unknown_is_unreachable(aws: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    put(aws, "http://no-such-host.invalid/")
    async with routing(aws) as client:
        answer = await client.get("/users/")

    assert problem(answer) == (502, "unreachable")
    assert "no-such-host.invalid" in caplog.text


def _elsewhere(aws: StandIn, api: LambdaApi) -> dict[str, str]:
    """Return variables that send Lambda's calls there, and all others to the stand-in."""
    return {"DISCOVERY_ENDPOINT_URL": "", "AWS_ENDPOINT_URL": aws.url, "AWS_ENDPOINT_URL_LAMBDA": api.url}


def test_problems_are_json_that_says_what_is_wrong() -> None:
    from cloudmap_discovery.server.problems import problem as make  # noqa: PLC0415 -- here alone

    made = make(502, "unreachable", "Title", "detail", more=None, field="x")

    assert json.loads(bytes(made.body)) == {
        "type": "urn:cloudmap-discovery:problem:unreachable",
        "title": "Title",
        "status": 502,
        "detail": "detail",
        "field": "x",
    }
