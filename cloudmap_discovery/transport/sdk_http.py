"""The SDK's connections, made to be dropped at will, to say which had served before, and to end in silence."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from cloudmap_discovery.transport.sdk_errors import DeadConnectionError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

_tls_contexts: Final[dict[object, ssl.SSLContext]] = {}


@dataclass(slots=True)
class _Use:
    """What became known of the connection that carries the current request."""

    had_served: bool = False


_current_use: Final[ContextVar[_Use]] = ContextVar("_current_use")


class HttpSession:
    """What the SDK sends requests through: its own HTTP session, replaced by a new one when that has gone stale.

    The SDK constructs it (`http_session_cls`) with the arguments of its own class.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._current = _Connections(options)
        self._retired: set[_Connections] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self.is_closed = False

    async def __aenter__(self) -> Self:
        """Do nothing yet: connections are opened by the first request."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    async def send(self, request: Any) -> Any:
        """Send a request; raises `DeadConnectionError` where its connection had served before and turned out dead."""
        from botocore.exceptions import (
            ConnectionClosedError,
            EndpointConnectionError,
        )

        if self.is_closed:
            raise DeadConnectionError("the transport was closed meanwhile")
        connections = self._current
        use = _Use()
        token = _current_use.set(use)
        connections.users += 1
        try:
            return await connections.send(request)
        except (ConnectionClosedError, EndpointConnectionError) as error:
            if not use.had_served or _had_begun_to_answer(error):
                raise
            self._renew(connections)
            raise DeadConnectionError(str(error)) from error
        except asyncio.CancelledError:
            if use.had_served:  # cut off from the outside, or never going to answer: nobody can tell
                self._renew(connections)
            raise
        finally:
            _current_use.reset(token)
            connections.users -= 1
            self._close_if_done(connections)

    def renew(self) -> None:
        """Use new connections from now on; those in use are closed when their calls are done."""
        self._renew(self._current)

    def retire(self) -> None:
        """Take no new calls; everything is closed when the calls under way are done."""
        self.is_closed = True
        self._retire(self._current)

    async def close(self) -> None:
        """Close every connection, also those in use."""
        self.is_closed = True
        for connections in (self._current, *self._retired):
            await connections.close()
        self._retired.clear()
        await asyncio.gather(*self._closing)

    def silence(self) -> None:
        """Take no new calls, and let nothing be said about connections never closed; touches no socket."""
        self.is_closed = True
        for connections in (self._current, *self._retired):
            connections.silence()

    def _renew(self, stale: _Connections) -> None:
        if self._current is stale and not self.is_closed:
            self._current = _Connections(self._options)
            self._retire(stale)

    def _retire(self, connections: _Connections) -> None:
        self._retired.add(connections)
        self._close_if_done(connections)

    def _close_if_done(self, connections: _Connections) -> None:
        if connections.users or connections not in self._retired:
            return
        self._retired.discard(connections)
        closing = asyncio.get_running_loop().create_task(connections.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


class _Connections:
    """One pool of connections, with the TLS context that all of the process shares."""

    def __init__(self, options: dict[str, Any]) -> None:
        from aiobotocore.httpsession import AIOHTTPSession

        self._session = AIOHTTPSession(**options)
        self._is_entered = False
        self.users = 0
        is_plain = not (options.get("client_cert") or options.get("proxies_config"))
        if is_plain and hasattr(self._session, "_build_verify_context"):  # older ones have no such step
            make = self._session._build_verify_context  # noqa: SLF001 -- the SDK has no public way to share a context
            self._session._build_verify_context = lambda: _tls_context(options.get("verify", True), make)  # noqa: SLF001 -- the same

    async def send(self, request: Any) -> Any:
        if not self._is_entered:
            self._is_entered = True
            await self._session.__aenter__()
        for session in self._clients():  # those that are still to come have no connection to reuse
            if not session.trace_configs:
                session.trace_configs.append(_reuse_trace())
        return await self._session.send(request)

    async def close(self) -> None:
        if self._is_entered:
            self._is_entered = False
            await self._session.close()

    def silence(self) -> None:
        for session in self._clients():
            session.connector._closed = True  # noqa: SLF001 -- its finalizer, and the session's, then hold their peace

    def _clients(self) -> Iterable[Any]:
        return list((self._session._sessions or {}).values())  # noqa: SLF001 -- the SDK does not show them otherwise


def load_tls_context(verify: str | bool) -> None:  # noqa: FBT001 -- the SDK's name and form: True, or a path
    """Read the certificates that connections will be checked with; raises an `OSError` where they are not there."""
    session = _Connections({"verify": verify})._session  # noqa: SLF001 -- our own class
    if hasattr(session, "_build_verify_context"):
        session._build_verify_context()  # noqa: SLF001 -- the SDK has no public way to do it ahead
    elif isinstance(verify, str):
        Path(verify).open("rb").close()


def _tls_context(verify: object, make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    # Reading the certificates takes longer than everything else that new connections need, but for the network.
    context = _tls_contexts.get(verify)
    if context is None:
        context = _tls_contexts[verify] = make()
    return context


def _reuse_trace() -> Any:
    from aiohttp import TraceConfig

    trace = TraceConfig()
    trace.on_connection_reuseconn.append(_note_reuse)
    trace.freeze()
    return trace


async def _note_reuse(*_: object) -> None:
    _current_use.get().had_served = True


def _had_begun_to_answer(error: Any) -> bool:
    from aiohttp import ClientPayloadError

    return isinstance(error.kwargs.get("error"), ClientPayloadError)
