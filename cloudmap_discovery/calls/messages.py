"""What is sent to a service and what comes back: values, and the port that carries them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Mapping

    from cloudmap_discovery.model import Instance

    Headers = tuple[tuple[str, str], ...]

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
"""Methods of which two requests do what one does (RFC 9110, 9.2.2)."""


@value
class Sender:
    """Who asks, as a function is told: `address` and `protocol` of the client, `host` and `request_id` of the request.

    `host` is as in the header, which no other header of the request says: with the port that was asked.
    """

    address: str = ""
    protocol: str = "HTTP/1.1"
    host: str = "localhost"
    request_id: str = ""


@value
class Call:
    """One request to a service.

    `path` and `query` are encoded, and go behind what the endpoint has of both; the path is empty or begins with a
    slash. Names of headers are in lower case, and may be there more than once. A `body` that is not bytes is read
    once. `is_event` says that the body is what a function gets, as it is; else the request is told to it as API
    Gateway would.
    """

    method: str = "POST"
    path: str = ""
    query: str = ""
    headers: Headers = ()
    body: bytes | AsyncIterable[bytes] = b""
    is_event: bool = False
    sender: Sender = Sender()


@value
class Outgoing:
    """A request as it goes out: `url` is absolute and encoded.

    Requests of another `group` have connections of their own, though they go to the same place.
    """

    method: str
    url: str
    headers: Headers
    body: bytes | AsyncIterable[bytes]
    group: str = ""


class Incoming:
    """An answer that has begun: its status and headers, whose names are in lower case; then its body, read once.

    Whoever has it ends with `aclose`, read to the end or not.
    """

    def __init__(
        self, status: int, headers: Headers, chunks: AsyncIterator[bytes], closing: Any = None
    ) -> None:
        self.status = status
        self.headers = headers
        self.chunks = chunks
        self._closing = closing

    async def aclose(self) -> None:
        """Let the connection go."""
        if self._closing is not None:
            await self._closing()

    async def whole(self, limit_bytes: int) -> bytes | None:
        """Read the body to its end, and close; None where there is more of it than the limit."""
        chunks: list[bytes] = []
        size = 0
        try:
            async for chunk in self.chunks:
                size += len(chunk)
                if size > limit_bytes:
                    return None
                chunks.append(chunk)
            return b"".join(chunks)
        finally:
            await self.aclose()


class Wire(Protocol):
    """Carries requests."""

    async def send(self, request: Outgoing, *, timeout_seconds: float) -> Incoming:
        """Send a request and return the answer as soon as it begins; redirects are not followed.

        Raises an `UnreachableError`, `NoReplyError` or `BadReplyError`, and reading the body the latter two; all of
        them without a service, which the caller knows.
        """
        ...


@value
class Reply:
    """What a service said: `status`, `headers` with lower-case names, `body`, and the `instance` that said it.

    A function that was given an event as it is has status 200; of headers that came more than once, the values are
    joined with a comma.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    instance: Instance

    @property
    def ok(self) -> bool:
        """Whether the status is one of success, 200 to 299."""
        return 200 <= self.status < 300  # noqa: PLR2004 -- HTTP's numbers

    @property
    def text(self) -> str:
        """The body as text; what is no UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the body as JSON, None where it is empty; raises a `ValueError` where it is something else."""
        return json.loads(self.body) if self.body else None


async def once(body: bytes) -> AsyncIterator[bytes]:
    """Return the body as chunks."""
    if body:
        yield body
