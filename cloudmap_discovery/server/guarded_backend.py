"""Opens the router's connections, to addresses alone that it may connect to."""

from __future__ import annotations

import asyncio
import select
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

import httpcore2

from cloudmap_discovery.io_thread import DaemonPool

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from cloudmap_discovery.server.addresses import Guard

CONNECT_SECONDS: Final = 3.0
"""How long connecting may take, all addresses of a host together, where nobody says less."""

_LOOKUP_THREADS: Final = 16


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
        ends = loop.time() + (CONNECT_SECONDS if timeout is None else timeout)
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


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
