"""Answers as Lambda takes them: in one piece, and no larger than it carries."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.events import LOGGER
from cloudmap_discovery.server.problems import problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LIMIT_BYTES: Final = 6 * 1024 * 1024
"""What a function may answer, as JSON (AWS, quotas of Lambda)."""
# Lambda's runtime client writes other than ASCII as \uXXXX up to there.
_WRITES_ASCII: Final = sys.version_info < (3, 12)
# A character becomes at most so many bytes of JSON, and two of them twelve: no body below a twelfth can be too large.
_LARGEST_CHARACTER_BYTES: Final = 12
_UNKNOWN_TYPE: Final = (b"content-type", b"application/octet-stream")


class InOnePiece:
    """An application that answers when its answer is complete, and with a problem where it cannot be carried.

    An answer that breaks off is a problem as well, instead of the beginning of one.
    """

    def __init__(self, app: ASGIApp, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self._app = app
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; raises what the application raised, after the answer."""
        answer = _Answer(self._limit_bytes)
        try:
            await self._app(scope, receive, answer.take)
        except Exception:  # whatever ends the application is raised again, after an answer that had begun
            if answer.status is None:
                raise
            if not answer.is_too_large:
                await self._send(answer, scope, receive, send)
                raise
        await self._send(answer, scope, receive, send)

    async def _send(self, answer: _Answer, scope: Scope, receive: Receive, send: Send) -> None:
        if answer.is_too_large:
            await too_large()(scope, receive, send)
        elif answer.is_complete:
            body = b"" if scope["method"] == "HEAD" else bytes(answer.body)
            await send(
                {"type": "http.response.start", "status": answer.status, "headers": answer.sent_headers}
            )
            await send({"type": "http.response.body", "body": body})
        else:
            detail = "the answer ended before it was complete: nothing of it is passed on"
            broken = problem(502, "response-broken-off", "The answer broke off", detail)
            await broken(scope, receive, send)


def too_large() -> Response:
    """Return what is said in the place of an answer that Lambda does not carry."""
    LOGGER.warning("an answer is larger than the %d bytes that Lambda carries", LIMIT_BYTES)
    detail = f"it is larger than the {LIMIT_BYTES // 1024**2} MB of JSON that Lambda carries, base64 counted: ask for less"
    return problem(502, "response-too-large", "The answer is too large", detail)


def is_carried(result: Mapping[str, Any], *, limit_bytes: int = LIMIT_BYTES) -> bool:
    """Return whether Lambda takes what a handler returns: as JSON it is larger than the body."""
    if len(result.get("body") or "") * _LARGEST_CHARACTER_BYTES <= limit_bytes // 2:
        return True
    return len(json.dumps(result, ensure_ascii=_WRITES_ASCII).encode()) <= limit_bytes


class _TooLargeError(Exception):
    """Ends an application whose answer cannot be carried whatever follows."""


class _Answer:
    """What an application has answered up to now."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._headers: list[tuple[bytes, bytes]] = []
        self.status: int | None = None
        self.body = bytearray()
        self.is_complete = False
        self.is_too_large = False

    @property
    def sent_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers as they go into JSON: as UTF-8, and with the type that an answer without one has (RFC 9110, 8.3)."""
        headers = [(name, _as_utf8(text)) for name, text in self._headers]
        if self.body and not any(name.lower() == b"content-type" for name, _ in headers):
            headers.append(_UNKNOWN_TYPE)
        return headers

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._headers = [(bytes(name), bytes(text)) for name, text in message.get("headers", ())]
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")
            if len(self.body) > self._limit_bytes:
                self.is_too_large = True
                self.body.clear()
                raise _TooLargeError
            self.is_complete = not message.get("more_body", False)


def _as_utf8(text: bytes) -> bytes:
    try:
        text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1").encode()
    return text
