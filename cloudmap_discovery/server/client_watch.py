"""Watches whether the client of a request is still there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request


class ClientWatch:
    """Knows when a client has gone, once its request's body has been read: until then, who reads it learns of that."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._watching: asyncio.Task[None] | None = None
        self.body_read = asyncio.Event()

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
