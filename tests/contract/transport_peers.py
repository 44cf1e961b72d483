"""A small HTTP server on the running loop, which keeps what it was asked and answers what it is told."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: method and target, headers with lower-case names, and which connection it came on, from 1."""

    line: str
    headers: Mapping[str, str]
    connection: int


@dataclass(frozen=True, slots=True)
class Told:
    """What is answered: a status, further headers and a JSON document, once `when` is set."""

    document: Any
    status: int = 200
    when: asyncio.Event | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


NO_INSTANCES = Told({"Instances": []})


class HttpPeer:
    """Serves HTTP/1.1 with keep-alive on 127.0.0.1; use it as an asynchronous context manager."""

    def __init__(
        self,
        answer: Callable[[Asked], Told] = lambda _: NO_INSTANCES,
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.connections = 0
        self._tls = tls
        self._handlers: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        handler = asyncio.current_task()
        assert handler is not None
        self._handlers.add(handler)
        try:
            while await self._exchange(reader, writer, number):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client is gone
        except asyncio.CancelledError:
            return  # asyncio logs a handler that ends so
        finally:
            writer.transport.abort()
            self._handlers.discard(handler)

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in pairs}
        await reader.readexactly(int(headers.get("content-length", 0)))
        asked = Asked(head[0], headers, number)
        self.asked.append(asked)
        told = self.answer(asked)
        if told.when is not None:
            await told.when.wait()
        body = json.dumps(told.document).encode()
        headers = {
            "content-type": "application/x-amz-json-1.1",
            **told.headers,
            "content-length": str(len(body)),
        }
        lines = [f"HTTP/1.1 {told.status} Told", *(f"{name}: {text}" for name, text in headers.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()
        return True


async def eventually(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 -- what holds may change in another thread
            await asyncio.sleep(0.005)
