"""The wire of the router: bodies as they come, on connections that are kept for as long as they are of use."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpcore2

from cloudmap_discovery.calls.errors import (
    AddressRefusedError,
    BadReplyError,
    NoReplyError,
    UnreachableError,
)
from cloudmap_discovery.calls.messages import IDEMPOTENT, Incoming
from cloudmap_discovery.server.guarded_backend import CONNECT_SECONDS, GuardedBackend, RefusedError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator

    from cloudmap_discovery.calls.errors import InvocationError
    from cloudmap_discovery.calls.messages import Outgoing
    from cloudmap_discovery.clock import Clock, Instant
    from cloudmap_discovery.server.addresses import Guard

_IDLE_SECONDS: Final = 20.0
# To one origin; what is more waits for its turn. httpcore looks at each of them for each request.
_CONNECTIONS: Final = 100
_STATUSES: Final = range(200, 600)
_PORTS: Final = {"http": 80, "https": 443}


class StreamingWire:
    """Sends requests over HTTP/1.1, on the event loop that it is used on: a hundred to one place at once, others wait.

    Connections to an origin that nobody asked for 20 seconds, on either clock, are not used again: they are dead if the
    sandbox was frozen meanwhile. `silent_seconds` is how long a service may be silent in the midst of its answer.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        tls: Callable[[], ssl.SSLContext],
        clock: Clock,
        silent_seconds: float,
        backend: httpcore2.AsyncNetworkBackend | None = None,
    ) -> None:
        self._backend = backend or GuardedBackend(guard)
        self._tls = tls
        self._clock = clock
        self._silent_seconds = silent_seconds
        self._origins: dict[tuple[str, str], _Origin] = {}
        self._left: list[httpcore2.AsyncConnectionPool] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def send(self, request: Outgoing, *, timeout_seconds: float) -> Incoming:
        """Send a request; see `Wire`. The time for the answer begins anew with each part of a body that is sent."""
        pool = self._pool_for(request)
        with _translated(_before(request.url, timeout_seconds)):
            async with asyncio.timeout(timeout_seconds) as limit:
                response = await self._answered(pool, request, timeout_seconds, limit)
        headers = tuple(
            (name.decode("latin-1").lower(), text.decode("latin-1")) for name, text in response.headers
        )
        if response.status not in _STATUSES:
            await response.aclose()
            raise BadReplyError("", request.url, f"its status is {response.status}", was_sent=True)
        return Incoming(response.status, headers, self._chunks(request.url, response), response.aclose)

    async def aclose(self) -> None:
        """Close every connection."""
        pools = [*(origin.pool for origin in self._origins.values()), *self._left]
        self._origins, self._left = {}, []
        if self._loop is asyncio.get_running_loop():
            for pool in pools:
                await pool.aclose()
            await asyncio.gather(*self._closing)

    async def _answered(
        self, pool: httpcore2.AsyncConnectionPool, request: Outgoing, seconds: float, limit: asyncio.Timeout
    ) -> httpcore2.Response:
        may_again = request.method in IDEMPOTENT and isinstance(request.body, bytes)
        try:
            return await pool.handle_async_request(self._wire_request(request, seconds, limit))
        except (httpcore2.ReadError, httpcore2.WriteError, httpcore2.RemoteProtocolError) as error:
            if not may_again or not _is_dead_connection(error):
                raise
            return await pool.handle_async_request(self._wire_request(request, seconds, limit))

    async def _chunks(self, url: str, response: httpcore2.Response) -> AsyncIterator[bytes]:
        stream: Any = response.stream
        with _translated(_amid(url, self._silent_seconds)):
            async for chunk in stream:
                yield chunk

    def _wire_request(self, request: Outgoing, seconds: float, limit: asyncio.Timeout) -> httpcore2.Request:
        parts = urlsplit(request.url)
        host = parts.netloc.encode()
        target = f"{parts.path or '/'}{'?' * bool(parts.query)}{parts.query}".encode("ascii")
        headers = [(b"host", host)]
        headers += [
            (name.encode("ascii"), text.encode("latin-1"))
            for name, text in request.headers
            if name not in {"host", "content-length", "transfer-encoding"}
        ]
        framing = _framing(request)
        if framing is not None:
            headers.append(framing)
        limits = {
            "connect": min(seconds, CONNECT_SECONDS),
            "read": self._silent_seconds,
            "write": self._silent_seconds,
            "pool": seconds,
        }
        body = request.body if isinstance(request.body, bytes) else _renewing(request.body, limit, seconds)
        return httpcore2.Request(
            request.method.encode("ascii"),
            httpcore2.URL(
                scheme=parts.scheme.encode(),
                host=(parts.hostname or "").encode(),
                port=parts.port or _PORTS[parts.scheme],
                target=target,
            ),
            headers=headers,
            content=body or None,
            extensions={"timeout": limits},
        )

    def _pool_for(self, request: Outgoing) -> httpcore2.AsyncConnectionPool:
        """Return the connections to the origin for the group: their own, so that what hangs holds up no other."""
        now, loop = self._clock.now(), asyncio.get_running_loop()
        if self._loop is not loop:
            self._origins, self._left, self._loop = {}, [], loop
        parts = urlsplit(request.url)
        name = (f"{parts.scheme}://{parts.netloc}", request.group)
        origin = self._origins.get(name)
        if origin is None or not 0 <= now.seconds_since(origin.used) <= _IDLE_SECONDS:
            self._leave_idle(now)
            pool = httpcore2.AsyncConnectionPool(
                ssl_context=self._tls(),
                max_connections=_CONNECTIONS,
                max_keepalive_connections=_CONNECTIONS,
                keepalive_expiry=_IDLE_SECONDS,
                network_backend=self._backend,
            )
            origin = self._origins[name] = _Origin(pool, now)
        origin.used = now
        return origin.pool

    def _leave_idle(self, now: Instant) -> None:
        """Close the connections to origins that nobody asks any more, where something is under way once that has ended."""
        idle = [
            name
            for name, origin in self._origins.items()
            if not 0 <= now.seconds_since(origin.used) <= _IDLE_SECONDS
        ]
        for name in idle:
            self._left.append(self._origins.pop(name).pool)
        left, self._left = self._left, []
        for pool in left:
            if all(connection.is_idle() or connection.is_closed() for connection in pool.connections):
                task = asyncio.get_running_loop().create_task(pool.aclose())
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
            else:
                self._left.append(pool)


class _Origin:
    """The connections to one origin, and when they were last asked for."""

    __slots__ = ("pool", "used")

    def __init__(self, pool: httpcore2.AsyncConnectionPool, used: Instant) -> None:
        self.pool = pool
        self.used = used


async def _renewing(
    body: AsyncIterable[bytes], limit: asyncio.Timeout, seconds: float
) -> AsyncIterator[bytes]:
    """Return the body, each part of which renews the time that the answer has."""
    loop = asyncio.get_running_loop()
    async for chunk in body:
        yield chunk
        limit.reschedule(loop.time() + seconds)


def _framing(request: Outgoing) -> tuple[bytes, bytes] | None:
    if isinstance(request.body, bytes):
        if request.body or request.method in {"POST", "PUT", "PATCH"}:
            return (b"content-length", str(len(request.body)).encode())
        return None
    length = next((text for name, text in request.headers if name == "content-length"), None)
    if length is not None:
        return (b"content-length", length.encode("ascii"))
    return (b"transfer-encoding", b"chunked")


def _is_dead_connection(error: Exception) -> bool:
    return not isinstance(error, httpcore2.RemoteProtocolError) or "without sending" in str(error)


@contextmanager
def _translated(meaning: Callable[[Exception], InvocationError | None]) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        meant = meaning(error)
        if meant is None:
            raise
        raise meant from error


def _before(url: str, seconds: float) -> Callable[[Exception], InvocationError | None]:
    """Return what says what an error means before any answer, or None for one that is a bug, or the caller's."""

    def meaning(error: Exception) -> InvocationError | None:
        reason = str(error) or type(error).__name__
        is_silent_end = "without sending" in reason
        match error:
            case RefusedError():
                meant: InvocationError | None = AddressRefusedError("", url, reason)
            case httpcore2.ConnectError() | httpcore2.ConnectTimeout():
                meant = UnreachableError("", url, f"no connection: {reason}")
            case httpcore2.PoolTimeout():
                meant = NoReplyError("", url, f"every connection to it was taken for {seconds:.3g} s")
            case TimeoutError() | httpcore2.ReadTimeout() | httpcore2.WriteTimeout():
                meant = NoReplyError("", url, f"no answer within {seconds:.3g} s", was_sent=True)
            case httpcore2.RemoteProtocolError() if not is_silent_end:
                told = f"it answered something else than HTTP: {reason}"
                meant = BadReplyError("", url, told, was_sent=True)
            case httpcore2.NetworkError() | httpcore2.RemoteProtocolError():
                meant = UnreachableError("", url, f"the connection broke: {reason}", was_sent=True)
            case httpcore2.LocalProtocolError():
                meant = BadReplyError("", url, f"the request cannot be sent: {reason}")
            case _:
                meant = None
        return meant

    return meaning


def _amid(url: str, seconds: float) -> Callable[[Exception], InvocationError | None]:
    """Return what says what an error means amid an answer."""

    def meaning(error: Exception) -> InvocationError | None:
        match error:
            case httpcore2.TimeoutException():
                return BadReplyError(
                    "", url, f"nothing came for {seconds:.3g} s amid the answer", was_sent=True
                )
            case httpcore2.NetworkError() | httpcore2.RemoteProtocolError():
                return BadReplyError("", url, f"the answer broke off: {error}", was_sent=True)
            case _:
                return None

    return meaning
