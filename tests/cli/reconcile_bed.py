"""The program over a registrar whose AWS is in memory."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final, NoReturn

from cloudmap_discovery import wiring
from cloudmap_discovery.cli.home import find_home
from cloudmap_discovery.cli.program import run
from cloudmap_discovery.registrar.parts import Parts
from tests.cli.cli_bed import IO, Ran, Terminal
from tests.unit.fake_cloud_map import FakeCloudMap
from tests.unit.fake_functions import ACCOUNT, REGION, FakeFunctions, arn_of
from tests.unit.fake_s3 import BUCKET, KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudmap_discovery.event_hub import EventHub

PLAIN: Final = {
    "COLUMNS": "80",
    "AWS_REGION": REGION,
    "DISCOVERY_SOURCES": "cloudmap",
}
USERS: Final = {"service": "users", "stage": "Production"}


FUNCTION: Final = "arn:aws:lambda:eu-central-1:123456789012:function:"
WITH_S3: Final = PLAIN | {
    "DISCOVERY_MIRRORS": "s3",
    "DISCOVERY_BUCKET": BUCKET,
    "DISCOVERY_SNAPSHOT_KEY": KEY,
}


class ReconcileBed:
    """Functions, Cloud Map, and whose credentials there are; time passes only where somebody waits."""

    def __init__(self) -> None:
        self.cloud = FakeCloudMap()
        self.lambdas = FakeFunctions(self.cloud.transport)
        self.homes: list[Any] = []
        self.caller(f"arn:aws:iam::{ACCOUNT}:user/somebody")

    def caller(self, arn: str) -> None:
        """Have credentials of this user or role."""
        account = arn.split(":")[4]
        self.cloud.transport.answer("GetCallerIdentity", {"Account": account, "Arn": arn, "UserId": "AIDA"})

    def registrar(self, environment: Mapping[str, str], events: EventHub) -> Parts:
        settings = wiring.read_settings(environment)
        transport = self.cloud.transport
        home = IO.run(lambda: find_home(transport, settings, environment))
        self.homes.append(home)
        return Parts(
            settings,
            {},
            home=home,
            io=IO,
            clock=self.cloud.clock,
            events=events,
            transport=transport,
            sleep=self.cloud.clock.sleep,
        )

    def run(self, *arguments: str, terminal: bool = False, environment: Mapping[str, str] = PLAIN) -> Ran:
        """Run `reconcile`; `terminal` makes both its outputs terminals."""
        out = Terminal() if terminal else io.StringIO()
        err = Terminal() if terminal else io.StringIO()
        code = run(
            ["reconcile", *arguments],
            environment=environment,
            core_factory=_no_core,
            registrar_factory=self.registrar,
            out=out,
            err=err,
        )
        return Ran(code, out.getvalue(), err.getvalue())

    def seed(self, service: str, function: str, **attributes: str) -> None:
        """Have a record that the function's tags made, by an earlier run."""
        record = {"endpoint": function, "stage": "Production", "owner": f"tag:{function}", **attributes}
        self.cloud.seed(service, f"{service}-1", record)

    def seed_gone(self, number: int) -> None:
        """Have so many records whose functions are gone."""
        for at in range(number):
            self.seed(f"gone{at}", arn_of(f"gone{at}"))

    @property
    def written(self) -> set[str]:
        """The operations that were called and write something."""
        reading = ("Get", "List", "Discover")
        return {name for name in self.cloud.transport.operations if not name.startswith(reading)}

    def endpoints(self) -> dict[str, list[str]]:
        """The endpoints of all services that have any."""
        found = {
            service.name: [one["endpoint"] for one in service.seen_at(self.cloud.clock.monotonic()).values()]
            for service in self.cloud.services.values()
        }
        return {name: endpoints for name, endpoints in found.items() if endpoints}


def _no_core(*_: object) -> NoReturn:
    raise AssertionError("a registrar brings its own core")
