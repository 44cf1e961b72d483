"""The program over stores in memory: what its tests arrange, and how they run it."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery import wiring
from cloudmap_discovery.assembly import assemble
from cloudmap_discovery.cli.program import run
from cloudmap_discovery.io_thread import IOThread
from cloudmap_discovery.model import Instance
from cloudmap_discovery.testing import FakeClock, FakeControl, FakeStore
from tests.unit.registry_bed import FakeMirror

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudmap_discovery.assembly import Core
    from cloudmap_discovery.cli.session import CoreFactory
    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.dependencies import Dependency
    from cloudmap_discovery.errors import StoreError
    from cloudmap_discovery.event_hub import EventHub
    from cloudmap_discovery.stores.mirror_port import Mirror

STAGE: Final = "Production"
IO: Final = IOThread()
"""One for all tests: an I/O thread lives as long as the process."""

PLAIN: Final[Mapping[str, str]] = {"COLUMNS": "80"}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class BedControl(FakeControl):
    """A control plane that may lack its namespace, or refuse to list it."""

    def __init__(self, store: FakeStore, *, has_namespace: bool, listing_failure: StoreError | None) -> None:
        super().__init__(store)
        self._has_namespace = has_namespace
        self._listing_failure = listing_failure

    async def services(self, namespace: str, deadline: Deadline) -> tuple[str, ...]:
        if self._listing_failure is not None:
            raise self._listing_failure
        return await super().services(namespace, deadline)

    async def has_namespace(self, namespace: str, deadline: Deadline) -> bool:  # noqa: ARG002 -- the port's signature
        return self._has_namespace


class Connections:
    """What carries calls to nowhere, and remembers that it was closed."""

    def __init__(self) -> None:
        self.closed = 0

    async def aclose(self) -> None:
        self.closed += 1

    def forget(self) -> None:
        return


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended."""

    code: int
    out: str
    err: str


@dataclass
class CliBed:
    """Cloud Map and Parameter Store in memory, and the program over them."""

    clock: FakeClock = field(default_factory=FakeClock)
    mirror: FakeMirror = field(default_factory=lambda: FakeMirror("ssm"))
    has_namespace: bool = True
    listing_failure: StoreError | None = None
    dependencies: tuple[Dependency, ...] = ()
    connections: Connections = field(default_factory=Connections)

    def __post_init__(self) -> None:
        self.cloud_map = FakeStore("cloudmap", clock=self.clock)
        self.parameters = FakeStore("ssm", clock=self.clock)

    def core(self, environment: Mapping[str, str], events: EventHub) -> Core:
        settings = wiring.read_settings(environment)
        stores = {"cloudmap": self.cloud_map, "ssm": self.parameters}
        return assemble(
            settings,
            [stores[name] for name in settings.sources],
            lambda: BedControl(
                self.cloud_map, has_namespace=self.has_namespace, listing_failure=self.listing_failure
            ),
            self.make_mirrors,
            self.connections,
            io=IO,
            clock=self.clock,
            events=events,
            stale_wait_seconds=0.0,
            dependencies=self.dependencies,
        )

    def make_mirrors(self) -> list[Mirror]:
        return [self.mirror]

    def run(
        self,
        *arguments: str,
        environment: Mapping[str, str] = PLAIN,
        terminal: bool = False,
        core_factory: CoreFactory | None = None,
    ) -> Ran:
        """Run the program; `terminal` makes both its outputs terminals."""
        out = Terminal() if terminal else io.StringIO()
        err = Terminal() if terminal else io.StringIO()
        code = run(
            arguments, environment=environment, core_factory=core_factory or self.core, out=out, err=err
        )
        return Ran(code, out.getvalue(), err.getvalue())


def record(service: str, endpoint: str = "", *, stage: str = STAGE, **fields: Any) -> Instance:
    return Instance(service, endpoint or f"https://{service}.test", stage, **fields)
