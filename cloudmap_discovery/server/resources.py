"""One path with its methods: HEAD, preflights, what it refuses, and errors that pages of other origins can read too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.requests import Request

from cloudmap_discovery.errors import DiscoveryError
from cloudmap_discovery.server.cors import Cors
from cloudmap_discovery.server.problems import ProblemError, problem, problem_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    Handler = Callable[[Request], Awaitable[Response]]

WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Resource:
    """An ASGI application for one path: `handlers` by method; pages of `origins` may read its answers."""

    def __init__(self, handlers: Mapping[str, Handler], *, origins: Sequence[str]) -> None:
        self._handlers = dict(handlers)
        if "GET" in self._handlers:
            self._handlers["HEAD"] = self._handlers["GET"]
        writes = [method for method in self._handlers if method in WRITES]
        self._cors = Cors(origins, tuple(self._handlers), writes=writes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        if request.method == "OPTIONS":
            response = self._cors.preflight(request)
        else:
            response = await self._answer(request)
            for name, text in self._cors.headers(request).items():
                response.headers[name] = text
        if request.method == "HEAD":
            response.body = b""  # its length stays
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        handler = self._handlers.get(request.method)
        if handler is None:
            allowed = ", ".join((*self._handlers, "OPTIONS"))
            return problem(
                405,
                "wrong-method",
                "Not with this method",
                f"{request.method} {request.url.path}: only {allowed}",
                headers={"allow": allowed},
            )
        try:
            return await handler(request)
        except ProblemError as error:
            return error.answer
        except DiscoveryError as error:
            return problem_of(error)
