"""What calls services over a wire in memory: which instances answer, and what they were asked."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cloudmap_discovery.api import process
from cloudmap_discovery.calls.calling import Calling, Where
from cloudmap_discovery.calls.messages import Call, Incoming, Outgoing, once
from cloudmap_discovery.calls.signing import Signer
from cloudmap_discovery.testing import FakeRegistry, fake_registry
from cloudmap_discovery.transport.signing import Credentials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudmap_discovery.calls.calling import Called
    from cloudmap_discovery.errors import DiscoveryError

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:users"
INVOKE = "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/"
Outcome = Incoming | Exception


class FakeKeys:
    """Credentials that are there, or an error in their place."""

    def __init__(self) -> None:
        self.failure: DiscoveryError | None = None
        self.asked = 0
        self.forgotten = 0

    def forget(self) -> None:
        self.forgotten += 1

    async def current(self, *, timeout_seconds: float) -> Credentials:
        assert timeout_seconds > 0
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return Credentials("AKIDEXAMPLE", "secret", "token")


class FakeWire:
    """Answers by the beginning of the URL; `sent` is what came, with bodies read to their end unless it failed before."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Any]] = {}
        self.sent: list[Outgoing] = []
        self.seconds: list[float] = []

    def answer(self, start: str, *outcomes: Any) -> None:
        """Give these outcomes in turn, the last one for ever: an error, bytes, or (status, headers, body)."""
        self.answers[start] = list(outcomes)

    async def send(self, request: Outgoing, *, timeout_seconds: float) -> Incoming:
        self.sent.append(request)
        self.seconds.append(timeout_seconds)
        outcomes = next(given for start, given in self.answers.items() if request.url.startswith(start))
        outcome = outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        if isinstance(outcome, Incoming):
            return outcome
        if isinstance(outcome, bytes):
            return Incoming(200, (), once(outcome))
        status, headers, body = outcome
        return Incoming(status, tuple(headers.items()), once(body))

    @property
    def hosts(self) -> list[str]:
        return [request.url.split("/")[2] for request in self.sent]

    def headers(self, number: int = -1) -> dict[str, str]:
        return dict(self.sent[number].headers)

    def event(self, number: int = -1) -> Any:
        body = self.sent[number].body
        assert isinstance(body, bytes)
        return json.loads(body)


class CallingBed:
    """A registry in memory, a wire, and what calls over them."""

    def __init__(self, registry: FakeRegistry, calling: Calling, wire: FakeWire, keys: FakeKeys) -> None:
        self.registry = registry
        self.calling = calling
        self.wire = wire
        self.keys = keys

    def put(self, endpoint: str, variant: str | None = None, **attributes: str) -> None:
        self.registry.put("users", endpoint, variant=variant, attributes=attributes)

    async def call(
        self, call: Call | None = None, *, may_sign: bool = True, seconds: float = 10.0, **where: Any
    ) -> tuple[Called, bytes]:
        wanted = Where("users", **where)
        called = await self.calling.call(
            wanted, call or Call("GET", "/7"), timeout_seconds=seconds, may_sign=may_sign
        )
        return called, await called.incoming.whole(1 << 24) or b""


@contextmanager
def calling_bed(region: str | None = "eu-central-1") -> Iterator[CallingBed]:
    wire, keys = FakeWire(), FakeKeys()
    with fake_registry() as registry:
        core = registry._core
        calling = Calling(
            core.discovery,
            wire,
            Signer(keys, wall=lambda: 1_700_000_000.0),
            clock=process.clock,
            region=region,
            endpoint_url=None,
            environment={},
        )
        yield CallingBed(registry, calling, wire, keys)
