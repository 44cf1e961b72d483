"""What every transport makes of trouble: the designed error, in time, and well again once the trouble is over."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import (
    AccessDeniedError,
    RemoteError,
    StoreError,
    StoreTimeoutError,
    ThrottledError,
)
from tests.contract.transport_bed import (
    DISCOVER,
    NOISE_SECONDS,
    PLENTY_SECONDS,
    case,
    credentials,
    discover,
    ids,
    transport,
)
from tests.standin.faults import (
    AccessDenied,
    Drip,
    ErrorAnswer,
    Fault,
    Garbage,
    Hang,
    Latency,
    Reset,
    Truncated,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudmap_discovery.transport.port import Transport
    from tests.contract.transport_cases import TransportCase
    from tests.standin.stand_in import StandIn

__all__ = ["case", "credentials", "transport"]  # fixtures, found by name

# For what is never answered, and for what is answered at once with trouble: enough for every attempt.
SHORT_SECONDS = 0.6


@dataclass(frozen=True, slots=True)
class Expected:
    """The error that a fault becomes: its class and some of its fields."""

    kind: type[StoreError]
    retryable: bool
    unhealthy: bool
    fields: Mapping[str, Any] = field(default_factory=dict)


UNREACHABLE = Expected(StoreTimeoutError, retryable=True, unhealthy=True)
TROUBLE: dict[str, tuple[Fault, Expected]] = {
    "throttled": (
        ErrorAnswer("RequestLimitExceeded"),
        Expected(ThrottledError, retryable=True, unhealthy=True, fields={"code": "RequestLimitExceeded"}),
    ),
    "denied": (
        AccessDenied(),
        Expected(AccessDeniedError, retryable=False, unhealthy=False, fields={"action": DISCOVER}),
    ),
    "not known to AWS": (
        ErrorAnswer("UnrecognizedClientException"),
        Expected(AccessDeniedError, retryable=False, unhealthy=False, fields={"action": ""}),
    ),
    "with credentials that have expired": (
        ErrorAnswer("ExpiredTokenException"),
        Expected(RemoteError, retryable=True, unhealthy=False, fields={"code": "ExpiredTokenException"}),
    ),
    "at another time than AWS": (
        ErrorAnswer("RequestTimeTooSkewed", status=403),
        Expected(RemoteError, retryable=True, unhealthy=False, fields={"code": "RequestTimeTooSkewed"}),
    ),
    "hanging": (Hang(), UNREACHABLE),
    "slow": (Latency(300.0), UNREACHABLE),
    "dripping": (Drip(0.1), UNREACHABLE),
    "reset": (Reset(), UNREACHABLE),
    "reset after processing": (Reset(after_processing=True), UNREACHABLE),
    "failing": (
        ErrorAnswer("InternalFailure", status=500),
        Expected(
            RemoteError,
            retryable=True,
            unhealthy=False,
            fields={"code": "InternalFailure", "status": 500},
        ),
    ),
    "unavailable": (
        ErrorAnswer("ServiceUnavailable", status=503),
        Expected(RemoteError, retryable=True, unhealthy=True, fields={"status": 503}),
    ),
    "garbage": (Garbage(), Expected(RemoteError, retryable=True, unhealthy=True, fields={"status": 200})),
    "truncated": (Truncated(), Expected(RemoteError, retryable=True, unhealthy=True)),
    "bad gateway": (
        Garbage(b"<html>bad gateway</html>", status=502),
        Expected(RemoteError, retryable=True, unhealthy=True, fields={"status": 502}),
    ),
    "a proxy that refuses": (
        Garbage(b"Forbidden by the proxy", status=403),
        Expected(RemoteError, retryable=True, unhealthy=True, fields={"status": 403}),
    ),
    "an empty failure": (
        Garbage(b"", status=500),
        Expected(RemoteError, retryable=True, unhealthy=True, fields={"status": 500}),
    ),
}


async def failure_of(transport: Transport, timeout_seconds: float = PLENTY_SECONDS) -> StoreError:
    started = time.monotonic()
    with pytest.raises(StoreError) as caught:
        await discover(transport, timeout_seconds=timeout_seconds)
    assert time.monotonic() - started < timeout_seconds + NOISE_SECONDS
    return caught.value


def check(error: StoreError, expected: Expected) -> None:
    assert isinstance(error, expected.kind)
    assert (error.retryable, error.unhealthy) == (expected.retryable, expected.unhealthy)
    assert {name: getattr(error, name) for name in expected.fields} == expected.fields
    assert (error.service, error.operation) == ("servicediscovery", "DiscoverInstances")


@pytest.mark.parametrize("warm", [False, True], ids=["first call", "later call"])
@pytest.mark.parametrize("trouble", TROUBLE)
async def test_trouble_becomes_its_error_in_time_and_ends_when_it_ends(
    transport: Transport, aws: StandIn, trouble: str, *, warm: bool
) -> None:
    fault, expected = TROUBLE[trouble]
    if warm:
        await discover(transport)

    is_silent = isinstance(fault, Hang | Latency | Drip)
    with aws.faults.add(fault, DISCOVER):
        error = await failure_of(transport, SHORT_SECONDS if is_silent else PLENTY_SECONDS)

    check(error, expected)
    assert ids(await discover(transport)) == ["Production-1"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"<html>Please log in</html>",
        b"\xff\xfe\x00",
        b'{"Instances": [{"InstanceId": "Produ',
        b'{"Instances": 5}',
        b'{"Instances": [5]}',
        b'{"Instances": {"a": "b"}}',
        b'{"error": "log in first"}',
    ],
)
async def test_a_body_that_is_not_an_answer_never_looks_like_no_instances(
    transport: Transport, aws: StandIn, body: bytes
) -> None:
    with aws.faults.garbage(DISCOVER, body=body):
        error = await failure_of(transport)

    check(error, Expected(RemoteError, retryable=True, unhealthy=True, fields={"status": 200}))


async def test_a_failure_is_retried_as_often_as_the_transport_retries(
    case: TransportCase, transport: Transport, aws: StandIn
) -> None:
    with aws.faults.error("InternalFailure", DISCOVER, status=500):
        error = await failure_of(transport)

    assert aws.calls() == {DISCOVER: case.attempts}
    assert ("(3 attempts)" in str(error)) == (case.attempts == 3)


async def test_a_refusal_is_not_retried(transport: Transport, aws: StandIn) -> None:
    with aws.faults.access_denied(DISCOVER):
        await failure_of(transport)

    assert aws.calls() == {DISCOVER: 1}


async def test_a_dead_connection_that_had_served_before_costs_nothing(
    transport: Transport, aws: StandIn
) -> None:
    await discover(transport)

    with aws.faults.reset(DISCOVER, count=1) as reset:
        answer = await discover(transport)

    assert reset.met == 1
    assert ids(answer) == ["Production-1"]
    assert aws.calls() == {DISCOVER: 3}


async def test_many_dead_connections_at_once_cost_nothing(transport: Transport, aws: StandIn) -> None:
    await asyncio.gather(*(discover(transport) for _ in range(10)))
    aws.drop_connections()

    answers = await asyncio.gather(*(discover(transport) for _ in range(10)))

    assert [ids(answer) for answer in answers] == [["Production-1"]] * 10


@pytest.mark.usefixtures("credentials")
async def test_a_port_that_nobody_listens_on_is_a_timeout(case: TransportCase) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        transport = case.make(f"http://127.0.0.1:{bound.getsockname()[1]}")

        error = await failure_of(transport)

    await transport.aclose()
    check(error, UNREACHABLE)


@pytest.mark.usefixtures("credentials")
async def test_a_server_that_does_not_speak_tls_is_a_timeout(case: TransportCase, aws: StandIn) -> None:
    transport = case.make(aws.url.replace("http://", "https://"))

    error = await failure_of(transport)

    await transport.aclose()
    check(error, UNREACHABLE)
    assert aws.calls() == {}


@pytest.mark.usefixtures("credentials")
async def test_a_name_that_does_not_exist_is_a_timeout(
    case: TransportCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    transport = case.make("http://cloud-map.example")

    error = await failure_of(transport)

    await transport.aclose()
    check(error, UNREACHABLE)


@pytest.mark.usefixtures("credentials")
async def test_a_dns_that_does_not_answer_is_a_timeout_in_time(
    case: TransportCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def waits(*_: object, **__: object) -> None:
        over.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", waits)
    transport = case.make("http://cloud-map.example")

    try:
        error = await failure_of(transport, SHORT_SECONDS)
    finally:
        over.set()

    await transport.aclose()
    check(error, UNREACHABLE)


async def test_remembered_failures_keep_no_frames(transport: Transport, aws: StandIn) -> None:
    with aws.faults.reset(DISCOVER):
        error = await failure_of(transport)

    lower = error.__cause__
    assert lower is not None
    while lower is not None:
        assert lower.__traceback__ is None
        lower = lower.__cause__ or lower.__context__
