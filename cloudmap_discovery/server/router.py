"""The router: looks the service up that a path names, passes the request on to it, and its answer back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match

from cloudmap_discovery.calls.calling import Spent, Where
from cloudmap_discovery.calls.errors import NoReplyError
from cloudmap_discovery.calls.messages import Call, Sender
from cloudmap_discovery.errors import DiscoveryError, InvalidValueError
from cloudmap_discovery.events import LOGGER
from cloudmap_discovery.server.client_watch import ClientWatch
from cloudmap_discovery.server.passed_headers import (
    MAX_HEADER_BYTES,
    MAX_PASSES,
    Front,
    passes,
    request_headers,
    server_timing,
)
from cloudmap_discovery.server.passing_back import PassedBack
from cloudmap_discovery.server.paths import MAX_TARGET_CHARACTERS, read_path, read_query
from cloudmap_discovery.server.problems import problem
from cloudmap_discovery.server.router_problems import problem_of_call
from cloudmap_discovery.server.site import RESERVED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp, Receive, Scope, Send

    from cloudmap_discovery.calls.calling import Called, Calling
    from cloudmap_discovery.calls.messages import Headers
    from cloudmap_discovery.server.paths import Routed
    from cloudmap_discovery.server.site import Site

PUBLIC: Final = "public"
"""The attribute that lets a record be routed to: `true` or, as without it, not."""

# So much of a body is read before it is sent, so that it can be sent again.
_REPLAYABLE_BYTES: Final = 256 * 1024
# What is left of a function's time for its answer.
_RESERVE_SECONDS: Final = 0.5
_MAX_STICKY_CHARACTERS: Final = 1024


def routes(site: Site, calling: Calling) -> list[BaseRoute]:
    """Return the routes: every path that is nobody else's."""
    return [_Everything(Router(site, calling))]


class _Everything(BaseRoute):
    """Matches every path, whatever is in it, that no route before it has, for whatever methods."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match requests over HTTP, in part: of such matches the first one counts, which says 405 of a path of its own."""
        return (Match.PARTIAL if scope["type"] == "http" else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._app(scope, receive, send)


class Router:
    """Passes requests on to services that say `public=true`, for whoever asks, and signs only for those who are trusted."""

    def __init__(self, site: Site, calling: Calling) -> None:
        self._site = site
        self._calling = calling
        settings = site.settings
        self._stage_header = settings.stage_header
        kind, _, name = (settings.sticky or "").partition(":")
        self._sticky = (kind, name)
        self._seconds = settings.router_timeout
        # What decides who answers, beside the URL: so that no cache gives one client the answer of another's stage.
        deciding = (settings.stage_header, "cookie" if kind == "cookie" else name)
        self._vary = ", ".join(each for each in deciding if each)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        client = ClientWatch(request)
        try:
            await self._answer(request, client, send)
        except ClientDisconnect:
            return  # nobody is there to be told anything
        finally:
            client.end()

    async def _answer(self, request: Request, client: ClientWatch, send: Send) -> None:
        spent = Spent()
        outcome = await self._called(request, client, spent)
        timing = ("server-timing", server_timing(spent.lookup_seconds, spent.upstream_seconds))
        if isinstance(outcome, Response):
            if spent.lookup_seconds:
                outcome.headers.append(*timing)
            await outcome(request.scope, request.receive, send)
            return
        ours = (timing, ("vary", self._vary)) if self._vary else (timing,)
        passing = PassedBack(outcome, request, client, ours, seconds=self._time_for(request))
        await passing.answer(request.receive, send)

    async def _called(self, request: Request, client: ClientWatch, spent: Spent) -> Called | Response:
        """Return what the service answers, or what is wrong."""
        headers = _headers_of(request)
        try:
            wrong = _wrong_with(request, headers)
            if wrong is not None:
                return wrong
            routed = read_path(_raw_path(request))
            where = self._where(request, routed)
            trusted = self._site.trusts(request)
            async with asyncio.timeout(self._time_for(request)):
                call = await self._call(request, routed, headers, client)
        except InvalidValueError as error:
            return problem(400, "invalid-value", "A value is wrong", str(error), field=error.field)
        except TimeoutError:
            return _too_slow()
        calling = asyncio.get_running_loop().create_task(
            self._calling.call(
                where, call, timeout_seconds=self._time_for(request), may_sign=trusted, spent=spent
            )
        )
        try:
            await _first(calling, client.gone())
            if not calling.done():
                raise ClientDisconnect
            return calling.result()
        except DiscoveryError as error:
            if isinstance(error, NoReplyError) and client.is_awaited:
                return _too_slow()  # no service answers what it does not have
            LOGGER.warning("the router could not serve %s %r: %s", request.method, routed.service, error)
            return problem_of_call(error, where, trusted=trusted)
        finally:
            if not calling.done():
                calling.cancel()
                await asyncio.gather(calling, return_exceptions=True)  # until its connection is closed

    def _where(self, request: Request, routed: Routed) -> Where:
        if routed.stage is None and routed.service in RESERVED:
            raise InvalidValueError(
                "path",
                routed.service,
                f"is a path of the server itself; the service of that name is at /<stage>:{routed.service}/",
            )
        stage = routed.stage
        if stage is None and self._stage_header is not None:
            stage = request.headers.get(self._stage_header) or None
        return Where(routed.service, stage, where={PUBLIC: "true"}, sticky=self._sticky_key(request))

    def _sticky_key(self, request: Request) -> str | None:
        match self._sticky:
            case ("header", name):
                key = request.headers.get(name)
            case ("cookie", name):
                key = request.cookies.get(name)
            case _:
                key = None
        return key[:_MAX_STICKY_CHARACTERS] if key else None

    async def _call(self, request: Request, routed: Routed, headers: Headers, client: ClientWatch) -> Call:
        """Return the call, whose body is read already unless it is large or nobody knows how large."""
        scope = request.scope
        peer = scope.get("client") or ("", 0)
        front = Front(peer[0] or "", request.headers.get("host", ""), scope.get("scheme", "http"))
        passed = request_headers(headers, front, now_seconds=self._site.clock.wall())
        named = dict(headers)
        body: bytes | AsyncIterator[bytes] = b""
        length = named.get("content-length")
        # What came with an event is all there, with or without a length.
        if "aws.event" in scope or (length is not None and int(length) <= _REPLAYABLE_BYTES):
            body = await request.body()
        elif length is not None or "transfer-encoding" in named:
            body = client.body()
            if length is not None:
                passed = (*passed, ("content-length", length))
        if isinstance(body, bytes):
            client.body_read.set()
        sender = Sender(
            front.address,
            f"HTTP/{scope.get('http_version', '1.1')}",
            _usable(front.host),
            _request_id(scope),
        )
        query = read_query(scope.get("query_string", b""))
        return Call(request.method, routed.path, query, passed, body, sender=sender)

    def _time_for(self, request: Request) -> float:
        context = request.scope.get("aws.context")
        if context is None:
            return self._seconds
        left: float = context.get_remaining_time_in_millis() / 1000 - _RESERVE_SECONDS
        return max(min(self._seconds, left), 0.05)


async def _first(*futures: asyncio.Future[Any]) -> None:
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)


def _too_slow() -> Response:
    return problem(408, "body-too-slow", "The request takes too long", "its body did not come in time")


def _usable(host: str) -> str:
    """Return a Host as it is, or nothing where it is none, since clients send it at will."""
    try:
        return host if urlsplit(f"//{host}").hostname else ""
    except ValueError:
        return ""


def _headers_of(request: Request) -> Headers:
    return tuple(
        (name.decode("latin-1").lower(), text.decode("latin-1")) for name, text in request.scope["headers"]
    )


def _raw_path(request: Request) -> str:
    raw: bytes | None = request.scope.get("raw_path")
    if raw is None:
        from urllib.parse import quote  # noqa: PLC0415 -- servers give the raw one

        return quote(request.scope["path"])
    return raw.partition(b"?")[0].decode("latin-1")


def _wrong_with(request: Request, headers: Headers) -> Response | None:
    size = sum(len(name) + len(text) for name, text in headers)
    if size > MAX_HEADER_BYTES:
        detail = f"the headers have {size} bytes; at most {MAX_HEADER_BYTES} are passed on"
        return problem(431, "headers-too-large", "The headers are too large", detail)
    length = len(_raw_path(request)) + len(request.scope.get("query_string", b""))
    if length > MAX_TARGET_CHARACTERS:
        detail = f"path and query have {length} characters; at most {MAX_TARGET_CHARACTERS} are passed on"
        return problem(414, "path-too-long", "The path is too long", detail)
    named = {name for name, _ in headers}
    if request.method == "CONNECT":
        return problem(405, "wrong-method", "Not with this method", "the router is no tunnel")
    if {"content-length", "transfer-encoding"} <= named:
        detail = "it has both Content-Length and Transfer-Encoding, which servers read differently"
        return problem(400, "invalid-framing", "The body has two lengths", detail)
    if passes(headers) >= MAX_PASSES:
        detail = (
            "the request has come through a router again and again: a service's address is the router's own"
        )
        return problem(508, "loop", "The request goes round in circles", detail)
    return None


def _request_id(scope: Scope) -> str:
    told = scope.get("aws.event", {}).get("requestContext", {}).get("requestId")
    return str(told) if told else str(uuid4())
