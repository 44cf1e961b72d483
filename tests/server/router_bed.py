"""A router over the stand-in, and services behind it that say what a script says."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from tests.server.bed import asking, make_parts, variables_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from cloudmap_discovery.server.parts import Parts
    from tests.standin.stand_in import StandIn

STAGE = "Production"


def put(
    aws: StandIn,
    endpoint: str,
    *,
    service: str = "users",
    stage: str = STAGE,
    instance_id: str = "",
    **attributes: str,
) -> None:
    """Register an endpoint that is routed to, unless its attributes say something else."""
    known = {"endpoint": endpoint, "stage": stage, "public": "true", **attributes}
    aws.seed_instance("services", service, instance_id or f"{stage}-1", known)


def router(
    aws: StandIn, variables: dict[str, str] | None = None, *, trusts: Any = None, **settings: str
) -> Parts:
    """Return a server with the router alone, which connects to this machine."""
    given = {"surfaces": "router", "stage": STAGE, "allowed_networks": "127.0.0.0/8", **settings}
    more = {} if trusts is None else {"trusts": trusts}
    return make_parts({**variables_for(aws, **given), **(variables or {})}, **more)


@contextlib.asynccontextmanager
async def routing(aws: StandIn, **settings: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """Yield a client of such a router."""
    async with asking(router(aws, **settings)) as client:
        yield client
