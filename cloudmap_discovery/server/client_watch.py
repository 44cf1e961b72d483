"""Watches the client of a request as long as that is served."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request


class ClientWatch:
    """Knows when a client has gone, once its request's body has been read: until then, who reads it learns of that.

    `is_awaited` says that more of a body is waited for as it is sent on, or was when that was given up.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._watching: asyncio.Task[None] | None = None
        self.body_read = asyncio.Event()
        self.is_awaited = False

    async def body(self) -> AsyncIterator[bytes]:
        """Return the request's body as it comes."""
        # It stays so where this is cancelled: who gives up then does so because of the client.
        self.is_awaited = True
        async for chunk in self._request.stream():
            self.is_awaited = False
            if chunk:
                yield chunk
            self.is_awaited = True
        self.is_awaited = False
        self.body_read.set()

    def gone(self) -> asyncio.Task[None]:
        """Return what is done when the client has gone."""
        if self._watching is None:
            self._watching = asyncio.get_running_loop().create_task(self._watch())
        return self._watching

    def end(self) -> None:
        """Watch no more."""
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        await self.body_read.wait()
        while (await self._request.receive())["type"] != "http.disconnect":
            pass  # what it still sends is of no use to anybody
