"""HTTP as API Gateway tells it to a function, and back: payload format 2.0.

(API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs".)
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from cloudmap_discovery.calls.messages import Call, Headers

_TEXT: Final = ("text/", "application/json", "application/xml", "application/javascript")
_ALSO_TEXT: Final = "application/x-www-form-urlencoded"
_NAME: Final = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
# Control characters but for the tab (RFC 9110, 5.5).
_NOT_IN_HEADERS: Final = r"[\0-\x08\n-\x1f\x7f]"
_STATUSES: Final = range(200, 600)
_DIGITS: Final = 3
# How an answer is framed is for those to say who send it.
_FRAMING: Final = frozenset(
    {"content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "trailer"}
)


@value
class Said:
    """What a function answered, as HTTP."""

    status: int
    headers: Headers
    body: bytes


class NotAnAnswerError(Exception):
    """What a function returned cannot be told as HTTP; the text says why."""


def event_of(call: Call, body: bytes, *, at_seconds: float) -> dict[str, Any]:
    """Return the event for a request, of which everything is ours but what the request itself says."""
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, text in call.headers:
        if name == "cookie":
            cookies += [part.strip() for part in text.split(";") if part.strip()]
        else:
            headers[name] = f"{headers[name]},{text}" if name in headers else text
    query: dict[str, str] = {}
    for name, text in parse_qsl(call.query, keep_blank_values=True):
        query[name] = f"{query[name]},{text}" if name in query else text
    path = call.path or "/"
    sender = call.sender
    if sender.host:
        headers["host"] = sender.host
    if body:
        headers["content-length"] = str(len(body))
    name = urlsplit(f"//{sender.host}").hostname or ""
    moment = time.gmtime(at_seconds)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": call.query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "cloudmap-discovery",
            "domainName": name,
            "domainPrefix": name.partition(".")[0],
            "http": {
                "method": call.method,
                "path": path,
                "protocol": sender.protocol,
                "sourceIp": sender.address,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": sender.request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", moment),
            "timeEpoch": int(at_seconds * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if query:
        event["queryStringParameters"] = query
    if body:
        readable = _text_of(body, headers.get("content-type", ""))
        event["isBase64Encoded"] = readable is None
        event["body"] = base64.b64encode(body).decode() if readable is None else readable
    return event


def said_by(payload: bytes) -> Said:
    """Return what a function's result says, its `statusCode` or, without one, 200 with the result as it is.

    Raises a `NotAnAnswerError`.
    """
    try:
        result = json.loads(payload) if payload else None
    except (ValueError, RecursionError) as error:
        raise NotAnAnswerError("it returned something that is no JSON") from error
    if not isinstance(result, dict) or "statusCode" not in result:
        body = result.encode("utf-8", "surrogatepass") if isinstance(result, str) else payload
        return Said(200, (("content-type", "application/json"),), body)
    status = result["statusCode"]
    if isinstance(status, str) and status.isdecimal() and len(status) == _DIGITS:
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or status not in _STATUSES:
        raise NotAnAnswerError(f"its statusCode is {_shown(result['statusCode'])}, not one from 200 to 599")
    return Said(status, tuple(_headers_of(result)), _body_of(result))


def _headers_of(result: dict[str, Any]) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    given = result.get("headers") or {}
    several = result.get("multiValueHeaders") or {}
    cookies = result.get("cookies") or []
    if not (isinstance(given, dict) and isinstance(several, dict) and isinstance(cookies, list)):
        raise NotAnAnswerError("its headers are no object, or its cookies no list")
    for name, texts in several.items():
        if not isinstance(texts, list):
            raise NotAnAnswerError("its multiValueHeaders are not lists")
        headers += [(name.lower(), _header_text(text)) for text in texts]
    named = {name for name, _ in headers}
    headers += [
        (name.lower(), _header_text(text)) for name, text in given.items() if name.lower() not in named
    ]
    headers += [("set-cookie", _header_text(cookie)) for cookie in cookies]
    for name, text in headers:
        if not name or not _NAME.issuperset(name) or re.search(_NOT_IN_HEADERS, text):
            raise NotAnAnswerError(f"its header {_shown(name)} is none that HTTP has")
    if "content-type" not in {name for name, _ in headers}:
        headers.append(("content-type", "application/json"))
    return [(name, text) for name, text in headers if name not in _FRAMING]


def _body_of(result: dict[str, Any]) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        return json.dumps(body).encode()
    if not result.get("isBase64Encoded"):
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotAnAnswerError("its body is said to be base64, and is not") from error


def _header_text(text: Any) -> str:
    if isinstance(text, bool):
        return "true" if text else "false"
    told = "" if text is None else str(text).strip()
    try:
        return told.encode().decode("latin-1")  # what is beyond ASCII goes as UTF-8
    except UnicodeEncodeError as error:
        raise NotAnAnswerError("its headers have characters that no text has") from error


def _text_of(body: bytes, content_type: str) -> str | None:
    kind = content_type.partition(";")[0].strip().lower()
    if not (kind.startswith(_TEXT) or kind == _ALSO_TEXT or kind.endswith(("+json", "+xml")) or not kind):
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _shown(given: Any) -> str:
    return repr(given)[:100]
