"""Passes a service's answer back to the client, until either has gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.calls.calling import MAX_PAYLOAD_BYTES
from cloudmap_discovery.calls.errors import InvocationError
from cloudmap_discovery.events import LOGGER
from cloudmap_discovery.server.passed_headers import reply_headers
from cloudmap_discovery.server.problems import problem

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Receive, Send

    from cloudmap_discovery.calls.calling import Called
    from cloudmap_discovery.calls.messages import Headers
    from cloudmap_discovery.server.client_watch import ClientWatch


_WITHOUT_BODY: Final = frozenset({204, 304})


class PassedBack:
    """One answer that has begun, with what of ours goes on top of it; client and service may be silent for `seconds`."""

    def __init__(
        self, called: Called, request: Request, client: ClientWatch, headers: Headers, *, seconds: float
    ) -> None:
        self._called = called
        self._request = request
        self._client = client
        self._seconds = seconds
        self._headers = [*reply_headers(called.incoming.headers), *headers]

    async def answer(self, receive: Receive, send: Send) -> None:
        """Send it; where it breaks off, whoever serves ends the connection, so that it does not look whole."""
        try:
            if "aws.event" in self._request.scope:
                await self._in_one_piece(receive, send)
            else:
                await self._as_it_comes(send)
        finally:
            await self._called.incoming.aclose()

    async def _as_it_comes(self, send: Send) -> None:
        self._client.body_read.set()  # nobody reads on, whatever is left of it
        streaming = asyncio.get_running_loop().create_task(self._streamed(send))
        try:
            await asyncio.wait({streaming, self._client.gone()}, return_when=asyncio.FIRST_COMPLETED)
            if streaming.done():
                streaming.result()
        except InvocationError as error:
            self._tell(error.reason)
        except TimeoutError:
            self._tell(f"the client took nothing for {self._seconds:.3g} s")
        finally:
            if not streaming.done():
                streaming.cancel()
                await asyncio.gather(streaming, return_exceptions=True)

    async def _streamed(self, send: Send) -> None:
        await send(self._start())
        if self._has_no_body:
            await send({"type": "http.response.body", "body": b""})
            return
        async for chunk in self._called.incoming.chunks:
            async with asyncio.timeout(self._seconds):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _in_one_piece(self, receive: Receive, send: Send) -> None:
        # It is buffered in any case, and what breaks off amid it can still be said.
        body = await self._whole()
        if isinstance(body, bytes):
            await send(self._start())
            await send({"type": "http.response.body", "body": b"" if self._has_no_body else body})
        else:
            await body(self._request.scope, receive, send)

    async def _whole(self) -> bytes | Response:
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._called.incoming.whole(MAX_PAYLOAD_BYTES)
        except TimeoutError:
            return problem(504, "no-reply", "The service's answer did not end in time", "it broke off")
        except InvocationError as error:
            self._tell(error.reason)
            return problem(502, "bad-reply", "The service's answer broke off", "what came was not whole")
        if body is not None:
            return body
        return problem(
            502,
            "response-too-large",
            "The answer is larger than Lambda passes on",
            f"it has more than {MAX_PAYLOAD_BYTES} bytes; a router that is no Lambda function streams it",
        )

    @property
    def _has_no_body(self) -> bool:
        """Whether HTTP has none here, though a function may say one."""
        return self._request.method == "HEAD" or self._called.incoming.status in _WITHOUT_BODY

    def _start(self) -> dict[str, Any]:
        raw = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in self._headers]
        return {"type": "http.response.start", "status": self._called.incoming.status, "headers": raw}

    def _tell(self, reason: str) -> None:
        LOGGER.warning("an answer of %r broke off: %s", self._called.instance.service, reason)
