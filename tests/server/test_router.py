"""The router passes a request on to the service that its path names, and the answer back, as they are."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from cloudmap_discovery import wiring
from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.server.app import make_app
from cloudmap_discovery.server.callers import nobody
from cloudmap_discovery.server.router import routes
from tests.server.bed import asking, serving
from tests.server.router_bed import put, router, routing
from tests.unit.calling_bed import FakeWire
from tests.unit.direct_peers import FINE, Peer, always

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.standin.stand_in import StandIn
    from tests.unit.direct_peers import Line

PROBLEM = "application/problem+json"


def said(answer: httpx2.Response) -> Any:
    assert answer.headers["content-type"] == PROBLEM
    return answer.json()["type"].rpartition(":")[2]


async def test_method_path_query_headers_and_body_go_on(aws: StandIn) -> None:
    with Peer(always(FINE)) as peer:
        put(aws, f"{peer.url}/base?key=1")
        async with routing(aws) as client:
            answer = await client.put("/users/a%2Fb/c?x=1&x=%20", content=b"body", headers={"x-mine": "7"})

    (asked,) = peer.asked
    assert asked.line == "PUT /base/a%2Fb/c?key=1&x=1&x=%20 HTTP/1.1"
    assert asked.headers["host"] == f"127.0.0.1:{peer.port}"
    assert asked.headers["x-mine"] == "7"
    assert asked.headers["x-forwarded-host"] == "discovery.test"
    assert asked.headers["content-length"] == "4"
    assert asked.body == b"body"
    assert (answer.status_code, answer.text) == (200, "ok")


async def test_status_headers_and_body_come_back_with_the_times(aws: StandIn) -> None:
    said = b"HTTP/1.1 418 Teapot\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nServer-Timing: db;dur=1\r\n"
    with Peer(
        always(
            said
            + b"Content-Encoding: gzip\r\nConnection: X-Secret\r\nX-Secret: 1\r\nContent-Length: 0\r\n\r\n"
        )
    ) as peer:
        put(aws, peer.url)
        async with routing(aws) as client:
            answer = await client.get("/users/")

    assert answer.status_code == 418
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert answer.headers["content-encoding"] == "gzip"
    assert "x-secret" not in answer.headers
    own, upstream, theirs = "lookup;dur=", "upstream;dur=", "db;dur=1"
    assert all(part in answer.headers["server-timing"] for part in (own, upstream, theirs))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
async def test_any_method_goes_on(aws: StandIn, method: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    with Peer(always(head if method == "HEAD" else FINE)) as peer:
        put(aws, peer.url)
        async with routing(aws) as client:
            answer = await client.request(method, "/users/7")

    assert answer.status_code == 200
    assert answer.headers["content-length"] == "2"
    assert peer.asked[0].line == f"{method} /7 HTTP/1.1"


async def test_redirects_are_passed_back_and_not_followed(aws: StandIn) -> None:
    with Peer(
        always(b"HTTP/1.1 307 There\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    ) as peer:
        put(aws, peer.url)
        async with routing(aws) as client:
            answer = await client.get("/users/7")

    assert (answer.status_code, answer.headers["location"]) == (307, "http://127.0.0.1:1/")
    assert len(peer.asked) == 1


async def test_the_path_may_name_the_stage_or_a_ladder(aws: StandIn) -> None:
    with Peer(always(FINE)) as production, Peer(always(FINE)) as staging:
        put(aws, production.url)
        put(aws, staging.url, stage="Staging")
        async with routing(aws) as client:
            await client.get("/Staging:users/1")
            await client.get("/pr-7%3EStaging:users/2")
            await client.get("/users/3")

    assert [asked.line for asked in staging.asked] == ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1"]
    assert [asked.line for asked in production.asked] == ["GET /3 HTTP/1.1"]


async def test_a_header_names_the_stage_only_where_that_is_switched_on(aws: StandIn) -> None:
    with Peer(always(FINE)) as production, Peer(always(FINE)) as staging:
        put(aws, production.url)
        put(aws, staging.url, stage="Staging")
        async with routing(aws) as client:
            await client.get("/users/", headers={"x-stage": "Staging"})
        async with routing(aws, stage_header="X-Stage") as client:
            await client.get("/users/", headers={"x-stage": "Staging"})
            await client.get("/Production:users/", headers={"x-stage": "Staging"})

    assert (len(production.asked), len(staging.asked)) == (2, 1)


async def test_a_service_that_is_not_there_is_missed_in_the_stage_that_was_asked_for(aws: StandIn) -> None:
    async with routing(aws, stage_header="x-stage") as client:
        header = await client.get("/users/", headers={"x-stage": "Nope"})
        path = await client.get("/Other:users/", headers={"x-stage": "Nope"})
        neither = await client.get("/users/")

    assert [answer.status_code for answer in (header, path, neither)] == [404] * 3
    assert "in stage 'Nope'" in header.json()["detail"]
    assert "in stage 'Other'" in path.json()["detail"]
    assert "in the default stage" in neither.json()["detail"]


@pytest.mark.parametrize(("setting", "header"), [("header:X-User", "x-user"), ("cookie:session", "cookie")])
async def test_a_sticky_client_stays_at_one_instance(aws: StandIn, setting: str, header: str) -> None:
    with Peer(always(FINE)) as one, Peer(always(FINE)) as two:
        put(aws, one.url, instance_id="Production-1")
        put(aws, two.url, instance_id="Production-2")
        async with routing(aws, sticky=setting) as client:
            for user in ("ada", "grace", "edsger", "barbara", "tony", "donald"):
                counts = len(one.asked), len(two.asked)
                text = f"session={user}" if header == "cookie" else user
                for _ in range(4):
                    await client.get("/users/", headers={header: text})
                assert sorted((len(one.asked) - counts[0], len(two.asked) - counts[1])) == [0, 4]


async def test_only_records_that_say_public_are_routed_to(aws: StandIn) -> None:
    with Peer(always(FINE)) as peer:
        put(aws, peer.url, instance_id="Production-1")
        for number, attributes in enumerate(({"public": "false"}, {"public": "TRUE"}, {"public": ""})):
            put(aws, "http://127.0.0.1:1", instance_id=f"Production-x{number}", **attributes)
        put(aws, "http://127.0.0.1:1", service="hidden", public="no")
        async with routing(aws) as client:
            statuses = {(await client.get("/users/")).status_code for _ in range(10)}
            hidden, absent = await client.get("/hidden/"), await client.get("/absent/")

    assert statuses == {200}
    assert (said(hidden), said(absent)) == ("service-not-found", "service-not-found")
    assert hidden.json()["detail"].replace("hidden", "absent") == absent.json()["detail"]


async def test_an_address_that_is_set_by_hand_is_routed_to(aws: StandIn) -> None:
    with Peer(always(FINE)) as peer:
        async with routing(aws, overrides=json.dumps({"local": peer.url})) as client:
            answer = await client.get("/local/x")

    assert answer.status_code == 200


@pytest.mark.parametrize("name", ["catalog", "v1", "openapi.json", "manifest", "ui"])
async def test_names_of_the_server_itself_are_routed_with_a_stage_alone(aws: StandIn, name: str) -> None:
    with Peer(always(FINE)) as peer:
        put(aws, peer.url, service=name)
        async with routing(aws) as client:
            plain, staged = await client.get(f"/{name}/x"), await client.get(f"/Production:{name}/x")

    assert (plain.status_code, staged.status_code) == (400, 200)
    assert f"/<stage>:{name}/" in plain.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/manifest/Staging"),
        ("POST", "/"),
        ("DELETE", "/ui/users"),
        ("PATCH", "/catalog/service"),
        ("PUT", "/v1/services"),
    ],
)
async def test_a_wrong_method_on_a_path_of_the_server_is_said_to_be_one_with_and_without_the_router(
    aws: StandIn, method: str, path: str
) -> None:
    async with routing(aws, surfaces="router,manifest,page,catalog") as client:
        beside = await client.request(method, path)
    async with routing(aws, surfaces="manifest,page,catalog") as client:
        alone = await client.request(method, path)

    assert (beside.status_code, said(beside)) == (405, "wrong-method")
    assert beside.headers["allow"] == alone.headers["allow"]
    assert beside.json() == alone.json()


@pytest.mark.parametrize(
    "path", ["/users/%2e%2e/admin", "//evil.test/", "/a b:users/", "/us%0aers/", "/x%ff/"]
)
async def test_a_path_that_is_wrong_is_refused_before_any_lookup(aws: StandIn, path: str) -> None:
    async with routing(aws) as client:
        answer = await client.get(path)

    assert answer.status_code == 400
    assert said(answer) == "invalid-value"
    assert aws.calls() == {}


async def test_too_much_is_refused(aws: StandIn) -> None:
    async with routing(aws) as client:
        headers = await client.get("/users/", headers={"x-much": "x" * 33_000})
        path = await client.get(f"/users/{'x' * 8200}")

    assert (headers.status_code, said(headers)) == (431, "headers-too-large")
    assert (path.status_code, said(path)) == (414, "path-too-long")


async def test_a_request_that_goes_round_in_circles_is_ended(aws: StandIn) -> None:
    parts = router(aws)
    with serving(parts) as url:
        put(aws, f"{url}/users")
        async with httpx2.AsyncClient() as client:
            answer = await client.get(f"{url}/users/x")

    assert (answer.status_code, said(answer)) == (508, "loop")


async def test_a_request_streams_to_the_service(aws: StandIn) -> None:
    """The service has the first part before the client sends the second."""
    first = threading.Event()

    def script(line: Line) -> None:
        data = b""
        while b"first" not in data:
            data += line.sock.recv(65536)
        first.set()
        while b"0\r\n\r\n" not in data:
            data += line.sock.recv(65536)
        line.say(FINE)

    async def parts() -> AsyncIterator[bytes]:
        yield b"first"
        assert await asyncio.to_thread(first.wait, 20)
        yield b"second"

    with Peer(script) as peer, serving(router(aws)) as url:
        put(aws, peer.url)
        async with httpx2.AsyncClient(timeout=30) as client:
            answer = await client.post(f"{url}/users/", content=parts())

    assert answer.text == "ok"


async def test_an_answer_streams_to_the_client(aws: StandIn) -> None:
    """The client has the first part before the service sends the second."""
    heard = threading.Event()

    def script(line: Line) -> None:
        line.read()
        line.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        assert heard.wait(20)
        line.say(b"6\r\nsecond\r\n0\r\n\r\n")

    with Peer(script) as peer, serving(router(aws)) as url:
        put(aws, peer.url)
        async with httpx2.AsyncClient(timeout=30) as client, client.stream("GET", f"{url}/users/") as answer:
            parts = []
            async for part in answer.aiter_raw():
                parts.append(part)
                heard.set()

    assert b"".join(parts) == b"firstsecond"
    assert parts[0] == b"first"


async def test_a_large_body_goes_through_without_being_held(aws: StandIn) -> None:
    size = 20 * 1024 * 1024

    def script(line: Line) -> None:
        seen = 0
        data = line.sock.recv(65536)
        seen = len(data.partition(b"\r\n\r\n")[2])
        while seen < size:
            seen += len(line.sock.recv(1 << 20))
        line.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(20):
            line.say(b"x" * (1 << 20))

    with Peer(script) as peer, serving(router(aws)) as url:
        put(aws, peer.url)
        async with httpx2.AsyncClient(timeout=60) as client:
            answer = await client.post(f"{url}/users/", content=b"y" * size)

    assert (answer.status_code, len(answer.content)) == (200, size)


async def test_a_client_that_goes_ends_the_request_to_the_service(aws: StandIn) -> None:
    def script(line: Line) -> None:
        line.read()
        line.wait_for_end()

    with Peer(script) as peer, serving(router(aws)) as url:
        put(aws, peer.url)
        async with httpx2.AsyncClient(timeout=0.5) as client:
            with pytest.raises(httpx2.ReadTimeout):
                await client.get(f"{url}/users/")

        assert await asyncio.to_thread(peer.lines[0].closed.wait, 20)


async def test_a_thousand_at_once_for_one_cold_service_make_one_lookup(aws: StandIn) -> None:
    put(aws, "https://users.test")
    parts = router(aws, sources="cloudmap", timeout="60")
    wire = FakeWire()  # the machine may be too busy for a thousand connections within their time
    wire.answer("https://users.test", b"ok")
    calling = wiring.make_calling(parts.core, {}, clock=SystemClock(), wire=wire)
    parts.app = make_app(parts.site, routes(parts.site, calling))
    async with asking(parts) as client:
        answers = await asyncio.gather(*(client.get(f"/users/{number}") for number in range(1000)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({request.url for request in wire.sent}) == 1000
    assert aws.calls() == {"servicediscovery:DiscoverInstances": 1}


async def test_what_the_client_is_told_shows_no_address_to_those_who_are_not_trusted(aws: StandIn) -> None:
    put(aws, "http://127.0.0.1:1/secret")
    async with routing(aws, trusts=nobody) as client:
        answer = await client.get("/users/")

    assert said(answer) == "unreachable"
    assert "127.0.0.1" not in answer.text
