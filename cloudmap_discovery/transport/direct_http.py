"""Blocking HTTP/1.1 over the standard library, on connections that are kept alive and outstay no deadline."""

from __future__ import annotations

import math
import socket
import threading
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, IncompleteRead
from ssl import SSLCertVerificationError
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cloudmap_discovery.errors import without_frames
from cloudmap_discovery.transport.direct_pool import Pool, Route
from cloudmap_discovery.transport.direct_proxies import Proxies
from cloudmap_discovery.transport.direct_tls import tls_context
from cloudmap_discovery.transport.direct_wire import Limits, Wire
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPResponse

    from cloudmap_discovery.clock import Clock, Instant
    from cloudmap_discovery.transport.direct_proxies import Proxy

_MAX_BODY_BYTES: Final = (
    16 * 1024 * 1024
)  # 1,000 instances with 5,000 characters each, thrice: escapes, and names

_PORTS: Final = {"http": 80, "https": 443}
_FIRST_FINAL_STATUS: Final = 200

# OpenSSL's numbers: self-signed, so in its chain, no issuer here, no signature that can be checked.
_UNKNOWN_ISSUER: Final = frozenset({18, 19, 20, 21})
_TRUST: Final = "; name the certificates to trust in AWS_CA_BUNDLE, if that is as it should be"

# After a fork these are the parent's; kept for ever, so that nothing finalizes them in the child.
_forgotten: Final[list[object]] = []


@value
class HttpAnswer:
    """One answer, whole: its status, its headers by lower-case names, its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ConnectFailedError(Exception):
    """There is no connection: not resolved, refused, reset, not secured, not let through; `reason` says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NoAnswerError(Exception):
    """Time was up, or the exchange was aborted; `detail` says what it was spent on."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class BrokenAnswerError(Exception):
    """What came is no whole answer; `status` is 0, and `body` empty, where not even these came."""

    def __init__(self, status: int, body: bytes, reason: str) -> None:
        super().__init__(status, body, reason)
        self.status = status
        self.body = body
        self.reason = reason


class DeadConnectionError(Exception):
    """A connection that had served before was dead before any byte of an answer came; a new one may do."""


class Exchange:
    """One request under way, which ends at `deadline` (a reading of the clock's monotonic side) or by `abort`."""

    def __init__(self, *, deadline: float, clock: Clock) -> None:
        self.doing = "waiting for its turn"
        self._deadline = deadline
        self._monotonic = clock.monotonic
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_aborted = False

    def abort(self) -> None:
        """End it, from any thread: the thread that waits for the answer gets a `NoAnswerError`."""
        with self._lock:
            self._is_aborted = True
            if self._socket is None:
                return
            with suppress(OSError):  # it is not connected yet, or not any more
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # below TLS, which its thread is using

    def seconds_left(self, at_most: float = math.inf) -> float:
        """Return how long the next wait may take; raises a `NoAnswerError` where the exchange is over."""
        left = self._deadline - self._monotonic()
        if self._is_aborted or left <= 0:
            raise self.no_answer()
        return min(left, at_most)

    def is_over(self) -> bool:
        """Return whether it was aborted, or its time is up."""
        return self._is_aborted or self._monotonic() >= self._deadline

    def no_answer(self) -> NoAnswerError:
        """Return what is to be said of an exchange that is over."""
        return NoAnswerError(f"{'given up while' if self._is_aborted else 'still'} {self.doing}")

    def hold(self, sock: socket.socket) -> None:
        """Let `abort` end this socket; raises a `NoAnswerError` where the exchange is over."""
        with self._lock:
            self._socket = sock
        self.seconds_left()

    def let_go(self) -> bool:
        """Keep `abort` away from the socket, which may be closed from now on; return whether it did not come yet."""
        with self._lock:
            self._socket = None
            return not self._is_aborted


class HttpConnections:
    """Connections by scheme, host, port and proxy, to be used from many threads.

    `environment` names the certificates to trust and the proxies. A connection that was idle for more than
    `idle_seconds`, on either clock, is closed unused: it is dead if the sandbox was frozen meanwhile. An address has
    `connect_seconds` to accept, and a server may be silent for `read_seconds`.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        clock: Clock,
        idle_seconds: float = 20.0,
        connect_seconds: float = 3.0,
        read_seconds: float = 10.0,
        max_body_bytes: int = _MAX_BODY_BYTES,
    ) -> None:
        self._environment = environment
        self._clock = clock
        self._idle_seconds = idle_seconds
        self._limits = Limits(connect_seconds, read_seconds, max_body_bytes)
        self._proxies = Proxies(environment)
        self._pool = Pool()

    def load(self) -> None:
        """Read the certificates that servers are checked with, which plain HTTP does not need; uses no network.

        Otherwise the first connection over TLS does it. Raises a `ConfigurationError` where the file that
        `AWS_CA_BUNDLE` or `REQUESTS_CA_BUNDLE` names has none.
        """
        self._proxies.load()
        tls_context(self._environment)

    def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, exchange: Exchange
    ) -> HttpAnswer:
        """Send a request and return the answer, whatever its status; redirects are not followed.

        Blocks until the exchange is over at the latest, but for the resolution of a name. Raises a
        `ConnectFailedError`, `NoAnswerError`, `BrokenAnswerError` or `DeadConnectionError`; a `ConfigurationError`
        where the certificates to trust are not there, or the proxy cannot be used.
        """
        route = self._route_to(url)
        pool = self._pool
        started = self._clock.now()
        wire = None
        is_reusable = False
        with pool.lock:
            pool.in_use.add(exchange)
        try:
            exchange.seconds_left()
            wire = pool.take(route, lambda last_used: self._is_recent(last_used, started))
            if wire is None:
                wire = Wire(exchange, self._limits)
                self._open(wire, route, exchange)
            else:
                wire.serve(exchange)
            exchange.doing = f"waiting for the answer of {route.peer}"
            connection = _http_over(wire, route)
            connection.request(method, _target(url, route), body or None, {**headers, **route.proxy_headers})
            answer, can_go_on = self._read(connection, wire, exchange)
            exchange.seconds_left()  # it may have come too late, or look whole where an abort cut it short
        except (DeadConnectionError, NoAnswerError):
            if wire is not None and wire.has_served:
                pool.drop(route)  # whatever became of this one may have become of them all
            raise
        else:
            # Where the sandbox was frozen meanwhile, the answer may be good, and the connection is dead.
            is_reusable = can_go_on and pool is self._pool and self._is_recent(started, self._clock.now())
            return answer
        finally:
            pool.leave(exchange, route, wire, self._clock.now() if is_reusable else None)

    def close(self) -> None:
        """Close idle connections and abort those in use; a later request opens new ones."""
        self._pool.close()

    def forget(self) -> None:
        """Drop every connection without touching it: after a fork they are the parent's."""
        _forgotten.append(self._pool)
        self._pool = Pool()

    def _is_recent(self, earlier: Instant, now: Instant) -> bool:
        return 0 <= now.seconds_since(earlier) <= self._idle_seconds

    def _route_to(self, url: str) -> Route:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
        return Route(parts.scheme, parts.hostname or "", port, self._proxies.find(parts.scheme, parts.netloc))

    def _open(self, wire: Wire, route: Route, exchange: Exchange) -> None:
        context = None
        if route.scheme == "https":
            exchange.doing = "reading the certificates to trust"
            context = tls_context(self._environment)
        try:
            if route.proxy is None:
                wire.dial(route.host, route.port)
            else:
                wire.dial(route.proxy.host, route.proxy.port)
            if context is not None:
                if route.proxy is not None:
                    exchange.doing = f"asking for a way to {route.peer}"
                    _tunnel(wire, route, route.proxy)
                exchange.doing = f"agreeing on TLS with {route.peer}"
                wire.secure(context, route.host)
        except (OSError, HTTPException, ValueError) as error:
            if exchange.is_over():
                raise exchange.no_answer() from without_frames(error)
            raise ConnectFailedError(f"{exchange.doing}: {_reason(error)}") from without_frames(error)

    def _read(self, connection: HTTPConnection, wire: Wire, exchange: Exchange) -> tuple[HttpAnswer, bool]:
        status = 0
        try:
            response = connection.getresponse()
            status = response.status
            body = _whole_body(response, self._limits.max_body_bytes)
        except (OSError, HTTPException, ValueError) as error:  # ValueError for the size of a chunk
            cause = without_frames(error)
            if exchange.is_over():
                raise exchange.no_answer() from cause
            if _is_silence(error):
                seconds = self._limits.read_seconds
                raise NoAnswerError(f"nothing came for {seconds:g} s while {exchange.doing}") from cause
            if wire.received_bytes:
                came = error.partial if isinstance(error, IncompleteRead) else b""
                raise BrokenAnswerError(status, came, _reason(error)) from cause
            if wire.has_served:
                raise DeadConnectionError(_reason(error)) from cause
            raise ConnectFailedError(f"{exchange.doing}: {_reason(error)}") from cause
        headers: dict[str, str] = {}
        for name, text in response.getheaders():
            key = name.lower()
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
        can_go_on = response.isclosed() and not response.will_close and not wire.has_leftovers
        return HttpAnswer(status, headers, body), can_go_on


def _whole_body(response: HTTPResponse, max_bytes: int) -> bytes:
    if response.status < _FIRST_FINAL_STATUS:
        raise HTTPException(f"HTTP {response.status}, which nobody asked for")
    if response.length is None and not response.chunked and response.headers.get("content-length"):
        raise HTTPException(f"its length is {response.headers['content-length']!r}")
    too_long = HTTPException(f"its body is longer than {max_bytes} bytes")
    if (response.length or 0) > max_bytes:
        raise too_long
    body = response.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise too_long
    if response.length:
        raise IncompleteRead(body, response.length)
    return body


def _target(url: str, route: Route) -> str:
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}" if route.is_forwarded else ""
    query = f"?{parts.query}" if parts.query else ""
    return f"{origin}{parts.path or '/'}{query}"


def _http_over(wire: Wire, route: Route) -> HTTPConnection:
    connection = HTTPConnection(route.host, route.port)
    connection.default_port = _PORTS[route.scheme]  # which the Host header leaves out
    connection.sock = wire
    return connection


def _tunnel(wire: Wire, route: Route, proxy: Proxy) -> None:
    authority = f"[{route.host}]:{route.port}" if ":" in route.host else f"{route.host}:{route.port}"
    connection = _http_over(wire, route)
    connection.request("CONNECT", authority, headers={"Host": authority, **proxy.headers})
    response = connection.getresponse()
    response.close()
    if response.status not in range(_FIRST_FINAL_STATUS, 300):
        raise HTTPException(f"it answered HTTP {response.status} {response.reason}")


def _is_silence(error: Exception) -> bool:
    return isinstance(error, TimeoutError) and error.errno is None  # with a number, the kernel found it dead


def _reason(error: Exception) -> str:
    if isinstance(error, SSLCertVerificationError):
        advice = _TRUST if error.verify_code in _UNKNOWN_ISSUER else ""
        return f"certificate verify failed: {error.verify_message}{advice}"
    if _is_silence(error):
        return "nothing came in time"
    text = error.strerror if isinstance(error, OSError) else None
    return text or str(error) or type(error).__name__
