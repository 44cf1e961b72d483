"""What the tests of the direct transport share: transports to a peer, and what went into what was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import DiscoveryError
from cloudmap_discovery.transport.direct import DirectTransport
from tests.contract.transport_cases import CREDENTIALS
from tests.contract.transport_peers import HttpPeer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from cloudmap_discovery.transport.port import Transport

PLENTY_SECONDS = 20.0
NO_KEYS = {name: text for name, text in CREDENTIALS.items() if "KEY" not in name}


@pytest.fixture
async def peer() -> AsyncIterator[HttpPeer]:
    async with HttpPeer() as peer:
        yield peer


def transport_to(url: str, environment: Mapping[str, str] = CREDENTIALS, **more: Any) -> DirectTransport:
    return DirectTransport(endpoint_url=url, environment=environment, **more)


async def discover(transport: Transport, timeout_seconds: float = PLENTY_SECONDS) -> Mapping[str, Any]:
    params = {"NamespaceName": "services", "ServiceName": "users"}
    return await transport.call(
        "servicediscovery", "DiscoverInstances", params, timeout_seconds=timeout_seconds
    )


async def failure_of(transport: Transport, timeout_seconds: float = PLENTY_SECONDS) -> DiscoveryError:
    with pytest.raises(DiscoveryError) as caught:
        await discover(transport, timeout_seconds)
    return caught.value


def keys(peer: HttpPeer) -> list[str]:
    """Return the access key ids that requests were signed with."""
    return [asked.headers["authorization"].split("=")[1].split("/")[0] for asked in peer.asked]
