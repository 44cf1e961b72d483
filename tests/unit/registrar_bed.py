"""A registrar over AWS in memory, in time that passes only where somebody waits for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.io_thread import IOThread
from cloudmap_discovery.registrar.handler import Entrance
from cloudmap_discovery.registrar.hints import Hints
from cloudmap_discovery.registrar.parts import Parts
from cloudmap_discovery.registrar.permits import Home
from cloudmap_discovery.registrar.requests import read_request
from cloudmap_discovery.settings import Settings
from tests.unit.fake_cloud_map import FakeCloudMap
from tests.unit.fake_functions import ACCOUNT, REGION, FakeFunctions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudmap_discovery.registrar.carrying_out import Done
    from cloudmap_discovery.registrar.reconcile import Plan
    from cloudmap_discovery.registrar.requests import Outcome
    from cloudmap_discovery.registrar.runs import Summary

HOME = Home(ACCOUNT, REGION)
IO = IOThread()
"""One for all tests: an I/O thread lives as long as the process."""
STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/users-prod/5a1c"
OWNER = f"cfn:{ACCOUNT}:{REGION}:users-prod"
URL = "https://users.example.com"


def asked(kind: str, *, logical_id: str = "Users", stack: str = STACK, **more: Any) -> dict[str, Any]:
    """Return a request of CloudFormation; `old` and `physical` are for Updates and Deletes, the rest are properties."""
    old, physical = more.pop("old", None), more.pop("physical", None)
    event = {
        "RequestType": kind,
        "ResponseURL": "https://cloudformation-custom-resource-response.s3.amazonaws.com/answer?signed=secret",
        "StackId": stack,
        "RequestId": "b7d0",
        "ResourceType": "Custom::ServiceEndpoint",
        "LogicalResourceId": logical_id,
        "ResourceProperties": {"ServiceToken": "arn:aws:lambda:…", **more},
    }
    if old is not None:
        event["OldResourceProperties"] = {"ServiceToken": "arn:aws:lambda:…", **old}
    if physical is not None:
        event["PhysicalResourceId"] = physical
    return event


class RegistrarBed:
    """A registrar of the namespace `services`, without mirrors unless `settings` name some."""

    def __init__(self, cloud: FakeCloudMap | None = None, **settings: Any) -> None:
        self.cloud = cloud or FakeCloudMap()
        self.clock = self.cloud.clock
        self.lambdas = FakeFunctions(self.cloud.transport)
        self.settings = Settings(**{"sources": ("cloudmap",), **settings})
        self.parts = self.made(HOME)

    def made(self, home: Home) -> Parts:
        return Parts(
            self.settings,
            {},
            home=home,
            io=IO,
            clock=self.clock,
            events=EventHub(),
            transport=self.cloud.transport,
            sleep=self.clock.sleep,
        )

    async def ask(self, kind: str, *, seconds: float = 900.0, **more: Any) -> Outcome:
        """Let the resource do what CloudFormation asks for, within so many seconds."""
        ends = self.clock.monotonic() + seconds
        request = read_request(asked(kind, **more))
        return await self.parts.resource.handle(request, lambda: max(ends - self.clock.monotonic(), 0.0))

    async def ask_as(self, changed: Mapping[str, Any], kind: str, **more: Any) -> Outcome:
        """Ask with members of the event itself changed."""
        request = read_request({**asked(kind, **more), **changed})
        return await self.parts.resource.handle(request, lambda: 900.0)

    async def run(self, *hinted: str, seconds: float = 850.0, **more: Any) -> Summary:
        """Reconcile, hinted at these functions; `scheduled` and `forced` as they are called."""
        forced = more.pop("forced", False)
        deadline = self.parts.core.registry.deadline(seconds)
        return await self.parts.runs.run(Hints(frozenset(hinted), **more), deadline, forced=forced)

    @classmethod
    def over(cls, bed: RegistrarBed, **settings: Any) -> RegistrarBed:
        """Return another process over the same AWS."""
        other = cls(bed.cloud, **settings)
        other.lambdas.functions = bed.lambdas.functions
        return other

    async def carried_out(self, plan: Plan) -> Done:
        """Carry out a plan that may be old."""
        deadline = self.parts.core.registry.deadline(600)
        return await self.parts.runs._carrying_out.carry_out(plan, deadline, mirrored=False)

    def count(self, operation: str) -> int:
        return self.cloud.transport.operations.count(operation)

    def endpoints(self, service: str) -> dict[str, str]:
        """Return the endpoints of a service by stage and owner-ref or owner."""
        return {instance: one["endpoint"] for instance, one in self.cloud.has(service).items()}

    @property
    def registered(self) -> dict[str, str]:
        """All endpoints, by service and stage; of several records of one place the last."""
        return {
            f"{service.name}/{one['stage']}": one["endpoint"]
            for service in self.cloud.services.values()
            for one in service.seen_at(self.clock.monotonic()).values()
        }


class FakeContext:
    """What Lambda says of an invocation whose time passes on the bed's clock."""

    def __init__(self, bed: RegistrarBed, seconds: float = 900.0) -> None:
        self.invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:registrar"
        self._bed = bed
        self._ends = bed.clock.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(max(self._ends - self._bed.clock.monotonic(), 0) * 1000)


class FakeAnswerer:
    """Keeps what is answered; `failure` is raised instead."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.sizes: list[int] = []
        self.failure: Exception | None = None

    def send(self, url: str, body: bytes, seconds: float) -> None:
        assert url.startswith("https://")
        assert seconds > 0
        if self.failure is not None:
            raise self.failure
        self.sizes.append(len(body))
        self.answers.append(json.loads(body))


def entrance(
    bed: RegistrarBed, answerer: Any, written: list[str], variables: Mapping[str, str] | None = None
) -> Entrance:
    return Entrance(
        variables or {}, clock=bed.clock, answerer=answerer, make_parts=bed.made, write=written.append
    )
