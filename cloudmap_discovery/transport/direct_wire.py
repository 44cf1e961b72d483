"""One connection as `http.client` uses it, none of whose waits outlasts the exchange that it serves."""

from __future__ import annotations

import errno
import io
import os
import socket
from http.client import HTTPException
from selectors import EVENT_WRITE, DefaultSelector
from typing import TYPE_CHECKING, Any, Final, Protocol

from cloudmap_discovery.clock import Instant
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

_UNDER_WAY: Final = frozenset({errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR})
_NEVER: Final = Instant(0.0, 0.0)
_FRAMING_BYTES: Final = 1024 * 1024  # headers and the sizes of chunks: far more than an answer of sense has


@value
class Limits:
    """How long one address may take to accept, how long a server may be silent, and how much it may say."""

    connect_seconds: float
    read_seconds: float
    max_body_bytes: int


class Waiting(Protocol):
    """What a connection has to know of the exchange that it serves."""

    doing: str

    def seconds_left(self, at_most: float = ...) -> float:
        """Return how long the next wait may take; raise where the exchange is over."""
        ...

    def hold(self, sock: socket.socket) -> None:
        """Take note of the socket that is waited on; raise where the exchange is over."""
        ...

    def let_go(self) -> bool:
        """Leave the socket alone from now on; return whether it was not ended from outside."""
        ...


class QuietSocket(socket.socket):
    """A socket that closes in silence when nobody holds it any more: nobody closes a library's when a process ends."""

    def __del__(self, _close: Callable[[Any], None] = socket.SocketType.close) -> None:
        """Close, also where it was never opened, or the interpreter has cleared its modules."""
        _close(self)


class Wire:
    """A connection with as much of a socket's face as `http.client` looks at; blocks, and raises an `OSError`.

    What is sent leaves at the first read, headers and body in one packet. `http.client` closes before it has read
    to the end, so `close` does nothing, and whoever made the wire calls `end`.
    """

    def __init__(self, exchange: Waiting, limits: Limits) -> None:
        self._exchange = exchange
        self._connect_seconds = limits.connect_seconds
        self._read_seconds = limits.read_seconds
        self._max_bytes = limits.max_body_bytes + _FRAMING_BYTES
        self._sock: Any = None  # a socket from `dial` on, one over TLS from `secure` on
        self._unsent = b""
        self.last_used = _NEVER
        self.has_served = False
        self.received_bytes = 0
        self.is_answered = False
        self.has_leftovers = False

    def dial(self, host: str, port: int) -> None:
        """Connect to the first address of the host that accepts; the name's resolution alone cannot be interrupted."""
        exchange = self._exchange
        exchange.seconds_left()
        exchange.doing = f"looking up {host}"
        addresses = socket.getaddrinfo(_ascii(host), port, type=socket.SOCK_STREAM)
        exchange.seconds_left()
        exchange.doing = f"connecting to {host}:{port}"
        failure = OSError(f"{host} has no address")
        for number, (family, kind, protocol, _, address) in enumerate(addresses, 1):
            left = exchange.seconds_left()
            # An address that is dead leaves time for the others.
            share = left if number == len(addresses) else left / 2
            try:
                self._sock = QuietSocket(family, kind, protocol)
                self._connect(address, min(share, self._connect_seconds))
            except OSError as error:
                failure = error
                exchange.let_go()
                self.end()
            else:
                return
        exchange.seconds_left()
        raise failure

    def _connect(self, address: Any, seconds: float) -> None:
        sock = self._sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        self._exchange.hold(sock)
        status = sock.connect_ex(address)
        self._exchange.seconds_left()  # an abort before this did nothing to the socket, and one after it ends the wait
        if status in _UNDER_WAY:
            with DefaultSelector() as selector:
                selector.register(sock, EVENT_WRITE)
                if not selector.select(seconds):
                    raise TimeoutError
            status = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if status:
            raise OSError(status, os.strerror(status))

    def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Begin TLS, with the server's certificate checked to be the host's."""
        self._sock = context.wrap_socket(
            self._sock,
            server_hostname=_ascii(host),
            do_handshake_on_connect=False,
            suppress_ragged_eofs=False,  # or a connection cut by somebody else would look like the end of an answer
        )
        self._exchange.hold(self._sock)
        self._sock.settimeout(self._exchange.seconds_left(self._read_seconds))  # for the handshake as a whole
        self._sock.do_handshake()

    def serve(self, exchange: Waiting) -> None:
        """Begin another exchange."""
        self._exchange = exchange
        self.received_bytes = 0
        exchange.hold(self._sock)

    def is_quiet(self) -> bool:
        """Return whether an idle connection was not closed meanwhile, nor said what nobody asked for; never blocks."""
        if self.holds_back():
            return False
        try:
            self._sock.settimeout(0)
            socket.socket.recv(self._sock, 1, socket.MSG_PEEK)  # below TLS, where that is on
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def holds_back(self) -> bool:
        """Return whether TLS has deciphered bytes that nobody has read yet, which the socket does not show."""
        pending = getattr(self._sock, "pending", None)
        return pending is not None and pending() > 0

    def end(self) -> None:
        """Close."""
        if self._sock is not None:
            self._sock.close()

    # What http.client calls.

    def sendall(self, data: bytes) -> None:
        """Take bytes to send."""
        self._unsent += data

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return the answer that is to come, as a stream."""
        del mode  # it only ever reads
        self.is_answered = self.has_leftovers = False
        return _Answer(_Incoming(self), self)

    def close(self) -> None:
        """Do nothing: see `end`."""

    # What the stream calls.

    def receive_into(self, buffer: memoryview) -> int | None:
        """Send what is to be sent, and wait for some bytes."""
        if self.is_answered:
            return None  # as a stream says that there is nothing at present
        unsent, self._unsent = memoryview(self._unsent), b""
        while unsent:
            self._limit_wait()
            unsent = unsent[self._sock.send(unsent) :]
        self._limit_wait()
        count: int = self._sock.recv_into(buffer)
        self.received_bytes += count
        if self.received_bytes > self._max_bytes:
            raise HTTPException(f"more than {self._max_bytes} bytes")
        return count

    def _limit_wait(self) -> None:
        self._sock.settimeout(self._exchange.seconds_left(self._read_seconds))


class _Incoming(io.RawIOBase):
    """Bytes as they come."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        return self._wire.receive_into(buffer)


class _Answer(io.BufferedReader):
    """The stream of one answer, which knows at its end whether more came than was read."""

    def __init__(self, incoming: _Incoming, wire: Wire) -> None:
        super().__init__(incoming)
        self._wire = wire

    def close(self) -> None:
        if not self.closed:
            self._wire.is_answered = True
            self._wire.has_leftovers = bool(self.peek(1)) or self._wire.holds_back()
        super().close()


def _ascii(host: str) -> bytes:
    # Given text, socket and ssl import the tables of IDNA, which takes a millisecond, also for what is ASCII.
    return host.encode("ascii") if host.isascii() else host.encode("idna")
