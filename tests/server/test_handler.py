"""The server as a function: every front's requests reach the application, and answers go back as Lambda takes them."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.server.callers import said_by_lambda
from cloudmap_discovery.server.handler import Entrance
from cloudmap_discovery.server.lambda_answers import LIMIT_BYTES
from tests.server.lambda_events import function_url, http_api, rest_api

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request

METHODS = ["GET", "POST", "HEAD", "OPTIONS"]
FRONTS = {"function URL": function_url, "HTTP API": http_api, "REST API": rest_api}


def first_format(path: str) -> dict[str, Any]:
    """Return what an HTTP API makes of a request in format 1.0."""
    return {**rest_api(path), "version": "1.0"}


def load_balancer(path: str) -> dict[str, Any]:
    """Return what a load balancer makes of it."""
    headers = {"host": "lb.test", "x-forwarded-for": "203.0.113.7", "x-forwarded-port": "443"}
    context = {"elb": {"targetGroupArn": "arn"}}
    return {"requestContext": context, "path": path, "httpMethod": "GET", "headers": headers, "body": ""}


def load_balancer_of_lists(path: str) -> dict[str, Any]:
    """Return what it makes where headers may come more than once."""
    event = load_balancer(path)
    return {**event, "multiValueHeaders": {name: [text] for name, text in event.pop("headers").items()}}


ALL_FRONTS = {
    **FRONTS,
    "HTTP API 1.0": first_format,
    "load balancer": load_balancer,
    "load balancer, lists": load_balancer_of_lists,
}


def at_host(event: dict[str, Any], host: str) -> dict[str, Any]:
    """Return the event of a request with that Host."""
    changed = dict(event)
    for kind, told in (("headers", host), ("multiValueHeaders", [host])):
        if kind in event:
            others = {name: text for name, text in event[kind].items() if name.lower() != "host"}
            changed[kind] = {**others, "Host": told}
    return changed


class Context:
    """What Lambda says of an invocation."""

    def get_remaining_time_in_millis(self) -> int:
        return 12_000


async def told(request: Request) -> JSONResponse:
    scope = request.scope
    return JSONResponse(
        {
            "method": request.method,
            "path": scope["path"],
            "raw": scope["raw_path"].decode(),
            "query": scope["query_string"].decode(),
            "body": (await request.body()).decode(),
            "trusted": said_by_lambda(request),
            "milliseconds": scope["aws.context"].get_remaining_time_in_millis(),
            "loop": id(asyncio.get_running_loop()),
            "host": request.headers.get("host"),
            "url": request.url.path,
            "client": scope["client"][0],
        }
    )


def app_of(endpoint: Any) -> Starlette:
    return Starlette(routes=[Route("/{path:path}", endpoint, methods=METHODS)])


def answering(body: str | bytes, media_type: str) -> Callable[[Request], Response]:
    return lambda _: Response(body, media_type=media_type)


@pytest.fixture
def entrance() -> Iterator[Callable[..., Entrance]]:
    """Return `entrance(endpoint)`, a function whose application has it at every path."""
    made: list[Entrance] = []

    def make(endpoint: Any = told, **variables: str) -> Entrance:
        make_app = None if endpoint is None else lambda: app_of(endpoint)
        made.append(Entrance(variables, make_app=make_app))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("front", FRONTS.values(), ids=FRONTS)
def test_the_request_of_every_front_reaches_the_application(
    entrance: Callable[..., Entrance], front: Callable[..., dict[str, Any]]
) -> None:
    result = entrance().handle(front("/v1/services"), Context())

    assert result["statusCode"] == 200
    assert result["headers"]["content-type"] == "application/json"
    found = json.loads(result["body"])
    assert (found["method"], found["path"], found["raw"]) == ("GET", "/v1/services", "/v1/services")
    assert found["milliseconds"] == 12_000


@pytest.mark.parametrize("front", FRONTS.values(), ids=FRONTS)
def test_a_port_that_is_none_ends_no_request(
    entrance: Callable[..., Entrance], front: Callable[..., dict[str, Any]]
) -> None:
    event = front("/v1/services")
    event["headers"]["X-Forwarded-Port"] = "443, 443"
    if "multiValueHeaders" in event:
        event["multiValueHeaders"]["X-Forwarded-Port"] = ["443", "x"]

    assert entrance().handle(event, Context())["statusCode"] == 200


@pytest.mark.parametrize("front", ALL_FRONTS.values(), ids=ALL_FRONTS)
@pytest.mark.parametrize("host", ["x", "x:8080", "x:", "[::1]:80", "[2001:db8::1]"])
def test_a_host_reaches_the_application_as_it_was_sent(
    entrance: Callable[..., Entrance], front: Callable[..., dict[str, Any]], host: str
) -> None:
    result = entrance().handle(at_host(front("/v1/services"), host), Context())

    found = json.loads(result["body"])
    assert (result["statusCode"], found["host"]) == (200, host)
    assert found["url"] == "/v1/services"


@pytest.mark.parametrize(
    ("told", "client"),
    [("203.0.113.7", "203.0.113.7"), ("6.6.6.6, 203.0.113.7", "203.0.113.7"), ("", ""), (None, "")],
)
@pytest.mark.parametrize("front", [load_balancer, load_balancer_of_lists])
def test_of_a_load_balancer_the_client_is_whom_it_has_seen_itself(
    entrance: Callable[..., Entrance], front: Callable[..., dict[str, Any]], told: str | None, client: str
) -> None:
    event = front("/v1/services")
    for kind, given in (("headers", told), ("multiValueHeaders", ["9.9.9.9", told])):
        if kind in event:
            del event[kind]["x-forwarded-for"]
            if told is not None:
                event[kind]["X-Forwarded-For"] = given

    found = json.loads(entrance().handle(event, Context())["body"])

    assert found["client"] == client


@pytest.mark.parametrize("front", ALL_FRONTS.values(), ids=ALL_FRONTS)
@pytest.mark.parametrize("host", ["x:abc", "a:b:c", "[::1", "x/y", "u@x", "a, b", "x:99999"])
def test_a_host_that_is_none_is_the_callers_mistake(
    entrance: Callable[..., Entrance], front: Callable[..., dict[str, Any]], host: str
) -> None:
    result = entrance().handle(at_host(front("/v1/services"), host), Context())

    told = json.loads(result["body"])
    assert (result["statusCode"], told["field"]) == (400, "Host")
    assert told["type"].endswith(":invalid-value")


@pytest.mark.parametrize("front", ALL_FRONTS.values(), ids=ALL_FRONTS)
def test_a_request_without_a_host_is_answered(
    entrance: Callable[..., Entrance], front: Callable[..., dict[str, Any]]
) -> None:
    event = front("/v1/services")
    for kind in ("headers", "multiValueHeaders"):
        if kind in event:
            event[kind] = {name: text for name, text in event[kind].items() if name.lower() != "host"}

    result = entrance().handle(event, Context())

    assert (result["statusCode"], json.loads(result["body"])["host"]) == (200, None)


def test_method_query_body_and_encoded_path_arrive_as_they_were(entrance: Callable[..., Entrance]) -> None:
    event = function_url("/users/a%2Fb", method="POST", query="q=a%20b&q=c", body='{"a": 1}')

    found = json.loads(entrance().handle(event, Context())["body"])

    assert (found["method"], found["query"], found["body"]) == ("POST", "q=a%20b&q=c", '{"a": 1}')
    assert (found["path"], found["raw"]) == ("/users/a/b", "/users/a%2Fb")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (function_url("/", signed=True), True),
        (function_url("/", headers={"authorization": "AWS4-HMAC-SHA256 Credential=forged"}), False),
        (rest_api("/", signed=True), True),
        (rest_api("/"), False),
        (http_api("/", headers={"x-amzn-request-context": '{"authorizer": {"iam": {}}}'}), False),
    ],
)
def test_only_a_front_says_that_a_caller_is_authorized(
    entrance: Callable[..., Entrance], event: dict[str, Any], *, expected: bool
) -> None:
    assert json.loads(entrance().handle(event, Context())["body"])["trusted"] is expected


def test_one_event_loop_serves_all_invocations_of_a_thread(entrance: Callable[..., Entrance]) -> None:
    one = entrance()

    loops = [json.loads(one.handle(function_url("/"), Context())["body"])["loop"] for _ in range(3)]
    in_another: list[int] = []

    def handle() -> None:
        in_another.append(json.loads(one.handle(function_url("/"), Context())["body"])["loop"])
        one.close()

    thread = threading.Thread(target=handle)
    thread.start()
    thread.join()

    assert len(set(loops)) == 1
    assert len(in_another) == 1


@pytest.mark.parametrize(
    "media_type", ["application/problem+json", "image/svg+xml", "text/html", "application/json"]
)
def test_text_goes_as_it_is(entrance: Callable[..., Entrance], media_type: str) -> None:
    result = entrance(answering("grüß", media_type)).handle(function_url("/"), Context())

    assert (result["body"], result["isBase64Encoded"]) == ("grüß", False)


@pytest.mark.parametrize(
    ("body", "media_type"), [(b"\x89PNG", "image/png"), (b"\x1f\x8b\x08", "application/json")]
)
def test_other_bytes_go_in_base64(entrance: Callable[..., Entrance], body: bytes, media_type: str) -> None:
    result = entrance(answering(body, media_type)).handle(function_url("/"), Context())

    assert (base64.b64decode(result["body"]), result["isBase64Encoded"]) == (body, True)


@pytest.mark.parametrize("front", FRONTS.values(), ids=FRONTS)
@pytest.mark.parametrize(
    "body", [b"\x00" * (LIMIT_BYTES // 4 * 3), b'"' * (LIMIT_BYTES // 2)], ids=["bytes", "text"]
)
def test_what_is_too_large_only_as_it_is_carried_is_a_problem(
    entrance: Callable[..., Entrance], front: Callable[..., dict[str, Any]], body: bytes
) -> None:
    media_type = "text/plain" if body.startswith(b'"') else "application/octet-stream"

    result = entrance(answering(body, media_type)).handle(front("/"), Context())

    assert (result["statusCode"], result["isBase64Encoded"]) == (502, False)
    assert result["headers"]["content-type"] == "application/problem+json"
    assert json.loads(result["body"])["type"].endswith(":response-too-large")


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"Records": [{"eventSource": "aws:sqs"}]},
        {"version": "2.0", "requestContext": {"connectionId": "of a socket", "eventType": "MESSAGE"}},
        {"httpMethod": "GET", "requestContext": {}},
        ["a", "list"],
        None,
    ],
)
def test_what_is_no_http_request_is_refused_and_says_what_is_taken(
    entrance: Callable[..., Entrance], event: Any
) -> None:
    with pytest.raises(InvalidValueError, match="this function answers HTTP requests alone"):
        entrance().handle(event, Context())


def test_a_wrong_setting_is_told_to_the_log_and_not_to_the_caller(
    entrance: Callable[..., Entrance], caplog: pytest.LogCaptureFixture
) -> None:
    wrong = entrance(None, DISCOVERY_SOURCES="secret-place")

    events = [front("/manifest/Production") for front in ALL_FRONTS.values()]
    results = [wrong.handle(event, Context()) for event in events]

    for event, result in zip(events, results, strict=True):
        assert result["statusCode"] == 500
        assert result["headers"]["content-type"] == "application/problem+json"
        lists = result.get("multiValueHeaders", {})
        assert lists.get("content-type", []) == ["application/problem+json"] * ("multiValueHeaders" in event)
        assert json.loads(result["body"])["type"].endswith(":configuration")
        assert "secret-place" not in json.dumps(result)
    said = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(said) == len(ALL_FRONTS)
    assert "DISCOVERY_SOURCES is 'secret-place'" in said[0].getMessage()


def test_only_the_manifest_is_there_unless_a_setting_says_more(entrance: Callable[..., Entrance]) -> None:
    one = entrance(None, DISCOVERY_SOURCES="file", DISCOVERY_SNAPSHOT_FILE="missing.json")

    paths = ("/v1/services", "/catalog/service", "/", "/users/x", "/openapi.json", "/manifest/Production")
    statuses = {path: one.handle(function_url(path), Context())["statusCode"] for path in paths}

    manifest = statuses.pop("/manifest/Production")
    assert set(statuses.values()) == {404}
    assert manifest == 503
