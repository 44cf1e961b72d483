"""Fakes for unit tests: a registry in memory in the place of AWS, and what it is made of.

    with fake_registry({"users": "https://users.test"}):
        assert handler({}, None) == ...

The rules of a lookup are the real ones; only the stores, the clocks and the network are not. The fakes are held to
the contract that the real ones are held to.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery import api
from cloudmap_discovery.assembly import assemble
from cloudmap_discovery.clock import Instant
from cloudmap_discovery.encoding import decode_attributes, encode_attributes
from cloudmap_discovery.errors import InvalidValueError, MalformedRecordError, StoreTimeoutError
from cloudmap_discovery.limits import check_endpoint, check_ladder, check_service, check_stage
from cloudmap_discovery.model import NO_STAGE, Instance
from cloudmap_discovery.settings import CLOUD_MAP, Settings
from cloudmap_discovery.stores.control_port import Entry
from cloudmap_discovery.stores.outcome import outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cloudmap_discovery.assembly import Core
    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.errors import StoreError
    from cloudmap_discovery.model import Key, PassedOver
    from cloudmap_discovery.stores.port import Absent, Found

EVERY_STAGE: Final = "*"
"""The stage of fake records that are found whatever stage is asked for."""


class FakeClock:
    """Clocks that move only when told; `wall` and `monotonic` also apart."""

    def __init__(self, wall: float = 1_700_000_000.0, monotonic: float = 1_000.0) -> None:
        self._now = Instant(wall, monotonic)
        self.wall: Callable[[], float] = lambda: self._now.wall
        self.monotonic: Callable[[], float] = lambda: self._now.monotonic

    def now(self) -> Instant:
        """Read both clocks."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self.set(self._now.wall + seconds, self._now.monotonic + seconds)

    def set(self, wall: float, monotonic: float) -> None:
        """Set the clocks."""
        self._now = Instant(wall, monotonic)

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once, in place of `asyncio.sleep`."""
        self.advance(seconds)
        await asyncio.sleep(0)


class FakeStore:
    """A store in memory, by default in the place of Cloud Map. Records of a stage go before those of every stage.

    `failure` makes every fetch fail until it is None again; `delay_seconds` makes it slow; `passed_over` are records
    that it cannot use. `asked` has the keys of all fetches, in order.
    """

    def __init__(
        self, name: str = CLOUD_MAP, *, clock: FakeClock | None = None, mirrored: bool = False
    ) -> None:
        self.name = name
        self.failure: StoreError | None = None
        self.delay_seconds = 0.0
        self.asked: list[Key] = []
        self.passed_over: tuple[PassedOver, ...] = ()
        self._clock = clock or FakeClock()
        self._mirrored = mirrored
        self._records: dict[tuple[str, str], Instance] = {}

    def kept(self, key: Key) -> None:
        """Keep nothing of what was read."""

    @property
    def records(self) -> tuple[Instance, ...]:
        """Every record, by service and id."""
        return tuple(self._records[which] for which in sorted(self._records))

    def put(self, *instances: Instance) -> None:
        """Add the records, or replace those of the same service and id."""
        for instance in instances:
            self._records[instance.service, instance.id] = instance

    def remove(self, *instances: Instance) -> None:
        """Remove the records that are there."""
        for instance in instances:
            self._records.pop((instance.service, instance.id), None)

    async def fetch(
        self, key: Key, *, timeout_seconds: float, since: Instant | None = None
    ) -> Found | Absent:
        """Answer as a real store would, within `timeout_seconds` or not at all; it keeps nothing, whatever `since`."""
        del since
        self.asked.append(key)
        sent = self._clock.now()
        if self.delay_seconds:
            try:
                async with asyncio.timeout(timeout_seconds):
                    await asyncio.sleep(self.delay_seconds)
            except TimeoutError as error:
                message = f"no answer within {timeout_seconds:.2f} s"
                raise StoreTimeoutError(message, store=self.name) from error
        if self.failure is not None:
            raise self.failure.at(self.name)
        of_service = [record for record in self.records if record.service == key.service]
        of_stage = [record for record in of_service if record.stage == key.stage]
        found = of_stage or [
            _in_stage(record, key.stage) for record in of_service if record.stage == EVERY_STAGE
        ]
        try:
            return outcome(
                found,
                self.passed_over,
                place=f"{key.service!r} in the fake {self.name}",
                sent=sent,
                allowed_endpoints=(),
                mirrored=self._mirrored,
            )
        except MalformedRecordError as error:
            raise error.at(self.name) from None


class FakeControl:
    """Cloud Map's control plane over a fake store: changes are there at once, and namespaces are all there.

    Records of every stage are listed as of `stage`.
    """

    def __init__(self, store: FakeStore, *, stage: str = NO_STAGE) -> None:
        self._store = store
        self._stage = stage

    async def has_namespace(self, namespace: str, deadline: Deadline) -> bool:  # noqa: ARG002 -- the port's signature
        """Return True: a fake has every namespace."""
        return True

    async def has_service(self, namespace: str, service: str, deadline: Deadline) -> bool:
        """Return whether any record of the service is there."""
        return service in await self.services(namespace, deadline)

    async def services(self, namespace: str, deadline: Deadline) -> tuple[str, ...]:  # noqa: ARG002 -- the port's signature
        """Return the names of the services that have records."""
        self._fail_if_told()
        return tuple(sorted({record.service for record in self._store.records}))

    async def instance(
        self,
        namespace: str,  # noqa: ARG002 -- the port's signature
        service: str,
        instance_id: str,
        deadline: Deadline,  # noqa: ARG002 -- the port's signature
    ) -> Entry | None:
        """Return one record, or None."""
        entries = self._entries(service, stage=_stage_of(instance_id))
        return next((entry for entry in entries if entry.id == instance_id), None)

    async def instances(self, namespace: str, service: str, deadline: Deadline) -> tuple[Entry, ...]:  # noqa: ARG002 -- the port's signature
        """Return the records of a service, by id."""
        return self._entries(service, stage=self._stage)

    async def discoverable(
        self,
        namespace: str,  # noqa: ARG002 -- the port's signature
        service: str,
        query: Mapping[str, str],
        deadline: Deadline,  # noqa: ARG002 -- the port's signature
    ) -> tuple[Entry, ...]:
        """Return the records of a service that have the attributes of the query."""
        entries = self._entries(service, stage=query.get("stage", self._stage))
        return tuple(entry for entry in entries if query.items() <= entry.attributes.items())

    async def register(
        self,
        namespace: str,  # noqa: ARG002 -- the port's signature
        service: str,
        instance_id: str,
        attributes: Mapping[str, str],
        deadline: Deadline,  # noqa: ARG002 -- the port's signature
    ) -> None:
        """Write the record."""
        self._fail_if_told()
        record = decode_attributes(service, instance_id, attributes)
        if not isinstance(record, Instance):
            raise InvalidValueError("attributes", dict(attributes), record.reason)
        self._store.put(record)

    async def deregister(self, namespace: str, service: str, instance_id: str, deadline: Deadline) -> bool:  # noqa: ARG002 -- the port's signature
        """Remove the record; return False if it is not there. One of every stage is then gone from every stage."""
        self._fail_if_told()
        stage = _stage_of(instance_id)
        present = [
            record
            for record in self._store.records
            if record.service == service and _in_stage(record, stage).id == instance_id
        ]
        self._store.remove(*present)
        return bool(present)

    def _entries(self, service: str, *, stage: str) -> tuple[Entry, ...]:
        """Return the records of a service by id; those of every stage as of this one."""
        self._fail_if_told()
        of_service = [record for record in self._store.records if record.service == service]
        # In this order, so that a record of the stage itself counts where there is also one of every stage.
        of_service.sort(key=lambda record: record.stage != EVERY_STAGE)
        listed = {record.id: record for record in (_in_stage(one, stage) for one in of_service)}
        return tuple(Entry(record_id, encode_attributes(listed[record_id])) for record_id in sorted(listed))

    def _fail_if_told(self) -> None:
        if self._store.failure is not None:
            raise self._store.failure.at(self._store.name)


def _stage_of(instance_id: str) -> str:
    """Return the stage that the id of a record of ours begins with."""
    return instance_id.rpartition("-")[0] or NO_STAGE


def _in_stage(record: Instance, stage: str) -> Instance:
    """Return the record as it is there in this stage, if it is there in every stage."""
    return replace(record, stage=stage, id="") if record.stage == EVERY_STAGE else record


class FakeRegistry:
    """What `fake_registry` yields: put and remove records, make AWS fail, let time pass, see what was asked."""

    def __init__(self, store: FakeStore, clock: FakeClock, core: Core) -> None:
        self._store = store
        self._clock = clock
        self._core = core

    def put(self, service: str, endpoint: str, *, stage: str = EVERY_STAGE, **fields: Any) -> Instance:
        """Add a record, found in every stage unless one is given; `fields` are those of `Instance`."""
        if stage != EVERY_STAGE:
            check_stage(stage)
        instance = Instance(check_service(service), check_endpoint(endpoint), stage=stage, **fields)
        self._store.put(instance)
        self._core.discovery.forget_all()
        return instance

    def remove(self, service: str, *, stage: str | None = None) -> None:
        """Remove the service's records: of one stage, or all of them."""
        self._store.remove(
            *(
                record
                for record in self._store.records
                if record.service == service and stage in {None, record.stage}
            )
        )
        self._core.discovery.forget_all()

    def fail(self, error: StoreError) -> None:
        """Let every call to AWS fail from now on, such as with `ThrottledError("Rate exceeded")`.

        What was looked up before stays held, as it would: lookups of it go on being answered.
        """
        self._store.failure = error

    def heal(self) -> None:
        """Let calls to AWS succeed again, at once."""
        self._store.failure = None
        self._core.health.clear()
        self._core.discovery.forget_all()

    def advance(self, seconds: float) -> None:
        """Let time pass: answers grow old."""
        self._clock.advance(seconds)

    @property
    def records(self) -> tuple[Instance, ...]:
        """Every record that is there, those that the code under test registered included."""
        return self._store.records

    @property
    def asked(self) -> list[tuple[str, str]]:
        """The service and stage of every lookup that reached the registry, in order; cached ones do not."""
        return [(key.service, key.stage) for key in self._store.asked]


class _NoConnections:
    async def aclose(self) -> None:
        return

    def forget(self) -> None:
        return


@contextmanager
def fake_registry(
    records: Mapping[str, str] | None = None, *, stage: str = NO_STAGE
) -> Iterator[FakeRegistry]:
    """Put a registry in memory in the place of AWS, for every function of the package, until the block ends.

    `records` are endpoints by service, found in every stage. `stage` stands in for `DISCOVERY_STAGE`, and may be a
    ladder. The environment is not read, nor are declared dependencies, and time stands still unless told to pass.
    """
    clock = FakeClock()
    store = FakeStore(clock=clock)
    core = assemble(
        Settings(stage=None if stage == NO_STAGE else stage, sources=(CLOUD_MAP,)),
        [store],
        lambda: FakeControl(store, stage=check_ladder(stage)[0]),
        list,
        _NoConnections(),
        io=api.process.io,
        clock=clock,
        events=api.process.events,
        stale_wait_seconds=0.0,
        sleep=clock.sleep,
    )
    registry = FakeRegistry(store, clock, core)
    for service, endpoint in (records or {}).items():
        registry.put(service, endpoint)
    with api.process.replaced(core):
        yield registry
