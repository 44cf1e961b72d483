"""The wire of the router: bodies as they come, on connections whose addresses are checked as they are made."""

from __future__ import annotations

import asyncio
import select
import socket
from contextlib import contextmanager
from ipaddress import ip_address
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
from cloudmap_discovery.io_thread import DaemonPool

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator

    from cloudmap_discovery.calls.errors import InvocationError
    from cloudmap_discovery.calls.messages import Outgoing
    from cloudmap_discovery.clock import Clock, Instant
    from cloudmap_discovery.server.addresses import Guard

_CONNECT_SECONDS: Final = 3.0
_IDLE_SECONDS: Final = 20.0
# To one origin; what is more waits for its turn. httpcore looks at each of them for each request.
_CONNECTIONS: Final = 100
_LOOKUP_THREADS: Final = 16
_STATUSES: Final = range(200, 600)
_PORTS: Final = {"http": 80, "https": 443}


class RefusedError(Exception):
    """Every address of a host is one that is not connected to; the text says why."""


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Resolves names itself, checks every address, and connects to the very addresses that were checked."""

    def __init__(
        self, guard: Guard, *, backend: httpcore2.AsyncNetworkBackend | None = None, resolve: Any = None
    ) -> None:
        self._guard = guard
        self._backend = backend or httpcore2.AnyIOBackend()
        self._resolve = resolve or self._found
        self._threads = DaemonPool(_LOOKUP_THREADS)
        self._lookups: dict[tuple[str, int], asyncio.Future[Any]] = {}

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address of the host that is allowed and accepts."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + (_CONNECT_SECONDS if timeout is None else timeout)
        addresses = await self._addresses(host, port, ends - loop.time())
        refused = [(address, self._guard.refusal(address, port)) for address in addresses]
        allowed = [address for address, reason in refused if reason is None]
        if not allowed:
            reasons = "; ".join(dict.fromkeys(reason for _, reason in refused if reason))
            raise RefusedError(f"{host} is not connected to: {reasons}")
        for number, address in enumerate(allowed, 1):
            left = max(ends - loop.time(), 0.001)
            share = (
                left if number == len(allowed) else left / 2
            )  # one that is dead leaves time for the others
            try:
                stream = await self._backend.connect_tcp(
                    address, port, timeout=share, local_address=local_address, socket_options=socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if number == len(allowed):
                    raise
            else:
                return _Stream(stream)
        raise httpcore2.ConnectError(f"{host} has no address")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str, port: int, seconds: float) -> list[str]:
        if _is_address(host):
            return [host]
        try:
            async with asyncio.timeout(seconds):
                found = await asyncio.shield(self._lookup(host, port))
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"looking up {host} took too long") from error
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise httpcore2.ConnectError(f"looking up {host}: {reason}") from error
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    def _lookup(self, host: str, port: int) -> asyncio.Future[Any]:
        """Return the lookup of the name that is under way, for all who want it, or one that begins."""
        loop = asyncio.get_running_loop()
        under_way = self._lookups.get((host, port))
        if under_way is None or under_way.done() or under_way.get_loop() is not loop:
            under_way = asyncio.ensure_future(self._resolve(host, port))
            under_way.add_done_callback(lambda _: self._lookups.pop((host, port), None))
            under_way.add_done_callback(_heard)
            self._lookups[host, port] = under_way
        return under_way

    async def _found(self, host: str, port: int) -> Any:
        # On threads of its own: one that hangs cannot be ended, and is not to hold up what else the loop's threads do.
        return await asyncio.wrap_future(
            self._threads.submit(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        )


def _heard(lookup: asyncio.Future[Any]) -> None:
    """Take note of an error that nobody waits for any more."""
    if not lookup.cancelled():
        lookup.exception()


class _Stream(httpcore2.AsyncNetworkStream):
    """A connection that knows its socket: httpcore asks each idle one, for each request, whether it was closed meanwhile."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream
        self._socket = stream.get_extra_info("socket")
        self.read = stream.read  # type: ignore[method-assign]  # the very methods: a call less each
        self.write = stream.write  # type: ignore[method-assign]  # the same
        self.aclose = stream.aclose  # type: ignore[method-assign]  # the same

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's signature
    ) -> httpcore2.AsyncNetworkStream:
        """Begin TLS."""
        return _Stream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """Return what the stream knows."""
        if info == "is_readable" and self._socket is not None:
            return _is_readable(self._socket.fileno())
        return self._stream.get_extra_info(info)


def _is_readable(number: int) -> bool:
    if number < 0:
        return True  # it is closed
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(0))


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
            "connect": min(seconds, _CONNECT_SECONDS),
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


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


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
