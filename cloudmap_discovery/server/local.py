"""The application served on this machine: a port, and who may ask at it."""

from __future__ import annotations

import socket
from email.utils import formatdate
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.server.callers import Local, Trust, nobody
from cloudmap_discovery.server.problems import problem
from cloudmap_discovery.settings import MANIFEST, SURFACES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_ENDING_SECONDS: Final = 5
_BACKLOG: Final = 1024
_MAX_HEADER_BYTES: Final = 64 * 1024


class Address:
    """Where it is served: `host`, which is a name or an address of this machine, and `port`, 0 for any that is free."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.is_loopback = host in _LOOPBACK or _is_loopback(host)

    @property
    def surfaces(self) -> tuple[str, ...]:
        """What is offered there unless something else is said: everything at home, the public manifest elsewhere."""
        return SURFACES if self.is_loopback else (MANIFEST,)

    def trusts(self, origins: Sequence[str]) -> Trust:
        """Return who is authorized there: this machine's own programs, and nobody where others can ask as well."""
        return Local((*_LOOPBACK, self.host), origins) if self.is_loopback else nobody

    def listen(self) -> socket.socket:
        """Return a socket that listens; raises an `InvalidValueError` where that cannot be."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        # With the protocol by its number, or asyncio leaves Nagle's algorithm on: 40 ms for each answer in two parts.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.host, self.port))
            listener.listen(_BACKLOG)
        except OSError as error:
            listener.close()
            at = f"{self.host}:{self.port}"
            reason = error.strerror or str(error)
            raise InvalidValueError(
                "--port", at, f"cannot be listened at: {reason}; --port 0 takes any"
            ) from error
        self.port = listener.getsockname()[1]
        return listener

    @property
    def url(self) -> str:
        """The URL that it is at."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


class AtHome:
    """Answers only requests that name this machine: a page elsewhere can have its own name pointed here.

    Answers get the date that HTTP wants, unless the service behind has given one.
    """

    def __init__(self, app: ASGIApp, trusts: Trust) -> None:
        self._app = app
        self._trusts = trusts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)  # the beginning and the end
            return

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", [])
                if not any(name == b"date" for name, _ in headers):
                    message["headers"] = [*headers, (b"date", formatdate(usegmt=True).encode())]
            await send(message)

        host = next((text for name, text in scope["headers"] if name == b"host"), b"").decode("latin-1")
        if isinstance(self._trusts, Local) and not self._trusts.is_named(host):
            detail = f"the request is for {host!r}, which is not this server"
            refused = problem(421, "misdirected", "This server has another name", detail)
            await refused(scope, receive, dated)
            return
        await self._app(scope, receive, dated)


def serve(app: ASGIApp, listener: socket.socket, *, started: Callable[[], None]) -> None:
    """Serve until the process is told to end; `started` is called once it answers."""

    class Server(uvicorn.Server):
        async def startup(self, *arguments: Any, **more: Any) -> None:
            await super().startup(*arguments, **more)
            started()

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="on",
        ws="none",
        http="h11",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=_MAX_HEADER_BYTES,
        timeout_graceful_shutdown=_ENDING_SECONDS,
    )
    Server(config).run(sockets=[listener])


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
