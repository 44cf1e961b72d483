"""Ends TLS in front of the stand-in for AWS, with a certificate that only the benchmark's own authority vouches for."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import botocore

from tests.unit.direct_authority import Authority

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator


def realistic_bundle(authority: Authority, folder: Path) -> Path:
    """Write a bundle of the size that clients read in Lambda: the authorities that botocore brings, and this one."""
    bundle = folder / "bundle.pem"
    brought = Path(botocore.__file__).with_name("cacert.pem")
    bundle.write_bytes(brought.read_bytes() + b"\n" + authority.bundle.read_bytes())
    return bundle


@contextmanager
def tls_in_front_of(upstream_url: str, folder: Path) -> Iterator[dict[str, str]]:
    """Serve it over TLS until the context ends; gives the variables by which a client finds and trusts it."""
    authority = Authority(folder)
    bundle = realistic_bundle(authority, folder)
    with _terminator(upstream_url, authority.tls) as port:
        yield {"AWS_ENDPOINT_URL": f"https://127.0.0.1:{port}", "AWS_CA_BUNDLE": str(bundle)}


@contextmanager
def _terminator(upstream_url: str, tls: ssl.SSLContext) -> Iterator[int]:
    address = urlsplit(upstream_url)
    clients: set[asyncio.Task[None]] = set()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a connection is served by a task"
        clients.add(task)
        upstream_reader, upstream_writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            await asyncio.gather(_pump(reader, upstream_writer), _pump(upstream_reader, writer))
        finally:
            clients.discard(task)
            for each in (writer, upstream_writer):
                each.transport.abort()

    async def serve() -> None:
        server = await asyncio.start_server(relay, "127.0.0.1", 0, ssl=tls)
        started.append((asyncio.get_running_loop(), server.sockets[0].getsockname()[1]))
        ready.set()
        try:
            await over.wait()
        finally:
            server.close()
            for client in clients:
                client.cancel()
            await asyncio.gather(*clients, return_exceptions=True)

    ready, over = threading.Event(), asyncio.Event()
    started: list[tuple[asyncio.AbstractEventLoop, int]] = []
    thread = threading.Thread(target=asyncio.run, args=(serve(),), name="tls")
    thread.start()
    ready.wait()
    ((loop, port),) = started
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # a client that was killed
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
