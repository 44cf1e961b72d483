"""The transports that the contract is held against, and how each is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.transport.direct import DirectTransport
from cloudmap_discovery.transport.failover import FailoverTransport
from cloudmap_discovery.transport.retry import RetryingTransport
from cloudmap_discovery.transport.sdk import SdkTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudmap_discovery.transport.port import Transport

SERVICES: Final = ("servicediscovery", "ssm")

# The variables that every transport of this project reads; without the SDK's own switch for host prefixes, which
# users do not set.
CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEEXAMPLE00",
    "AWS_SECRET_ACCESS_KEY": "a-secret-that-opens-nothing",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "NO_PROXY": "127.0.0.1",
}


@dataclass(frozen=True, slots=True)
class TransportCase:
    """One transport: its name, how it is made for an endpoint URL, how often it asks before it gives up."""

    name: str
    make: Callable[[str], Transport]
    attempts: int


def sdk(endpoint_url: str) -> SdkTransport:
    transport = SdkTransport(endpoint_url=endpoint_url, environment=CREDENTIALS)
    transport.load(SERVICES)
    return transport


def retrying_sdk(endpoint_url: str) -> RetryingTransport:
    transport = RetryingTransport(sdk(endpoint_url), attempts=3)
    transport.load()
    return transport


def direct(endpoint_url: str) -> DirectTransport:
    transport = DirectTransport(endpoint_url=endpoint_url, environment=CREDENTIALS)
    transport.load()
    return transport


def retrying_direct(endpoint_url: str) -> RetryingTransport:
    return RetryingTransport(direct(endpoint_url), attempts=3)  # not loaded: the first retry does that


def failover(endpoint_url: str) -> FailoverTransport:
    return FailoverTransport(direct(endpoint_url), lambda: None)


CASES: Final = (
    TransportCase("sdk", sdk, 1),
    TransportCase("retrying-sdk", retrying_sdk, 3),
    TransportCase("direct", direct, 1),
    TransportCase("retrying-direct", retrying_direct, 3),
    TransportCase("failover", failover, 1),
)
