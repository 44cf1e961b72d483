"""Servers for tests: the application asked in this process, or by anybody over a real port."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx2
import uvicorn

from cloudmap_discovery import wiring
from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.io_thread import IOThread
from cloudmap_discovery.server.parts import Parts
from cloudmap_discovery.settings import SURFACES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from starlette.requests import HTTPConnection

    from cloudmap_discovery.clock import Clock
    from tests.standin.stand_in import StandIn

BASE = "http://discovery.test"


def trusted(request: HTTPConnection) -> bool:
    """Trust everybody, as a front with an authorizer has let nobody else through."""
    del request
    return True


def make_parts(
    variables: Mapping[str, str], *, trusts: Any = trusted, clock: Clock | None = None, **more: Any
) -> Parts:
    """Return a server of these variables, with every surface that they do not turn off."""
    return Parts(
        wiring.read_settings(variables),
        variables,
        io=IOThread(),
        clock=clock or SystemClock(),
        events=EventHub(),
        trusts=trusts,
        surfaces=SURFACES,
        **more,
    )


def variables_for(aws: StandIn, **settings: str) -> dict[str, str]:
    """Return the environment of a server that speaks to the stand-in, with `settings` by their names."""
    given = {f"DISCOVERY_{name.upper()}": text for name, text in settings.items()}
    fixed = {
        "DISCOVERY_ENDPOINT_URL": aws.url,
        "DISCOVERY_REGION": aws.region,
        "DISCOVERY_TRANSPORT": "direct",
    }
    return {**aws.environment(), **fixed, **given}


@contextlib.asynccontextmanager
async def asking(parts: Parts) -> AsyncIterator[httpx2.AsyncClient]:
    """Yield a client of the application, in this process; its bugs are raised here."""
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=parts.app), base_url=BASE) as client:
        try:
            yield client
        finally:
            await parts.aclose()


@contextlib.contextmanager
def serving(parts: Parts) -> Iterator[str]:
    """Run the application on a free port of this machine, and yield its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(parts.app, log_level="warning", lifespan="on", ws="none"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not server.started:
            if time.monotonic() > deadline:
                raise TimeoutError("the server did not start")
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()
