"""Credentials and configuration of the SDK transport: fetched once, refreshed in time, read anew, or clearly missing."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import (
    AccessDeniedError,
    ConfigurationError,
    DiscoveryError,
    RemoteError,
    StoreTimeoutError,
)
from cloudmap_discovery.transport.sdk import SdkTransport
from tests.contract.transport_bed import credentials
from tests.contract.transport_cases import CREDENTIALS
from tests.contract.transport_peers import NO_INSTANCES, Asked, HttpPeer, Told, eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

__all__ = ["credentials"]  # a fixture, found by name

pytestmark = pytest.mark.usefixtures("credentials")

PLENTY_SECONDS = 20.0


@pytest.fixture
async def peer() -> AsyncIterator[HttpPeer]:
    async with HttpPeer() as peer:
        yield peer


class CredentialsPeer(HttpPeer):
    """A container's credentials endpoint; each answer has a key of its own, `AKIA1`, `AKIA2` ….

    `valid_seconds` are those of the first, the second … and every further answer. From the answer number `slow_from`
    on, nothing is answered until `ready` is set.
    """

    def __init__(self) -> None:
        super().__init__(self._issue)
        self.valid_seconds = [3600.0]
        self.slow_from = 0
        self.ready = asyncio.Event()

    def _issue(self, _: Asked) -> Told:
        number = len(self.asked)
        valid_seconds = self.valid_seconds[min(number, len(self.valid_seconds)) - 1]
        expiration = datetime.now(UTC) + timedelta(seconds=valid_seconds)
        document = {
            "AccessKeyId": f"AKIA{number}",
            "SecretAccessKey": "secret",
            "Token": "token",
            "Expiration": expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return Told(document, when=self.ready if 0 < self.slow_from <= number else None)


@pytest.fixture
async def issuer(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[CredentialsPeer]:
    """Credentials come from this endpoint, as in a container, and from nowhere else."""
    async with CredentialsPeer() as issuer:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", issuer.url)
        yield issuer


async def discover(transport: SdkTransport, timeout_seconds: float = PLENTY_SECONDS) -> Mapping[str, Any]:
    params = {"NamespaceName": "services", "ServiceName": "users"}
    return await transport.call(
        "servicediscovery", "DiscoverInstances", params, timeout_seconds=timeout_seconds
    )


def transport_to(peer: HttpPeer, **environment: str) -> SdkTransport:
    return SdkTransport(endpoint_url=peer.url, environment={**CREDENTIALS, **environment})


def keys(peer: HttpPeer) -> list[str]:
    return [asked.headers["authorization"].split("=")[1].split("/")[0] for asked in peer.asked]


async def failure_of(transport: SdkTransport, timeout_seconds: float = PLENTY_SECONDS) -> DiscoveryError:
    with pytest.raises(DiscoveryError) as caught:
        await discover(transport, timeout_seconds)
    await transport.aclose()
    return caught.value


# Fetched


async def test_many_first_calls_fetch_credentials_once(peer: HttpPeer, issuer: CredentialsPeer) -> None:
    transport = transport_to(peer)

    await asyncio.gather(*(discover(transport) for _ in range(20)))

    await transport.aclose()
    assert len(issuer.asked) == 1
    assert keys(peer) == ["AKIA1"] * 20


async def test_a_call_that_gives_up_on_slow_credentials_says_so_and_lets_the_fetch_go_on(
    peer: HttpPeer, issuer: CredentialsPeer
) -> None:
    transport = transport_to(peer)
    transport.load(["servicediscovery"])
    issuer.slow_from = 1

    with pytest.raises(StoreTimeoutError, match="credentials"):
        await discover(transport, 0.2)
    issuer.ready.set()
    await discover(transport)

    await transport.aclose()
    assert len(issuer.asked) == 1


async def test_closing_ends_a_fetch_under_way_and_whoever_waits_for_it_gets_an_error(
    peer: HttpPeer, issuer: CredentialsPeer
) -> None:
    transport = transport_to(peer)
    transport.load(["servicediscovery"])
    issuer.slow_from = 1
    call = asyncio.create_task(discover(transport))
    await eventually(lambda: len(issuer.asked) == 1)

    await transport.aclose()

    with pytest.raises(StoreTimeoutError, match="closed"):
        await call


# Refreshed


async def test_credentials_about_to_expire_are_refreshed_once_while_calls_go_on(
    peer: HttpPeer, issuer: CredentialsPeer
) -> None:
    issuer.valid_seconds = [12 * 60, 3600]  # inside the SDK's 15 minutes of early refresh, before its last 10
    issuer.slow_from = 2
    transport = transport_to(peer)

    await discover(transport)
    await asyncio.gather(*(discover(transport) for _ in range(5)))
    used_meanwhile = keys(peer)
    await eventually(lambda: len(issuer.asked) == 2)
    issuer.ready.set()
    async with asyncio.timeout(PLENTY_SECONDS):
        while keys(peer)[-1] != "AKIA2":
            await discover(transport)

    await transport.aclose()
    assert used_meanwhile == ["AKIA1"] * 6
    assert len(issuer.asked) == 2


async def test_credentials_that_have_expired_are_waited_for_and_a_call_that_gives_up_does_not_end_that(
    peer: HttpPeer, issuer: CredentialsPeer
) -> None:
    issuer.valid_seconds = [5 * 60, 3600]  # inside the SDK's last 10 minutes
    issuer.slow_from = 2
    transport = transport_to(peer)

    with pytest.raises(StoreTimeoutError):
        await discover(transport, 1.0)
    await eventually(lambda: len(issuer.asked) == 2)
    issuer.ready.set()
    await discover(transport)

    await transport.aclose()
    assert len(issuer.asked) == 2
    assert keys(peer) == ["AKIA2"]


async def test_new_credentials_that_are_too_old_are_missing_credentials(
    peer: HttpPeer, issuer: CredentialsPeer
) -> None:
    issuer.valid_seconds = [5 * 60, -60]

    error = await failure_of(transport_to(peer))

    assert isinstance(error, AccessDeniedError)
    assert "expired" in str(error)


@pytest.mark.parametrize("code", ["ExpiredTokenException", "UnrecognizedClientException"])
async def test_credentials_that_aws_refuses_are_read_anew_for_the_next_call(
    peer: HttpPeer, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    peer.answer = lambda asked: (
        Told({"__type": code, "message": "no"}, status=400)
        if "AKIAEXAMPLE" in asked.headers["authorization"]
        else NO_INSTANCES
    )
    transport = transport_to(peer)
    with pytest.raises((RemoteError, AccessDeniedError), match=code):
        await discover(transport)

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIARENEWED")
    answer = await discover(transport)

    await transport.aclose()
    assert answer == {"Instances": []}
    assert keys(peer)[-1] == "AKIARENEWED"


# Missing, or wrong


async def test_without_credentials_the_error_says_what_to_set_and_the_next_call_looks_again(
    peer: HttpPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    transport = transport_to(peer)
    with pytest.raises(AccessDeniedError, match="AWS_PROFILE") as caught:
        await discover(transport)

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANEW")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    answer = await discover(transport)

    await transport.aclose()
    assert (caught.value.retryable, caught.value.action) == (False, "")
    assert answer == {"Instances": []}
    assert keys(peer) == ["AKIANEW"]


async def test_without_credentials_in_lambda_the_error_is_final_and_names_the_role(
    peer: HttpPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    error = await failure_of(transport_to(peer, AWS_LAMBDA_RUNTIME_API="127.0.0.1:9001"))

    assert isinstance(error, AccessDeniedError)
    assert not error.retryable
    assert "execution role" in str(error)


async def test_a_credentials_endpoint_that_fails_is_missing_credentials(
    peer: HttpPeer, issuer: CredentialsPeer
) -> None:
    issuer.answer = lambda _: Told({"message": "broken"}, status=400)

    error = await failure_of(transport_to(peer))

    assert isinstance(error, AccessDeniedError)
    assert "400" in str(error)


@pytest.mark.parametrize(
    ("changes", "variable", "value"),
    [
        ({"AWS_REGION": None}, "DISCOVERY_REGION", None),
        ({"AWS_REGION": "not a region"}, "DISCOVERY_REGION", "not a region"),
        ({"AWS_PROFILE": "nobody"}, "AWS_PROFILE", "nobody"),
        ({"AWS_SECRET_ACCESS_KEY": None}, "AWS_SECRET_ACCESS_KEY", None),
        ({"AWS_CA_BUNDLE": "/no/such/file"}, "AWS_CA_BUNDLE", "/no/such/file"),
        ({"AWS_ENDPOINT_URL": "localhost"}, "AWS_ENDPOINT_URL", None),
    ],
)
async def test_a_wrong_configuration_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str | None], variable: str, value: str | None
) -> None:
    for name, changed in changes.items():
        if changed is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, changed)
    environment = {name: text for name, text in {**CREDENTIALS, **changes}.items() if text is not None}

    error = await failure_of(SdkTransport(environment=environment))

    assert isinstance(error, ConfigurationError)
    assert (error.variable, error.value) == (variable, value)


async def test_a_configuration_file_that_cannot_be_parsed_is_named(
    peer: HttpPeer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "config"
    path.write_text("[profile")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))

    error = await failure_of(transport_to(peer))

    assert isinstance(error, ConfigurationError)
    assert (error.variable, error.value) == ("AWS_CONFIG_FILE", str(path))
