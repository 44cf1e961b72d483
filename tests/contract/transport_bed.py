"""The fixtures of the transport contract: a transport of each case, pointed at the stand-in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.contract.transport_cases import CASES, CREDENTIALS, TransportCase

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from cloudmap_discovery.transport.port import Transport
    from tests.standin.stand_in import StandIn

NOISE_SECONDS = 10.0
PLENTY_SECONDS = 20.0

DISCOVER = "servicediscovery:DiscoverInstances"
USERS: Mapping[str, Any] = {"NamespaceName": "services", "ServiceName": "users", "MaxResults": 1000}


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the process the credentials that a function has."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> TransportCase:
    chosen: TransportCase = request.param
    return chosen


@pytest_asyncio.fixture
async def transport(case: TransportCase, aws: StandIn, credentials: None) -> AsyncIterator[Transport]:
    """Yield a transport at a stand-in that has one instance of `users`."""
    del credentials
    aws.seed_instance("services", "users", "Production-1", {"endpoint": "https://users"})
    transport = case.make(aws.url)
    yield transport
    await transport.aclose()


async def discover(transport: Transport, *, timeout_seconds: float = PLENTY_SECONDS) -> Mapping[str, Any]:
    return await transport.call(
        "servicediscovery", "DiscoverInstances", USERS, timeout_seconds=timeout_seconds
    )


def ids(answer: Mapping[str, Any]) -> list[str]:
    return [instance["InstanceId"] for instance in answer["Instances"]]


async def until_connections(aws: StandIn, count: int) -> None:
    """Wait until so many connections are open at the stand-in."""
    async with asyncio.timeout(PLENTY_SECONDS):
        while aws.open_connections != count:  # noqa: ASYNC110 -- the stand-in lives in other threads
            await asyncio.sleep(0.01)
