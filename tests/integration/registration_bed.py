"""Registries over the SDK and the stand-in for AWS, whose time passes only where a registry waits for it."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.listing import Listing
from cloudmap_discovery.mirrors import Mirrors
from cloudmap_discovery.model import Instance, Key
from cloudmap_discovery.registry import Registry
from cloudmap_discovery.stores.cloud_map import CloudMapStore
from cloudmap_discovery.stores.cloud_map_control import CloudMapControl
from cloudmap_discovery.stores.parameter_mirror import ParameterMirror
from cloudmap_discovery.stores.parameter_store import ParameterStore
from cloudmap_discovery.stores.port import Absent, Found
from cloudmap_discovery.testing import FakeClock
from cloudmap_discovery.transport.retry import RetryingTransport
from cloudmap_discovery.transport.sdk import SdkTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cloudmap_discovery.events import Event
    from cloudmap_discovery.stores.mirror_port import Mirror
    from cloudmap_discovery.transport.port import Transport
    from tests.standin.stand_in import StandIn

STAGE = "Production"
SECONDS = 20.0


class RegistrationBed:
    """One process that registers and looks up, as far as the network tells them apart."""

    def __init__(
        self, aws: StandIn, transport: Transport, *more_mirrors: Mirror, owner_account: str | None = None
    ) -> None:
        self._aws = aws
        self.events: list[Event] = []
        self.forgotten: list[Key] = []
        self.waited_seconds = 0.0
        hub = EventHub()
        hub.subscribe(self.events.append)
        self.clock = clock = FakeClock()
        control = CloudMapControl(transport, owner_account=owner_account)
        listing = Listing(control, namespace="services", clock=clock, events=hub, sleep=self._sleep)
        mirrors: list[Mirror] = [ParameterMirror(transport, namespace="services"), *more_mirrors]
        self.registry = Registry(
            control,
            mirrors=Mirrors(control, mirrors, namespace="services", events=hub, listing=listing),
            listing=listing,
            clock=clock,
            events=hub,
            forget=self._forget,
            namespace="services",
            default_stage=STAGE,
            sleep=self._sleep,
            random=random.random,
        )
        self._cloud_map = CloudMapStore(transport, clock=clock, owner_account=owner_account)
        self._parameters = ParameterStore(transport, clock=clock)

    def _forget(self, key: Key) -> None:
        if key not in self.forgotten:
            self.forgotten.append(key)

    async def _sleep(self, seconds: float) -> None:
        """Let the stand-in's time pass instead of ours."""
        self.waited_seconds += seconds
        self._aws.advance_clock(seconds)
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    async def lookup(self, service: str = "users", stage: str = STAGE) -> list[Instance]:
        return _instances(
            await self._cloud_map.fetch(Key("services", service, stage), timeout_seconds=SECONDS)
        )

    async def mirrored(self, service: str = "users", stage: str = STAGE) -> list[Instance]:
        return _instances(
            await self._parameters.fetch(Key("services", service, stage), timeout_seconds=SECONDS)
        )


@pytest.fixture(scope="session")
def sdk_of_process(stand_in_of_process: StandIn) -> SdkTransport:
    """Return a transport that has loaded what it needs, once for all tests."""
    return SdkTransport(endpoint_url=stand_in_of_process.url, region=stand_in_of_process.region)


@pytest_asyncio.fixture
async def transport(
    aws: StandIn, sdk_of_process: SdkTransport, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Transport]:
    """Yield what carries calls to a stand-in whose clock stands still; its retries wait for a moment only."""
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)  # the SDK reads the environment itself
    aws.freeze_clock()
    yield RetryingTransport(sdk_of_process, random=lambda: 0.01)
    await sdk_of_process.aclose()


@pytest.fixture
def bed(aws: StandIn, transport: Transport) -> RegistrationBed:
    return RegistrationBed(aws, transport)


def _instances(outcome: Found | Absent) -> list[Instance]:
    return list(outcome.instances) if isinstance(outcome, Found) else []


def endpoints(instances: list[Instance]) -> list[str]:
    return sorted(instance.endpoint for instance in instances)


def lookup_fields(instance: Instance) -> dict[str, Any]:
    """What a mirror tells of a record."""
    names = ("service", "endpoint", "stage", "version", "tenant", "variant", "weight", "attributes", "id")
    return {name: getattr(instance, name) for name in names}
