"""A Registry over Cloud Map in memory: what unit tests of registration arrange."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from cloudmap_discovery.copies import Copy
from cloudmap_discovery.documents import record_fields
from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.listing import Listing
from cloudmap_discovery.mirrors import Mirrors
from cloudmap_discovery.registry import Registry
from cloudmap_discovery.stores.cloud_map_control import CloudMapControl
from cloudmap_discovery.stores.mirror_port import Written
from tests.unit.fake_cloud_map import FakeCloudMap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cloudmap_discovery.copies import Records
    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.errors import StoreError
    from cloudmap_discovery.events import Event
    from cloudmap_discovery.model import Instance, Key, Place

URL = "https://users.test"
STAGE = "Production"


class FakeMirror:
    """A mirror in memory; `refusal` is why it is left alone, `failure` what it raises, `on_write` what happens meanwhile."""

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.refusal: str | None = None
        self.failure: StoreError | None = None
        self.on_write: Callable[[], Any] | None = None
        self.on_copy: Callable[[], Any] | None = None
        self.lacks_all = False
        self.places_at_once = 1
        self.checks = 0
        self.held: dict[Place, tuple[Instance, ...]] = {}
        self.left_alone: dict[Place, str] = {}
        self.writes: list[tuple[str, str, tuple[Instance, ...]]] = []
        self.most_at_once = 0
        self._writing = 0

    @property
    def holds(self) -> list[str]:
        """The endpoints that were written last."""
        return [instance.endpoint for instance in self.writes[-1][2]]

    async def write(
        self,
        places: Mapping[Place, Sequence[Instance]],
        deadline: Deadline,
        *,
        checked: bool = False,
        force: bool = False,
    ) -> Written:
        assert deadline.seconds_left > 0
        if self.failure is not None:
            raise self.failure
        if self.refusal is not None and not force:
            return Written(refusal=self.refusal)
        if self.lacks_all and not checked:
            return Written(lacks_all=True)
        self.lacks_all = False
        self._writing += 1
        self.most_at_once = max(self.most_at_once, self._writing)
        await asyncio.sleep(0)
        self._writing -= 1
        changed = {
            place: tuple(instances)
            for place, instances in places.items()
            if self.held.get(place) != tuple(instances)
        }
        self.held.update(changed)
        self.checks += checked
        self.writes.extend((*place, instances) for place, instances in changed.items())
        if self.on_write is not None and changed:
            self.on_write()
        return Written(changed=bool(changed))

    async def create(self, places: Mapping[Place, Sequence[Instance]], deadline: Deadline) -> None:
        if self.lacks_all:
            await self.write(places, deadline, checked=True)

    async def copy(self, deadline: Deadline) -> Copy:
        assert deadline.seconds_left > 0
        if self.failure is not None:
            raise self.failure
        if self.on_copy is not None:
            self.on_copy()
        places = {place: self.records(instances) for place, instances in self.held.items() if instances}
        return Copy(places, self.left_alone, exists=not self.lacks_all)

    def records(self, instances: Iterable[Instance]) -> Records:
        return {instance.id: record_fields(instance) for instance in instances}


class RegistryBed:
    """A registry of the namespace `services` with the default stage `Production`, and all it tells."""

    def __init__(self, *, default_stage: str | None = STAGE, cloud: FakeCloudMap | None = None) -> None:
        self.cloud = cloud or FakeCloudMap()
        self.clock = self.cloud.clock
        self.mirror = FakeMirror()
        self.events: list[Event] = []
        self.forgotten: list[Key] = []
        self.forgets = 0
        hub = EventHub()
        hub.subscribe(self.events.append)
        control = CloudMapControl(self.cloud.transport)
        listing = Listing(control, namespace="services", clock=self.clock, events=hub, sleep=self.clock.sleep)
        self.registry = Registry(
            control,
            mirrors=Mirrors(control, [self.mirror], namespace="services", events=hub, listing=listing),
            listing=listing,
            clock=self.clock,
            events=hub,
            forget=self._forget,
            namespace="services",
            default_stage=default_stage,
            sleep=self.clock.sleep,
            random=lambda: 1.0,
        )

    def _forget(self, key: Key) -> None:
        self.forgets += 1
        if key not in self.forgotten:
            self.forgotten.append(key)

    @property
    def register(self) -> Callable[..., Any]:
        return self.registry.register

    @property
    def deregister(self) -> Callable[..., Any]:
        return self.registry.deregister

    def count(self, operation: str) -> int:
        return self.cloud.transport.operations.count(operation)
