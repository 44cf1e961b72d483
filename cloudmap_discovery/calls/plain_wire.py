"""The wire over the standard library's HTTP: bodies whole, on threads of its own."""

from __future__ import annotations

import asyncio
import re
from http.client import HTTPException, HTTPResponse, parse_headers
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery import lifecycle
from cloudmap_discovery.calls.errors import BadReplyError, NoReplyError, UnreachableError
from cloudmap_discovery.calls.messages import IDEMPOTENT, Incoming, once
from cloudmap_discovery.errors import without_frames
from cloudmap_discovery.io_thread import DaemonPool
from cloudmap_discovery.transport.direct_http import (
    BrokenAnswerError,
    ConnectFailedError,
    DeadConnectionError,
    Exchange,
    HttpConnections,
    NoAnswerError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudmap_discovery.calls.messages import Outgoing
    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.transport.direct_http import HttpAnswer

_THREADS: Final = 32
_SILENT_SECONDS: Final = 900.0  # a function's longest time: what ends a call is its own
_WAITING: Final = "waiting for the answer"


class PlainWire:
    """Sends requests, of which 32 are under way at once and others wait; from any event loop.

    `environment` names proxies and the certificates to trust. After a fork it begins anew.
    """

    def __init__(self, environment: Mapping[str, str], clock: Clock) -> None:
        self._clock = clock
        self._connections = _Connections(environment=environment, clock=clock, read_seconds=_SILENT_SECONDS)
        self._pool = DaemonPool(_THREADS)
        lifecycle.join(self)

    def pool(self) -> DaemonPool:
        """Return the threads."""
        return self._pool

    async def send(self, request: Outgoing, *, timeout_seconds: float) -> Incoming:
        """Send a request whose body is bytes; see `Wire`."""
        exchange = Exchange(deadline=self._clock.monotonic() + timeout_seconds, clock=self._clock)
        try:
            async with asyncio.timeout(timeout_seconds):
                answer = await asyncio.wrap_future(self._pool.submit(self._sent, request, exchange))
        except asyncio.CancelledError:
            exchange.abort()
            raise
        except TimeoutError as error:  # before the thread noticed, or before one was free
            exchange.abort()
            reason = f"no answer within {timeout_seconds:.3g} s (still {exchange.doing})"
            raise NoReplyError("", request.url, reason, was_sent=_may_be_there(exchange)) from error
        except NoAnswerError as error:
            reason = f"no answer within {timeout_seconds:.3g} s ({error.detail})"
            raise NoReplyError("", request.url, reason, was_sent=_may_be_there(exchange)) from without_frames(
                error
            )
        except ConnectFailedError as error:
            was_sent = _may_be_there(exchange)
            raise UnreachableError("", request.url, error.reason, was_sent=was_sent) from without_frames(
                error
            )
        except DeadConnectionError as error:
            reason = f"the connection broke before an answer came: {error}"
            raise UnreachableError("", request.url, reason, was_sent=True) from without_frames(error)
        except BrokenAnswerError as error:
            raise BadReplyError("", request.url, error.reason, was_sent=True) from without_frames(error)
        return Incoming(answer.status, tuple(answer.headers.items()), once(answer.body))

    def after_fork_in_child(self) -> None:
        """Leave the parent's connections and threads alone."""
        self._connections.forget()
        self._pool = DaemonPool(_THREADS)

    def close(self) -> None:
        """Close what is idle, and end what is under way."""
        self._connections.close()

    def _sent(self, request: Outgoing, exchange: Exchange) -> HttpAnswer:
        assert isinstance(request.body, bytes)  # noqa: S101 -- only another wire is given streams
        headers, body = dict(request.headers), request.body
        if request.method in IDEMPOTENT:
            try:
                return self._connections.request(request.method, request.url, headers, body, exchange)
            except DeadConnectionError:  # it was kept too long: a new one may do
                exchange.seconds_left()
        return self._connections.request(request.method, request.url, headers, body, exchange)


class _Answer(HTTPResponse):
    """An answer that the router would take as well."""

    def begin(self) -> None:
        super().begin()
        coding = ", ".join(self.headers.get_all("transfer-encoding", ["chunked"]))
        length = ", ".join({*self.headers.get_all("content-length", ["0"])})
        is_framed = coding.lower() == "chunked" and re.fullmatch(" *[0-9]{1,19} *", length)
        if not is_framed or self.status not in range(600):
            raise HTTPException(f"status {self.status}, encoding {coding!r}, length {length!r}")

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(100):
            read: tuple[str, int, str] = super()._read_status()  # type: ignore[misc] # typeshed lacks it
            if read[1] in {101, *range(200, 1000)}:
                return read
            parse_headers(self.fp)  # interim: RFC 9110, 15.2
        raise HTTPException("100 interim answers")


class _Connections(HttpConnections):
    def _read(self, connection: Any, wire: Any, exchange: Exchange) -> tuple[HttpAnswer, bool]:
        connection.response_class = _Answer
        return super()._read(connection, wire, exchange)


def _may_be_there(exchange: Exchange) -> bool:
    """Return whether the server may have got the request."""
    return exchange.doing.startswith(_WAITING)
