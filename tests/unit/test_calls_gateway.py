"""Requests are told to functions as API Gateway tells them, and their results are read as it reads them."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mangum import Mangum
from starlette.requests import Request
from starlette.responses import Response

from cloudmap_discovery.calls.gateway import NotAnAnswerError, event_of, said_by
from cloudmap_discovery.calls.messages import Call, Sender

SENDER = Sender("192.0.2.7", "HTTP/1.1", "router.test:8080", "request-1")
PATH = "/a%2Fb/c"


def call(**changes: Any) -> Call:
    given = {"method": "PUT", "path": PATH, "query": "x=1&x=2&y=", "sender": SENDER}
    return Call(**{**given, **changes})


def test_the_event_is_of_format_two_with_a_context_of_ours() -> None:
    headers = (("accept", "a"), ("accept", "b"), ("cookie", "one=1; two=2"), ("user-agent", "curl"))

    event = event_of(call(headers=headers), b"", at_seconds=1_700_000_000.5)

    assert event == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": PATH,
        "rawQueryString": "x=1&x=2&y=",
        "cookies": ["one=1", "two=2"],
        "headers": {"accept": "a,b", "user-agent": "curl", "host": "router.test:8080"},
        "queryStringParameters": {"x": "1,2", "y": ""},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "cloudmap-discovery",
            "domainName": "router.test",
            "domainPrefix": "router",
            "http": {
                "method": "PUT",
                "path": PATH,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.7",
                "userAgent": "curl",
            },
            "requestId": "request-1",
            "routeKey": "$default",
            "stage": "$default",
            "time": "14/Nov/2023:22:13:20 +0000",
            "timeEpoch": 1_700_000_000_500,
        },
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json; charset=utf-8", "application/problem+json", ""]
)
def test_text_goes_as_it_is(kind: str) -> None:
    event = event_of(call(headers=(("content-type", kind),)), "grün".encode(), at_seconds=0)

    assert (event["body"], event["isBase64Encoded"]) == ("grün", False)
    assert event["headers"]["content-length"] == "5"


@pytest.mark.parametrize(("kind", "body"), [("image/png", b"plain"), ("text/plain", b"\xff\xfe")])
def test_what_is_no_text_goes_as_base64(kind: str, body: bytes) -> None:
    event = event_of(call(headers=(("content-type", kind),)), body, at_seconds=0)

    assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (body, True)


def test_without_a_path_the_root_is_asked_for() -> None:
    assert event_of(call(path=""), b"", at_seconds=0)["rawPath"] == "/"


def test_a_result_is_an_answer() -> None:
    result = {
        "statusCode": 201,
        "headers": {"X-One": "1", "X-Number": 7, "X-Flag": True},
        "cookies": ["a=1; Path=/", "b=2"],
        "body": "made",
    }

    said = said_by(json.dumps(result).encode())

    assert said.status == 201
    assert said.body == b"made"
    assert said.headers == (
        ("x-one", "1"),
        ("x-number", "7"),
        ("x-flag", "true"),
        ("set-cookie", "a=1; Path=/"),
        ("set-cookie", "b=2"),
        ("content-type", "application/json"),
    )


def test_headers_with_several_values_come_all_and_before_those_with_one() -> None:
    result = {"statusCode": "204", "headers": {"X-A": "0"}, "multiValueHeaders": {"x-a": ["1", "2"]}}

    said = said_by(json.dumps(result).encode())

    assert said.status == 204
    assert [pair for pair in said.headers if pair[0] == "x-a"] == [("x-a", "1"), ("x-a", "2")]


@pytest.mark.parametrize(
    ("result", "body"),
    [("hello", b"hello"), ({"users": 1}, b'{"users": 1}'), ([1], b"[1]"), (None, b"null"), (7, b"7")],
)
def test_a_result_without_a_status_is_the_body(result: object, body: bytes) -> None:
    said = said_by(json.dumps(result).encode())

    assert (said.status, said.body, said.headers) == (200, body, (("content-type", "application/json"),))


def test_how_an_answer_is_framed_is_not_for_the_function_to_say() -> None:
    headers = {
        "Content-Length": "abc",
        "Transfer-Encoding": "chunked",
        "Connection": "close",
        "x-a": "gr\u00fcn",
    }

    said = said_by(json.dumps({"statusCode": 200, "headers": headers}).encode())

    assert said.headers == (("x-a", "gr\u00c3\u00bcn"), ("content-type", "application/json"))


def test_text_that_no_encoding_has_is_a_body_all_the_same() -> None:
    assert said_by(b'"\\ud800"').body == b"\xed\xa0\x80"


def test_a_body_in_base64_is_decoded_and_one_that_is_json_written() -> None:
    encoded = {"statusCode": 200, "body": base64.b64encode(b"\x00\xff").decode(), "isBase64Encoded": True}

    assert said_by(json.dumps(encoded).encode()).body == b"\x00\xff"
    assert said_by(b'{"statusCode": 200, "body": {"a": 1}}').body == b'{"a": 1}'


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"<html>", "no JSON"),
        (b'{"statusCode": "ok"}', "statusCode is 'ok'"),
        (b'{"statusCode": 99}', "statusCode is 99"),
        (b'{"statusCode": 101}', "statusCode is 101"),
        (b'{"statusCode": true}', "statusCode is True"),
        (b'{"statusCode": 200, "headers": []}', None),
        (b'{"statusCode": 200, "headers": ["a"]}', "headers are no object"),
        (b'{"statusCode": 200, "cookies": "a=1"}', "cookies no list"),
        (b'{"statusCode": 200, "multiValueHeaders": {"a": "1"}}', "not lists"),
        (b'{"statusCode": 200, "headers": {"a": "1\\r\\nset-cookie: x"}}', "none that HTTP has"),
        (b'{"statusCode": 200, "headers": {"a": "1\\u000c2"}}', "none that HTTP has"),
        (b'{"statusCode": 200, "headers": {"a b": "1"}}', "none that HTTP has"),
        (b'{"statusCode": 200, "headers": {"": "1"}}', "none that HTTP has"),
        (b'{"statusCode": 200, "body": "%%", "isBase64Encoded": true}', "is not"),
        (b'{"statusCode": "' + b"1" * 5000 + b'"}', "not one from 200 to 599"),
        (b"[" * 100_000, "no JSON"),
        (b'{"statusCode": 200, "headers": {"a": "\\ud800"}}', "no text has"),
    ],
)
def test_a_result_that_is_no_answer_says_why(payload: bytes, reason: str | None) -> None:
    if reason is None:
        assert said_by(payload).status == 200
        return
    with pytest.raises(NotAnAnswerError, match=reason):
        said_by(payload)


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    request = Request(scope, receive)
    seen = {
        "method": request.method,
        "query": scope["query_string"].decode(),
        "accept": request.headers.get("accept"),
    }
    seen["cookies"] = request.cookies
    body = await request.body()
    headers = {"x-seen": json.dumps(seen), "content-type": request.headers.get("content-type", "text/plain")}
    await Response(body, 207, headers)(scope, receive, send)


def answered_by_mangum(event: dict[str, Any]) -> Any:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)  # or it makes one that nobody closes
    try:
        return Mangum(_echo, lifespan="off")(event, None)  # type: ignore[arg-type]  # it looks at no context
    finally:
        asyncio.set_event_loop(None)
        loop.close()


@given(
    body=st.binary(max_size=200),
    kind=st.sampled_from(["text/plain", "application/json", "image/png", "application/octet-stream"]),
)
def test_mangum_reads_our_event_and_we_read_its_answer(body: bytes, kind: str) -> None:
    headers = (("content-type", kind), ("accept", "*/*"), ("cookie", "a=1; b=2"))
    event = event_of(call(headers=headers), body, at_seconds=0)

    answer = answered_by_mangum(event)
    said = said_by(json.dumps(answer).encode())

    seen = json.loads(dict(said.headers)["x-seen"])
    assert (said.status, said.body) == (207, body)
    assert seen == {"method": "PUT", "query": "x=1&x=2&y=", "accept": "*/*", "cookies": {"a": "1", "b": "2"}}


@given(st.binary(max_size=400))
def test_whatever_a_function_returns_is_an_answer_or_is_said_to_be_none(payload: bytes) -> None:
    try:
        said = said_by(payload)
    except NotAnAnswerError:
        return
    assert 200 <= said.status < 600
