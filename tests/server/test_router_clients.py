"""Clients that leave, dawdle or send what is ambiguous hold nothing up and gain nothing."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from cloudmap_discovery.server.callers import said_by_lambda
from tests.server.bed import serving
from tests.server.router_bed import put, router, routing
from tests.unit.direct_peers import FINE, HEAD, Peer, always

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.standin.stand_in import StandIn
    from tests.unit.direct_peers import Line

EVER = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def ever(line: Line) -> None:
    """Answer with parts, and never end."""
    line.read()
    line.say(EVER)
    while True:
        line.say(b"400\r\n" + b"x" * 1024 + b"\r\n")


def address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


def _until_closed(peer: Peer) -> bool:
    for _ in range(200):
        if peer.lines:
            return peer.lines[0].closed.wait(20)
        time.sleep(0.1)
    return False


async def closed(peer: Peer) -> bool:
    """Wait until the service has a connection, and that has ended."""
    return await asyncio.to_thread(_until_closed, peer)


async def test_a_client_that_leaves_amid_an_answer_ends_it(aws: StandIn) -> None:
    with Peer(ever) as peer, serving(router(aws)) as url:
        put(aws, peer.url)
        async with httpx2.AsyncClient() as client, client.stream("GET", f"{url}/users/") as answer:
            await anext(answer.aiter_raw())

        assert await closed(peer)


async def test_a_client_that_takes_nothing_is_given_up(aws: StandIn) -> None:
    with Peer(ever) as peer, serving(router(aws, router_timeout="0.5")) as url:
        put(aws, peer.url)
        with socket.create_connection(address(url)) as client:
            client.sendall(b"GET /users/ HTTP/1.1\r\nHost: x\r\n\r\n")

            assert await closed(peer)


async def test_a_client_that_leaves_after_its_upload_ends_the_request(aws: StandIn) -> None:
    def script(line: Line) -> None:
        data = b""
        while b"0\r\n\r\n" not in data:
            data += line.sock.recv(65536)
        line.wait_for_end()

    with Peer(script) as peer, serving(router(aws)) as url:
        put(aws, peer.url)
        with socket.create_connection(address(url)) as client:
            head = b"POST /users/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            await asyncio.to_thread(client.sendall, head + b"1\r\nx\r\n0\r\n\r\n")
            await asyncio.sleep(0.5)

        assert await closed(peer)


@pytest.mark.parametrize("framing", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
async def test_a_body_that_does_not_come_is_not_waited_for(aws: StandIn, framing: bytes) -> None:
    put(aws, "arn:aws:lambda:eu-west-1:123456789012:function:users")
    with serving(router(aws, router_timeout="0.3")) as url:
        reader, writer = await asyncio.open_connection(*address(url))
        writer.write(b"POST /users/ HTTP/1.1\r\nHost: x\r\n" + framing + b"\r\n\r\n")
        status = await asyncio.wait_for(reader.readline(), 20)
        writer.close()
        await writer.wait_closed()

    assert status.split()[1] == b"408"


def taking(line: Line) -> None:
    """Answer what has no body, and take uploads for ever."""
    head = line.sock.recv(65536)
    if head.startswith(b"GET"):
        line.say(FINE)
    line.wait_for_end()


async def asked(url: str, request: bytes) -> tuple[bytes, bytes]:
    """Send the beginning of a request on a connection of its own; return the answer's status, and all that follows."""
    reader, writer = await asyncio.open_connection(*address(url))
    writer.write(request)
    status = (await asyncio.wait_for(reader.readline(), 20)).split()[1]
    rest = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    await writer.wait_closed()
    return status, rest


@pytest.mark.parametrize("begun", [b"", b"3\r\nabc\r\n"], ids=["nothing of it", "a part of it"])
@pytest.mark.parametrize("framing", [b"Content-Length: 1000000", b"Transfer-Encoding: chunked"])
async def test_an_upload_that_stops_is_the_clients_fault(
    aws: StandIn, framing: bytes, begun: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with Peer(taking) as peer, serving(router(aws, router_timeout="0.4")) as url:
        put(aws, peer.url)
        head = b"POST /users/1 HTTP/1.1\r\nHost: x\r\n" + framing
        status, rest = await asked(url, head + b"\r\n\r\n" + begun)

    assert status == b"408"
    assert b"body-too-slow" in rest
    assert "could not serve" not in caplog.text


async def test_a_service_is_not_set_aside_for_an_upload_that_stops(aws: StandIn) -> None:
    head = b" /users/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-User: ada\r\n"
    parts = router(aws, router_timeout="0.4", sticky="header:x-user")
    with Peer(taking) as one, Peer(taking) as two, serving(parts) as url:
        put(aws, one.url, instance_id="Production-1")
        put(aws, two.url, instance_id="Production-2")
        stopped, _ = await asked(url, b"PUT" + head + b"Content-Length: 1000000\r\n\r\nabc")
        after, _ = await asked(url, b"GET" + head + b"\r\n")

    assert (stopped, after) == (b"408", b"200")
    assert sorted((len(one.lines), len(two.lines))) == [0, 2]


async def test_a_service_that_is_silent_after_an_upload_is_at_fault_itself(aws: StandIn) -> None:
    with Peer(taking) as peer, serving(router(aws, router_timeout="0.4")) as url:
        put(aws, peer.url)
        head = b"POST /users/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked"
        status, rest = await asked(url, head + b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n")

    assert status == b"504"
    assert b"no-reply" in rest


async def test_a_service_that_takes_no_upload_is_at_fault_itself(aws: StandIn) -> None:
    def deaf(line: Line) -> None:
        line.hang()

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(2000):
            yield b"x" * 65_536

    with Peer(deaf) as peer:
        put(aws, peer.url)
        async with routing(aws, router_timeout="0.4") as client:
            answer = await client.post("/users/1", content=parts())

    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (504, "no-reply")


async def test_an_upload_that_goes_on_may_take_longer_than_an_answer(aws: StandIn) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield b"part"
            await asyncio.sleep(0.2)

    def script(line: Line) -> None:
        data = b""
        while b"0\r\n\r\n" not in data:
            data += line.sock.recv(65536)
        line.say(FINE)

    with Peer(script) as peer, serving(router(aws, router_timeout="0.8")) as url:
        put(aws, peer.url)
        async with httpx2.AsyncClient(timeout=30) as client:
            answer = await client.post(f"{url}/users/", content=parts())

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /users/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /users/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"CONNECT /users/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://evil.test/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /users/ HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n X-B: folded\r\n\r\n",
    ],
)
async def test_what_is_ambiguous_reaches_no_service(aws: StandIn, request_: bytes) -> None:
    with Peer(always(FINE)) as peer, serving(router(aws)) as url:
        put(aws, peer.url)
        reader, writer = await asyncio.open_connection(*address(url))
        writer.write(request_)
        status = await asyncio.wait_for(reader.readline(), 20)
        writer.close()
        await writer.wait_closed()
        asked = [one.headers for one in peer.asked]

    assert status.split()[1] in {b"400", b"405", b"200"}
    assert all("x-b" not in headers for headers in asked)
    assert not asked or b"X-B" in request_


async def test_queries_share_the_connections_to_an_origin(aws: StandIn) -> None:
    with Peer(always(FINE)) as peer:
        put(aws, peer.url)
        async with routing(aws) as client:
            for number in range(20):
                await client.get(f"/users?x={number}")

    assert len(peer.lines) == 1
    assert peer.asked[-1].line == "GET /?x=19 HTTP/1.1"


async def test_what_decides_who_answers_is_told_to_caches(aws: StandIn) -> None:
    with Peer(always(b"HTTP/1.1 200 OK\r\nVary: accept\r\nContent-Length: 0\r\n\r\n")) as peer:
        put(aws, peer.url)
        async with routing(aws, stage_header="x-stage", sticky="cookie:session") as client:
            deciding = await client.get("/users/")
        async with routing(aws, sticky="header:x-user") as client:
            sticky = await client.get("/users/")
        async with routing(aws) as client:
            plain = await client.get("/users/")

    assert deciding.headers["vary"] == "accept, x-stage, cookie"
    assert sticky.headers["vary"] == "accept, x-user"
    assert plain.headers["vary"] == "accept"


async def test_what_a_request_was_signed_with_in_its_query_stays_here(aws: StandIn) -> None:
    with Peer(always(FINE)) as peer:
        put(aws, peer.url)
        async with routing(aws) as client:
            await client.get("/users/?a=1&X-Amz-Security-Token=secret&x-amz-signature=f&b=2&X-Amz-Date=3")
            await client.get("/users/?X-Amz-Date=3")

    assert [asked.line for asked in peer.asked] == ["GET /?a=1&b=2 HTTP/1.1", "GET /?X-Amz-Date=3 HTTP/1.1"]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", 502),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", 502),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 50\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            200,
        ),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nok", 502),
        (b"HTTP/1.0 200 OK\r\n\r\nok", 200),
    ],
)
async def test_odd_answers_are_made_whole_or_said_to_be_none(
    aws: StandIn, answer: bytes, status: int
) -> None:
    def script(line: Line) -> None:
        line.read()
        line.say(answer)

    with Peer(script) as peer, serving(router(aws)) as url:
        put(aws, peer.url)
        async with httpx2.AsyncClient() as client:
            got = await client.get(f"{url}/users/")

    assert got.status_code == status
    assert got.text == "ok" or status == 502


@pytest.mark.parametrize("host", ["a..b", f"{'a' * 64}.test"])
async def test_a_name_that_cannot_be_looked_up_is_unreachable(aws: StandIn, host: str) -> None:
    put(aws, f"http://{host}/")
    async with routing(aws) as client:
        answer = await client.get("/users/")

    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (502, "unreachable")


async def test_a_name_in_the_log_is_on_one_line(aws: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    async with routing(aws) as client:
        await client.get("/us%0d%0aERROR%20forged/x")

    assert "\n" not in "".join(record.getMessage() for record in caplog.records)


async def test_the_lookup_counts_into_the_time(aws: StandIn) -> None:
    aws.down(how="hang")
    async with routing(aws, router_timeout="0.3", timeout="20") as client:
        answer = await client.get("/users/")
    aws.up()

    assert answer.status_code == 504


def event(**context: Any) -> Any:
    from starlette.requests import Request  # noqa: PLC0415 -- here alone

    version = context.pop("version", None)
    told = {"requestContext": context, **({} if version is None else {"version": version})}
    return Request({"type": "http", "method": "GET", "headers": [], "path": "/", "aws.event": told})


@pytest.mark.parametrize(
    ("context", "is_trusted"),
    [
        ({"version": "2.0", "authorizer": {"iam": {"userArn": "arn"}}}, True),
        ({"version": "2.0", "authorizer": {"jwt": {"claims": {}}}}, True),
        ({"version": "2.0", "authorizer": {"lambda": None}}, True),
        ({"version": "2.0"}, False),
        ({"version": "2.0", "authorizer": {}}, False),
        ({"version": "1.0", "authorizer": {"claims": None, "scopes": None}}, False),
        ({"version": "1.0", "authorizer": {"claims": {"sub": "x"}, "scopes": None}}, True),
        ({"version": "1.0", "identity": {"userArn": "arn"}}, True),
        ({"authorizer": None, "identity": {"userArn": None}}, False),
        ({"authorizer": {"principalId": "x"}}, True),
        ({"identity": {"userArn": "arn"}}, True),
        ({}, False),
    ],
)
def test_the_front_alone_says_who_is_authorized(context: dict[str, Any], *, is_trusted: bool) -> None:
    assert said_by_lambda(event(**context)) == is_trusted
