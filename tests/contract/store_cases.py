"""The stores that the contract is held against: how records get into each, and how each is broken."""

from __future__ import annotations

import asyncio
import json
import random
import time
from typing import TYPE_CHECKING, Final, Literal, Protocol

from cloudmap_discovery.deadline import Deadline
from cloudmap_discovery.documents import parameter_name
from cloudmap_discovery.encoding import encode_attributes
from cloudmap_discovery.errors import AccessDeniedError, StoreTimeoutError, ThrottledError
from cloudmap_discovery.model import Instance, PassedOver
from cloudmap_discovery.stores.cloud_map import CloudMapStore
from cloudmap_discovery.stores.cloud_map_control import CloudMapControl
from cloudmap_discovery.stores.parameter_store import ParameterStore
from cloudmap_discovery.stores.s3 import S3Store
from cloudmap_discovery.stores.s3_mirror import S3Mirror
from cloudmap_discovery.testing import FakeClock, FakeStore
from cloudmap_discovery.values import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudmap_discovery.errors import StoreError
    from cloudmap_discovery.stores.port import Store
    from cloudmap_discovery.transport.port import Transport
    from tests.standin.stand_in import StandIn

NAMESPACE: Final = "services"
BUCKET: Final = "registry"
Trouble = Literal["throttled", "denied", "unreachable", "slow"]
ERRORS: Final[Mapping[Trouble, type[StoreError]]] = {
    "throttled": ThrottledError,
    "denied": AccessDeniedError,
    "unreachable": StoreTimeoutError,
    "slow": StoreTimeoutError,
}


class StoreCase(Protocol):
    """One store, and what a test does to it behind its back."""

    clock: FakeClock

    @property
    def store(self) -> Store: ...

    async def put(self, *instances: Instance) -> None:
        """Have these records in the store, or replace those of the same service and id."""

    async def put_malformed(self, service: str, stage: str) -> None:
        """Have a record there that no use can be made of."""

    async def remove(self, instance: Instance) -> None:
        """Take a record out again."""

    def break_with(self, trouble: Trouble) -> None:
        """Let every call fail from now on."""

    def heal(self) -> None:
        """Let calls succeed again."""


class CloudMapCase:
    """Cloud Map, with records as the registry writes them."""

    def __init__(self, transport: Transport, aws: StandIn) -> None:
        self.clock = FakeClock()
        self.store = CloudMapStore(transport, clock=self.clock)
        self._control = CloudMapControl(transport)
        self._aws = aws
        aws.seed_namespace(NAMESPACE)

    async def put(self, *instances: Instance) -> None:
        for instance in instances:
            self._aws.seed_instance(NAMESPACE, instance.service, instance.id, encode_attributes(instance))

    async def put_malformed(self, service: str, stage: str) -> None:
        self._aws.seed_instance(NAMESPACE, service, "malformed", {"stage": stage, "note": "no address"})

    async def remove(self, instance: Instance) -> None:
        deadline = Deadline(20, monotonic=time.monotonic, sleep=asyncio.sleep, random=random.random)
        await self._control.deregister(NAMESPACE, instance.service, instance.id, deadline)

    def break_with(self, trouble: Trouble) -> None:
        _break(self._aws, "servicediscovery", "RequestLimitExceeded", trouble)

    def heal(self) -> None:
        self._aws.faults.clear()


class ParameterStoreCase:
    """Parameter Store, with records as people write them."""

    def __init__(self, transport: Transport, aws: StandIn) -> None:
        self.clock = FakeClock()
        self.store = ParameterStore(transport, prefix="/services", clock=self.clock)
        self._transport = transport
        self._aws = aws
        self._records: dict[str, dict[str, object]] = {}

    async def put(self, *instances: Instance) -> None:
        for instance in instances:
            fields: dict[str, object] = {
                "id": instance.id,
                "endpoint": instance.endpoint,
                "version": instance.version,
                "tenant": instance.tenant,
                "variant": instance.variant,
                "weight": instance.weight,
                "attributes": dict(instance.attributes),
            }
            await self._write(
                parameter_name("/services", instance.stage, instance.service), instance.id, fields
            )

    async def put_malformed(self, service: str, stage: str) -> None:
        await self._write(parameter_name("/services", stage, service), "malformed", {"note": "no address"})

    async def remove(self, instance: Instance) -> None:
        await self._write(parameter_name("/services", instance.stage, instance.service), instance.id, None)

    async def _write(self, name: str, instance_id: str, fields: dict[str, object] | None) -> None:
        records = self._records.setdefault(name, {})
        records.pop(instance_id, None)
        if fields is not None:
            records[instance_id] = fields
        value = json.dumps(list(records.values()))
        params = {"Name": name, "Value": value, "Type": "String", "Overwrite": True}
        operation = "PutParameter" if records else "DeleteParameter"
        await self._transport.call(
            "ssm", operation, params if records else {"Name": name}, timeout_seconds=20
        )

    def break_with(self, trouble: Trouble) -> None:
        _break(self._aws, "ssm", "ThrottlingException", trouble)

    def heal(self) -> None:
        self._aws.faults.clear()


class S3Case:
    """S3, with a snapshot as the mirror writes it."""

    def __init__(self, transport: Transport, aws: StandIn) -> None:
        self.clock = FakeClock(wall=time.time())
        self.store = S3Store(
            transport,
            bucket=BUCKET,
            key="registry.json",
            namespace=NAMESPACE,
            clock=self.clock,
            ttl_seconds=60,
            max_age_seconds=86_400,
            random=random.random,
        )
        self._mirror = S3Mirror(
            transport, bucket=BUCKET, key="registry.json", namespace=NAMESPACE, clock=self.clock
        )
        self._transport = transport
        self._aws = aws
        self._records: dict[tuple[str, str], dict[str, Instance]] = {}
        aws.seed_bucket(BUCKET)

    async def put(self, *instances: Instance) -> None:
        for instance in instances:
            place = (instance.service, instance.stage)
            self._records.setdefault(place, {})[instance.id] = instance
            await self._write()

    async def put_malformed(self, service: str, stage: str) -> None:
        malformed = replace(user_of(service, stage), endpoint="no address")
        self._records.setdefault((service, stage), {})["malformed"] = malformed
        await self._write()

    async def remove(self, instance: Instance) -> None:
        del self._records[instance.service, instance.stage][instance.id]
        await self._write()

    async def _write(self) -> None:
        deadline = Deadline(20, monotonic=time.monotonic, sleep=asyncio.sleep, random=random.random)
        places = {place: list(records.values()) for place, records in self._records.items()}
        await self._mirror.write(places, deadline, checked=True)

    def break_with(self, trouble: Trouble) -> None:
        _break(self._aws, "s3", "SlowDown", trouble)

    def heal(self) -> None:
        self._aws.faults.clear()


def user_of(service: str, stage: str) -> Instance:
    return Instance(service, "https://malformed.test", stage, id="malformed")


class FakeStoreCase:
    """The fake that users put into their own tests."""

    def __init__(self, transport: Transport, aws: StandIn) -> None:
        del transport, aws
        self.clock = FakeClock()
        self.store = FakeStore(clock=self.clock)

    async def put(self, *instances: Instance) -> None:
        self.store.put(*instances)

    async def put_malformed(self, service: str, stage: str) -> None:
        self.store.passed_over = (PassedOver(f"{service} in {stage}", "no address"),)

    async def remove(self, instance: Instance) -> None:
        self.store.remove(instance)

    def break_with(self, trouble: Trouble) -> None:
        if trouble == "slow":
            self.store.delay_seconds = 30
        else:
            self.store.failure = ERRORS[trouble]("as told")

    def heal(self) -> None:
        self.store.delay_seconds = 0
        self.store.failure = None


CASES: Final[Mapping[str, Callable[[Transport, StandIn], StoreCase]]] = {
    "cloudmap": CloudMapCase,
    "ssm": ParameterStoreCase,
    "s3": S3Case,
    "fake": FakeStoreCase,
}


def _break(aws: StandIn, service: str, throttling_code: str, trouble: Trouble) -> None:
    match trouble:
        case "throttled":
            aws.faults.error(throttling_code, service)
        case "denied":
            aws.faults.access_denied(service)
        case "unreachable":
            aws.faults.reset(service)
        case "slow":
            aws.faults.hang(service)
