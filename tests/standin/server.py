"""An HTTP/1.1 server with keep-alive, whose connections can be cut from outside."""

import io
import os
import socket
import socketserver
import struct
import threading
from dataclasses import dataclass
from enum import Enum
from http.client import responses
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakSet

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer

if TYPE_CHECKING:
    from collections.abc import Callable

_CLOSE_WITH_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 seconds; close() then sends RST, not FIN
_STOP_SECONDS = 10.0


class Delivery(Enum):
    """How an answer gets onto the wire."""

    WHOLE = "whole"
    TRUNCATED = "truncated"
    DRIPPING = "dripping"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be sent; header names as they go out, Content-Length and Date are the server's."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    delivery: Delivery = Delivery.WHOLE
    drip_seconds: float = 0.0


class Connection:
    """One client's connection."""

    def __init__(self, client: socket.socket) -> None:
        self._socket = client
        self._was_cut = threading.Event()

    @property
    def is_cut(self) -> bool:
        return self._was_cut.is_set()

    def wait_for_cut(self, seconds: float) -> bool:
        """Sleep, unless the connection is cut; returns whether it is."""
        return self._was_cut.wait(seconds)

    def cut(self) -> None:
        """Make the client see a reset; whoever reads from it here sees its end."""
        self._was_cut.set()
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_WITH_RESET)
            self._socket.shutdown(
                socket.SHUT_RD
            )  # wakes the handler without telling the client; close() tells it
        except OSError:
            return  # the client was faster


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as it arrived, and the connection it came on."""

    environ: dict[str, Any]
    body: bytes
    connection: Connection


class KeepAliveHandler(MotoRequestHandler):
    """Werkzeug's handler closes the connection after each answer; this one reads each body whole and goes on.

    Werkzeug says why it does not: "Python's http.server [...] doesn't know how to drain the stream before the next
    request line". Bodies here are small and always read to their end, so there is nothing to drain.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "StandInServer"

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        body = self._read_body(environ)
        connection = self.server.connections[self.connection]
        answer = self.server.respond(Exchange(environ, body, connection))
        if answer is None:
            connection.cut()
        if answer is None or connection.is_cut:
            self.close_connection = True
            return
        self._send(answer, connection)

    def _read_body(self, environ: dict[str, Any]) -> bytes:
        if environ.get("wsgi.input_terminated"):
            body = cast("bytes", environ["wsgi.input"].read())
            environ.pop("HTTP_TRANSFER_ENCODING")
        else:
            body = self.rfile.read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = io.BytesIO(body)
        return body

    def _send(self, answer: Answer, connection: Connection) -> None:
        has_body = self.command != "HEAD" and answer.status not in {204, 304} and answer.status >= 200
        own = {"content-length", "date", "connection", "transfer-encoding"}
        headers = [(name, value) for name, value in answer.headers if name.lower() not in own]
        headers.append(("Date", self.date_time_string()))
        length = next((v for n, v in answer.headers if n.lower() == "content-length"), str(len(answer.body)))
        if self.command == "HEAD":
            headers.append(("Content-Length", length))
        elif has_body:
            headers.append(("Content-Length", str(len(answer.body))))
        if self.close_connection:
            headers.append(("Connection", "close"))
        reason = responses.get(answer.status, "Unknown")
        lines = [
            f"HTTP/1.1 {answer.status} {reason}",
            *(f"{name}: {value}" for name, value in headers),
            "",
            "",
        ]
        head = "\r\n".join(lines).encode("latin-1")
        body = answer.body if has_body else b""
        match answer.delivery:
            case Delivery.WHOLE:
                self.connection.sendall(head + body)
            case Delivery.TRUNCATED:
                self.connection.sendall(head + body[: len(body) // 2])
                self.close_connection = True
            case Delivery.DRIPPING:
                self._drip(head + body, answer.drip_seconds, connection)

    def _drip(self, data: bytes, interval_seconds: float, connection: Connection) -> None:
        for position in range(len(data)):
            if position and connection.wait_for_cut(interval_seconds):
                self.close_connection = True
                return
            self.connection.sendall(data[position : position + 1])

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Say nothing: the stand-in keeps a log of requests of its own."""


class StandInServer(ThreadedWSGIServer):
    """Serves each connection in a thread of its own; `respond` answers, or returns None to reset the connection."""

    request_queue_size = 1024
    daemon_threads = True

    def __init__(
        self, port: int, *, respond: "Callable[[Exchange], Answer | None]", wake: "Callable[[], None]"
    ) -> None:
        """`wake` is called after connections were cut, so that whoever holds a request can look."""
        self.respond = respond
        self._wake = wake
        self.connections: dict[socket.socket, Connection] = {}
        self._changed = threading.Condition()
        self._acceptor: threading.Thread | None = None
        super().__init__("127.0.0.1", port, _never_called, KeepAliveHandler)
        _servers.add(self)

    def server_bind(self) -> None:
        # HTTPServer.server_bind looks its own name up in DNS, which can take seconds where there is no network.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def start(self) -> None:
        self._acceptor = threading.Thread(
            target=self.serve_forever,
            kwargs={"poll_interval": 0.05},
            name=f"standin-{self.server_port}",
            daemon=True,
        )
        self._acceptor.start()

    def stop(self) -> None:
        """Stop accepting, cut every connection, wait until the last handler is gone."""
        if self._acceptor is None:
            self.server_close()
            return
        self.shutdown()
        self._acceptor.join(_STOP_SECONDS)
        self.drop_connections()

    def drop_connections(self, *, except_for: Connection | None = None) -> int:
        """Reset every connection that is open now; returns how many once they are closed."""
        with self._changed:
            open_now = {client: c for client, c in self.connections.items() if c is not except_for}
        for connection in open_now.values():
            connection.cut()
        self._wake()
        with self._changed:
            gone = self._changed.wait_for(
                lambda: not (open_now.keys() & self.connections.keys()), _STOP_SECONDS
            )
        if not gone:
            raise TimeoutError(f"some of {len(open_now)} connections are still busy after {_STOP_SECONDS} s")
        return len(open_now)

    @property
    def open_connections(self) -> int:
        with self._changed:
            return len(self.connections)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self.connections[request] = Connection(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        connection = self.connections[request]
        if connection.is_cut:
            self.close_request(request)  # no shutdown(): it would send a FIN ahead of the reset
        else:
            super().shutdown_request(request)
        with self._changed:
            del self.connections[request]
            self._changed.notify_all()

    def forget_sockets(self) -> None:
        """In a forked child: let go of the sockets, which would otherwise stay open after the parent closed them."""
        for inherited in (self.socket, *self.connections):
            descriptor = inherited.detach()
            if descriptor >= 0:
                os.close(descriptor)


_servers: "WeakSet[StandInServer]" = WeakSet()


def _forget_sockets() -> None:
    for server in list(_servers):
        server.forget_sockets()


os.register_at_fork(after_in_child=_forget_sockets)


def _never_called(_environ: Any, _start_response: Any) -> Any:
    raise AssertionError("StandInServer answers through `respond`")
