"""The ASGI application: its surfaces, each a switch of its own, and what errors become."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from cloudmap_discovery.errors import DiscoveryError
from cloudmap_discovery.events import LOGGER
from cloudmap_discovery.server.problems import problem, problem_of
from cloudmap_discovery.settings import CATALOG, MANIFEST, PAGE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from cloudmap_discovery.server.site import Site


def make_app(
    site: Site, router: Sequence[BaseRoute] = (), *, closing: Callable[[], Awaitable[None]] | None = None
) -> Starlette:
    """Return the application; `router` are the routes of that surface, asked where no other one matches.

    `closing` is called when the server that runs it ends, on its event loop.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        if closing is not None:
            await closing()

    routes: list[BaseRoute] = []
    if site.has(CATALOG):
        from cloudmap_discovery.server import catalog, openapi, services  # noqa: PLC0415 -- where it is on

        routes += [*openapi.routes(site), *services.routes(site), *catalog.routes(site)]
    if site.has(MANIFEST):
        from cloudmap_discovery.server import manifest  # noqa: PLC0415 -- where it is on

        routes += manifest.routes(site)
    if site.has(PAGE):
        from cloudmap_discovery.server import page  # noqa: PLC0415 -- where it is on

        routes += page.routes(site)
    app = Starlette(
        routes=[*routes, *router],
        lifespan=lifespan,
        exception_handlers={
            DiscoveryError: _discovery_error,
            HTTPException: _http_error,
            Exception: _bug,
        },
    )
    app.router.redirect_slashes = False  # the address would be made of the request's Host
    return app


async def _discovery_error(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, DiscoveryError)  # noqa: S101 -- it is registered for these
    return problem_of(error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 -- it is registered for these
    names = {404: ("no-such-path", "There is nothing here"), 405: ("wrong-method", "Not with this method")}
    name, title = names.get(error.status_code, ("http", error.detail))
    return problem(
        error.status_code,
        name,
        title,
        f"{request.method} {request.url.path}: {error.detail}",
        headers=error.headers,
    )


async def _bug(request: Request, error: Exception) -> Response:
    LOGGER.error("a bug of cloudmap_discovery: %s %s", request.method, request.url.path, exc_info=error)
    return problem(500, "bug", "A bug in cloudmap_discovery", "the server's log has it")
