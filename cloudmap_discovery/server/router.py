"""The router: looks the service up that a path names, passes the request on to it, and its answer back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request
from starlette.routing import BaseRoute, Match

from cloudmap_discovery.calls.calling import MAX_PAYLOAD_BYTES, Where
from cloudmap_discovery.calls.errors import InvocationError
from cloudmap_discovery.calls.messages import Call, Sender
from cloudmap_discovery.errors import DiscoveryError, InvalidValueError
from cloudmap_discovery.events import LOGGER
from cloudmap_discovery.server.passed_headers import (
    MAX_HEADER_BYTES,
    MAX_PASSES,
    Front,
    passes,
    reply_headers,
    request_headers,
)
from cloudmap_discovery.server.paths import MAX_TARGET_CHARACTERS, read_path
from cloudmap_discovery.server.problems import problem
from cloudmap_discovery.server.router_problems import problem_of_call
from cloudmap_discovery.server.site import RESERVED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.responses import Response
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
    """Matches every path, whatever is in it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match requests over HTTP."""
        return (Match.FULL if scope["type"] == "http" else Match.NONE), {}

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
        self._monotonic = site.clock.monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            outcome = await self._called(request)
        except ClientDisconnect:
            return  # nobody is there to be told anything
        if not hasattr(outcome, "incoming"):
            await outcome(scope, receive, send)
            return
        await self._passed_back(outcome, request, scope, receive, send)

    async def _called(self, request: Request) -> Any:
        """Return what the service answers, or what is wrong."""
        headers = _headers_of(request)
        try:
            wrong = _wrong_with(request, headers)
            if wrong is not None:
                return wrong
            routed = read_path(_raw_path(request))
            where = self._where(request, routed)
            call = await self._call(request, routed, headers)
            trusted = self._site.trusts(request)
        except InvalidValueError as error:
            return problem(400, "invalid-value", "A value is wrong", str(error), field=error.field)
        calling = asyncio.ensure_future(
            self._calling.call(where, call, timeout_seconds=self._time_for(request), may_sign=trusted)
        )
        try:
            await self._until_done(request, call, calling)
            return calling.result()
        except DiscoveryError as error:
            LOGGER.warning("the router could not serve %s %s: %s", request.method, routed.service, error)
            return problem_of_call(error, routed, trusted=trusted)
        finally:
            calling.cancel()

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

    async def _call(self, request: Request, routed: Routed, headers: Headers) -> Call:
        scope = request.scope
        client = scope.get("client") or ("", 0)
        front = Front(client[0] or "", request.headers.get("host", ""), scope.get("scheme", "http"))
        passed = request_headers(headers, front, now_seconds=self._site.clock.wall())
        named = dict(headers)
        body: bytes | AsyncIterator[bytes] = b""
        if "content-length" in named and int(named["content-length"]) <= _REPLAYABLE_BYTES:
            body = await request.body()
        elif "content-length" in named or "transfer-encoding" in named or _is_whole(scope):
            body = request.stream() if not _is_whole(scope) else await request.body()
            if "content-length" in named:
                passed = (*passed, ("content-length", named["content-length"]))
        return Call(
            request.method,
            routed.path,
            scope.get("query_string", b"").decode("latin-1"),
            passed,
            body,
            sender=Sender(
                front.address,
                f"HTTP/{scope.get('http_version', '1.1')}",
                front.host.partition(":")[0],
                _request_id(scope),
            ),
        )

    def _time_for(self, request: Request) -> float:
        context = request.scope.get("aws.context")
        if context is None:
            return self._seconds
        left: float = context.get_remaining_time_in_millis() / 1000 - _RESERVE_SECONDS
        return max(min(self._seconds, left), 0.05)

    @staticmethod
    async def _until_done(request: Request, call: Call, calling: asyncio.Future[Called]) -> None:
        """Wait for the call, or until the client has gone, which ends it."""
        if not isinstance(call.body, bytes):
            await asyncio.wait({calling})  # who reads the body learns of that himself
            return
        gone: asyncio.Future[Any] = asyncio.ensure_future(_disconnected(request))
        both: set[asyncio.Future[Any]] = {calling, gone}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not calling.done():
                raise ClientDisconnect
        finally:
            gone.cancel()

    async def _passed_back(
        self, called: Called, request: Request, scope: Scope, receive: Receive, send: Send
    ) -> None:
        incoming = called.incoming
        headers = reply_headers(incoming.headers)
        timing = f"lookup;dur={called.lookup_seconds * 1000:.1f}, upstream;dur={called.upstream_seconds * 1000:.1f}"
        headers.append(("server-timing", timing))
        try:
            if "aws.event" in scope:
                # It is buffered in any case, and what breaks off amid it can still be said.
                body, wrong = await self._whole(called, request)
                if wrong is not None:
                    await wrong(scope, receive, send)
                    return
                await send(_start(incoming.status, headers))
                await send({"type": "http.response.body", "body": body})
                return
            await send(_start(incoming.status, headers))
            async for chunk in incoming.chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except InvocationError as error:
            # Whoever serves ends the connection without the answer's last chunk: so the client sees that it is not whole.
            LOGGER.warning("an answer of %r broke off: %s", called.instance.service, error.reason)
        finally:
            await incoming.aclose()

    async def _whole(self, called: Called, request: Request) -> tuple[bytes, Response | None]:
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._time_for(request)):
                async for chunk in called.incoming.chunks:
                    size += len(chunk)
                    if size > MAX_PAYLOAD_BYTES:
                        return b"", problem(
                            502,
                            "response-too-large",
                            "The answer is larger than Lambda passes on",
                            f"it has more than {MAX_PAYLOAD_BYTES} bytes; a router that is no Lambda function streams it",
                        )
                    chunks.append(chunk)
        except TimeoutError:
            return b"", problem(504, "no-reply", "The service's answer did not end in time", "it broke off")
        except InvocationError as error:
            LOGGER.warning("an answer of %r broke off: %s", called.instance.service, error.reason)
            return b"", problem(502, "bad-reply", "The service's answer broke off", "what came was not whole")
        return b"".join(chunks), None


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass  # the end of a body that nobody sends


def _start(status: int, headers: list[tuple[str, str]]) -> dict[str, Any]:
    raw = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in headers]
    return {"type": "http.response.start", "status": status, "headers": raw}


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
    if passes(headers) >= MAX_PASSES:
        detail = (
            "the request has come through a router again and again: a service's address is the router's own"
        )
        return problem(508, "loop", "The request goes round in circles", detail)
    return None


def _is_whole(scope: Scope) -> bool:
    """Return whether the body came with the event, as a function has it, with or without a length."""
    return "aws.event" in scope


def _request_id(scope: Scope) -> str:
    told = scope.get("aws.event", {}).get("requestContext", {}).get("requestId")
    return str(told) if told else str(uuid4())
