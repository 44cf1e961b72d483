"""What `invoke` takes, as a call, and what it gives back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlencode

from cloudmap_discovery.calls.errors import BadReplyError
from cloudmap_discovery.calls.messages import Call, Reply, Sender
from cloudmap_discovery.errors import InvalidValueError

if TYPE_CHECKING:
    from cloudmap_discovery.calls.calling import Calling, Where

_MAX_SECONDS: Final = 900.0
_MAX_BODY_BYTES: Final = 16 * 1024 * 1024
_IN_PATH: Final = "/%-_.~!$&'()*+,;=:@"
_JSON: Final = "application/json"
# What the router refuses as well.
_NOT_IN_PATH: Final = r"[\0-\x1f\x7f]|(?:^|[/\\])\.\.?(?:[/\\;]|$)"
_OF_THE_WIRE: Final = frozenset({"host", "content-length", "transfer-encoding", "connection"})


def call_of(
    payload: Any,
    *,
    method: str | None,
    path: str | None,
    query: Mapping[str, str | Sequence[str]] | str | None,
    headers: Mapping[str, str] | None,
) -> Call:
    """Return the call; raises an `InvalidValueError` for what cannot be sent.

    With a method, path, query or headers, a function gets it as a request; without, the payload as its event.
    """
    is_event = method is None and path is None and query is None and headers is None
    named = {_name(name): _text(name, text) for name, text in _mapping("headers", headers).items()}
    body, kind = _body(payload, is_event=is_event)
    if kind and "content-type" not in named:
        named["content-type"] = kind
    usual = "GET" if payload is None else "POST"
    chosen = (_is_text("method", "" if method is None else method) or usual).upper()
    if not chosen.isascii() or not chosen.isalpha():
        raise InvalidValueError("method", method, "must be a method of HTTP, such as GET")
    return Call(
        chosen,
        _path("" if path is None else path),
        _query(query),
        tuple(named.items()),
        body,
        is_event=is_event,
        sender=Sender(request_id=_request_id()),
    )


async def invoked(calling: Calling, where: Where, call: Call, timeout_seconds: float) -> Reply:
    """Call, and return the whole answer."""
    given: Any = timeout_seconds
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= _MAX_SECONDS:
        raise InvalidValueError("timeout_seconds", timeout_seconds, "must be above 0 and at most 900")
    called = await calling.call(where, call, timeout_seconds=timeout_seconds, may_sign=True)
    body = await called.incoming.whole(_MAX_BODY_BYTES)
    if body is None:
        reason = f"the answer is larger than {_MAX_BODY_BYTES} bytes"
        raise BadReplyError(where.service, called.instance.endpoint, reason, was_sent=True)
    headers: dict[str, str] = {}
    for name, text in called.incoming.headers:
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return Reply(called.incoming.status, headers, body, called.instance)


def _body(payload: Any, *, is_event: bool) -> tuple[bytes, str]:
    if payload is None:
        return b"", ""
    if isinstance(payload, bytes | bytearray):
        return bytes(payload), _JSON if is_event else ""
    try:
        return json.dumps(payload, separators=(",", ":"), allow_nan=False).encode(), _JSON
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidValueError("payload", payload, f"must be bytes, or JSON can say it: {error}") from error


def _path(path: str) -> str:
    path = _is_text("path", path)
    if path and not path.startswith("/"):
        raise InvalidValueError("path", path, "must begin with a slash")
    if not path.isprintable() or re.search(_NOT_IN_PATH, unquote(path)):
        raise InvalidValueError("path", path, "must have neither . and .. as segments nor unprintable signs")
    return quote(path, safe=_IN_PATH)


def _query(query: Mapping[str, str | Sequence[str]] | str | None) -> str:
    if isinstance(query, str):
        return quote(_is_text("query", query).removeprefix("?"), safe=f"{_IN_PATH}?")
    named = _mapping("query", query)
    for name, given in named.items():
        _is_text("query", name)
        is_list = isinstance(given, Sequence) and not isinstance(given, str)
        for text in given if is_list else (given,):
            _is_text(f"query[{name!r}]", text)
    return urlencode(named, doseq=True)


def _mapping(field: str, given: Any) -> Mapping[str, Any]:
    if given is not None and not isinstance(given, Mapping):
        raise InvalidValueError(field, given, "must be a mapping of names to texts")
    return given or {}


def _name(name: str) -> str:
    from cloudmap_discovery.setting_text import header  # noqa: PLC0415 -- where headers are given

    try:
        lower = header(_is_text("headers", name))
    except ValueError as error:
        raise InvalidValueError("headers", name, "must be names of headers") from error
    if lower in _OF_THE_WIRE:
        raise InvalidValueError("headers", name, "is set by what sends it")
    return lower


def _text(name: str, text: str) -> str:
    text = _is_text(f"headers[{name!r}]", text)
    if not re.fullmatch(r"[^\0-\x08\n-\x1f\x7f\u0100-\U0010ffff]*", text):
        raise InvalidValueError(f"headers[{name!r}]", text, "must be one line of Latin-1 text")
    return text


def _is_text(field: str, text: Any) -> str:
    if not isinstance(text, str) or re.search(r"[\ud800-\udfff]", text):
        raise InvalidValueError(field, text, "must be text")
    return text


def _request_id() -> str:
    from uuid import uuid4  # noqa: PLC0415 -- only where something is called

    return str(uuid4())
