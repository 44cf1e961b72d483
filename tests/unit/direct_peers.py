"""Servers of the tests of blocking HTTP: they say what a script says, also what no server should, byte by byte."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.transport.direct_http import Exchange, HttpConnections

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.transport.direct_http import HttpAnswer

HANG_SECONDS = 20.0
HEAD = b"HTTP/1.1 200 OK\r\n"
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its first line, its headers with lower-case names, its body, and its connection, from 1."""

    line: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


class Line:
    """One connection, as its server sees it."""

    def __init__(self, peer: Peer, sock: socket.socket, number: int) -> None:
        self.sock = sock
        self.number = number
        self.packets: list[bytes] = []
        self.closed = threading.Event()
        self._peer = peer

    def read(self) -> Asked | None:
        """Read one request and keep note of it; None where the client is gone."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._receive()
            if not self.packets[-1]:
                return None
        head, _, body = data.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
        while len(body) < int(headers.get("content-length", 0)):
            body += self._receive()
        asked = Asked(first, headers, body, self.number)
        self._peer.asked.append(asked)
        return asked

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def drip(self, data: bytes) -> None:
        """Say it a byte at a time, and then its last byte until the peer is stopped."""
        position = 0
        while not self._peer.stopped.wait(0.01):
            self.say(data[position : position + 1] or data[-1:])
            position += 1

    def hang(self) -> None:
        """Say nothing more, until the peer is stopped."""
        self._peer.stopped.wait()

    def reset(self) -> None:
        """End the connection without ceremony."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def wait_for_end(self) -> None:
        """Wait until the client has closed."""
        while self.sock.recv(65536):
            pass

    def _receive(self) -> bytes:
        self.packets.append(self.sock.recv(65536))
        return self.packets[-1]


def always(answer: bytes) -> Callable[[Line], None]:
    """Return a script that gives the same answer to every request of a connection."""

    def script(line: Line) -> None:
        while line.read() is not None:
            line.say(answer)

    return script


def once(answer: bytes) -> Callable[[Line], None]:
    """Return a script that answers one request, and closes."""

    def script(line: Line) -> None:
        line.read()
        line.say(answer)

    return script


def silent_after(said: bytes) -> Callable[[Line], None]:
    """Return a script that reads one request, says something, and then nothing more."""

    def script(line: Line) -> None:
        line.read()
        line.say(said)
        line.hang()

    return script


@contextmanager
def deaf_url() -> Iterator[str]:
    """Give the URL of a port that has room for no connection more."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        with socket.create_connection(address):
            yield f"http://127.0.0.1:{address[1]}"


class Peer:
    """Runs the script for every connection to a port of 127.0.0.1, each on a thread; use it as a context manager."""

    def __init__(self, script: Callable[[Line], None], *, tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.lines: list[Line] = []
        self.stopped = threading.Event()
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def url(self) -> str:
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        for line in self.lines:
            try:
                socket.socket.shutdown(line.sock, socket.SHUT_RDWR)
            except OSError:
                continue  # it has ended already
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return  # stopped
            line = Line(self, sock, len(self.lines) + 1)
            self.lines.append(line)
            thread = threading.Thread(target=self._serve, args=(line,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, line: Line) -> None:
        try:
            if self._tls is not None:
                line.sock = self._tls.wrap_socket(line.sock, server_side=True)
            self.script(line)
        except OSError:
            return  # the client is gone, or the test is over
        finally:
            line.sock.close()
            line.closed.set()


class Client:
    """Connections with a clock, and requests whose end is watched."""

    def __init__(self, clock: Clock | None = None, **options: Any) -> None:
        self.clock: Clock = SystemClock() if clock is None else clock
        self.connections = HttpConnections(**{"environment": {}, "clock": self.clock, **options})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connections.close()

    def exchange(self, seconds: float = HANG_SECONDS) -> Exchange:
        return Exchange(deadline=self.clock.monotonic() + seconds, clock=self.clock)

    def ask(self, url: str, exchange: Exchange | None = None, **more: Any) -> HttpAnswer:
        """Send a request and return its answer."""
        given = {"method": "POST", "headers": {}, "body": b"{}", **more}
        return self.connections.request(url=url, exchange=exchange or self.exchange(), **given)

    def begin(self, url: str, exchange: Exchange) -> UnderWay:
        """Send a request on another thread."""
        return UnderWay(lambda: self.ask(url, exchange))


class UnderWay:
    """A request on a thread of its own, which ends the test if it never ends."""

    def __init__(self, ask: Callable[[], HttpAnswer]) -> None:
        self._ask = ask
        self._outcome: HttpAnswer | Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def result(self) -> HttpAnswer:
        self._thread.join(HANG_SECONDS)
        assert not self._thread.is_alive(), "it never ends"
        if isinstance(self._outcome, Exception):
            raise self._outcome
        assert self._outcome is not None
        return self._outcome

    def _run(self) -> None:
        try:
            self._outcome = self._ask()
        except Exception as error:  # noqa: BLE001 -- raised again by whoever waits for it
            self._outcome = error
