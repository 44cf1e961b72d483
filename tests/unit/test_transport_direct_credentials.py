"""Credentials of the direct transport: fetched off the event loop, in the call's time, read anew when AWS refuses them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.errors import AccessDeniedError, RemoteError, StoreTimeoutError
from cloudmap_discovery.transport.retry import RetryingTransport
from tests.contract.transport_cases import CREDENTIALS
from tests.contract.transport_peers import NO_INSTANCES, Asked, HttpPeer, Told, eventually
from tests.unit.direct_bed import discover, failure_of, keys, peer, transport_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["peer"]  # a fixture, found by name

NO_KEYS = {name: text for name, text in CREDENTIALS.items() if "KEY" not in name}


class Issuer(HttpPeer):
    """A container's credentials endpoint; each answer has a key of its own, `AKIA1`, `AKIA2` …."""

    def __init__(self) -> None:
        super().__init__(self._issue)
        self.ready = asyncio.Event()
        self.ready.set()

    @property
    def environment(self) -> dict[str, str]:
        return {**NO_KEYS, "AWS_CONTAINER_CREDENTIALS_FULL_URI": self.url}

    def _issue(self, _: Asked) -> Told:
        document = {
            "AccessKeyId": f"AKIA{len(self.asked)}",
            "SecretAccessKey": "secret",
            "Token": "token",
            "Expiration": (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return Told(document, when=self.ready)


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with Issuer() as issuer:
        yield issuer


async def test_many_first_calls_fetch_credentials_once(peer: HttpPeer, issuer: Issuer) -> None:
    transport = transport_to(peer.url, issuer.environment)

    await asyncio.gather(*(discover(transport) for _ in range(20)))

    await transport.aclose()
    assert len(issuer.asked) == 1
    assert keys(peer) == ["AKIA1"] * 20


async def test_a_call_that_gives_up_on_slow_credentials_says_so_and_a_later_one_has_them(
    peer: HttpPeer, issuer: Issuer
) -> None:
    transport = transport_to(peer.url, issuer.environment)
    issuer.ready.clear()

    error = await failure_of(transport, 0.3)
    issuer.ready.set()
    answer = await discover(transport)

    await transport.aclose()
    assert isinstance(error, StoreTimeoutError)
    assert "still fetching AWS credentials" in str(error)
    assert answer == {"Instances": []}


async def test_a_fetch_that_gives_up_because_the_time_is_up_is_a_timeout_too(
    peer: HttpPeer, issuer: Issuer
) -> None:
    transport = transport_to(peer.url, issuer.environment)
    issuer.ready.clear()
    call = transport._prepared("servicediscovery", "DiscoverInstances", {}, 0.2)

    error = await asyncio.to_thread(call.run)

    assert isinstance(error, StoreTimeoutError)
    assert "still fetching AWS credentials" in str(error)


async def test_a_call_that_was_given_up_while_credentials_were_fetched_sends_nothing(
    peer: HttpPeer, issuer: Issuer
) -> None:
    transport = transport_to(peer.url, issuer.environment)
    issuer.ready.clear()
    call = asyncio.create_task(discover(transport))
    await eventually(lambda: len(issuer.asked) == 1)

    call.cancel()
    await asyncio.wait([call])
    issuer.ready.set()
    await eventually(lambda: not transport._busy)

    assert peer.asked == []


async def test_a_call_that_was_given_up_before_it_began_fetches_none(peer: HttpPeer, issuer: Issuer) -> None:
    transport = transport_to(peer.url, issuer.environment)
    call = transport._prepared("servicediscovery", "DiscoverInstances", {}, 20.0)

    call.end("for this test")
    error = await asyncio.to_thread(call.run)

    assert isinstance(error, StoreTimeoutError)
    assert "for this test" in str(error)
    assert issuer.asked == []


@pytest.mark.parametrize("code", ["ExpiredTokenException", "UnrecognizedClientException"])
async def test_credentials_that_aws_refuses_are_read_anew_for_the_next_call(
    peer: HttpPeer, issuer: Issuer, code: str
) -> None:
    peer.answer = lambda _: (
        Told({"__type": code, "message": "no"}, status=400) if len(peer.asked) == 1 else NO_INSTANCES
    )
    transport = transport_to(peer.url, issuer.environment)

    error = await failure_of(transport)
    answer = await discover(transport)

    await transport.aclose()
    assert isinstance(error, RemoteError | AccessDeniedError)
    assert answer == {"Instances": []}
    assert keys(peer) == ["AKIA1", "AKIA2"]


async def test_an_expired_token_is_replaced_by_the_retry(peer: HttpPeer, issuer: Issuer) -> None:
    peer.answer = lambda _: (
        Told({"__type": "ExpiredTokenException"}, status=400) if len(peer.asked) == 1 else NO_INSTANCES
    )
    transport = RetryingTransport(transport_to(peer.url, issuer.environment), random=lambda: 0.0)

    answer = await discover(transport)

    await transport.aclose()
    assert answer == {"Instances": []}
    assert keys(peer) == ["AKIA1", "AKIA2"]


async def test_a_refusal_because_of_the_time_leaves_them_alone_and_one_after_that_does_not(
    peer: HttpPeer, issuer: Issuer
) -> None:
    codes = ["RequestTimeTooSkewed", "RequestTimeTooSkewed", "RequestTimeTooSkewed", "ExpiredTokenException"]

    def refuse(_: Asked) -> Told:
        code = codes[min(len(peer.asked), 4) - 1]
        date = formatdate(3600 * len(peer.asked), usegmt=True)  # always another
        return Told({"__type": code}, status=400, headers={"Date": date})

    peer.answer = refuse
    transport = transport_to(peer.url, issuer.environment)

    for _ in range(3):
        await failure_of(transport)

    await transport.aclose()
    assert keys(peer) == ["AKIA1"] * 4 + ["AKIA2"]


async def test_a_refusal_for_another_reason_leaves_the_credentials_alone(
    peer: HttpPeer, issuer: Issuer
) -> None:
    peer.answer = lambda _: Told({"__type": "AccessDeniedException"}, status=400)
    transport = transport_to(peer.url, issuer.environment)

    for _ in range(2):
        await failure_of(transport)

    await transport.aclose()
    assert keys(peer) == ["AKIA1", "AKIA1"]


async def test_after_a_fork_or_a_restore_credentials_are_read_anew(peer: HttpPeer, issuer: Issuer) -> None:
    transport = transport_to(peer.url, issuer.environment)
    await discover(transport)

    transport.forget()
    await discover(transport)

    await transport.aclose()
    assert keys(peer) == ["AKIA1", "AKIA2"]


async def test_without_credentials_the_error_says_what_to_set_and_the_next_call_looks_again(
    peer: HttpPeer,
) -> None:
    environment = dict(NO_KEYS)
    transport = transport_to(peer.url, environment)

    error = await failure_of(transport)
    environment |= {"AWS_ACCESS_KEY_ID": "AKIANEW", "AWS_SECRET_ACCESS_KEY": "secret"}
    answer = await discover(transport)

    await transport.aclose()
    assert isinstance(error, AccessDeniedError)
    assert (error.retryable, error.action) == (False, "")
    assert "pip install 'cloudmap-discovery[sdk]'" in str(error)
    assert answer == {"Instances": []}
    assert keys(peer) == ["AKIANEW"]


async def test_without_credentials_in_lambda_the_error_names_the_role(peer: HttpPeer) -> None:
    error = await failure_of(transport_to(peer.url, {**NO_KEYS, "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}))

    assert isinstance(error, AccessDeniedError)
    assert "execution role" in str(error)


async def test_a_credentials_endpoint_that_fails_is_missing_credentials(
    peer: HttpPeer, issuer: Issuer
) -> None:
    issuer.answer = lambda _: Told({"message": "broken"}, status=400)

    error = await failure_of(transport_to(peer.url, issuer.environment))

    assert isinstance(error, AccessDeniedError)
    assert "400" in str(error)
    assert peer.asked == []
