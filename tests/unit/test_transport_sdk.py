"""The transport over the SDK: what it loads and when, where it sends calls, how it signs them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import (
    RemoteError,
    StoreTimeoutError,
)
from cloudmap_discovery.transport.retry import RetryingTransport
from cloudmap_discovery.transport.sdk import SdkTransport
from tests.contract.transport_bed import credentials
from tests.contract.transport_cases import CREDENTIALS
from tests.contract.transport_peers import NO_INSTANCES, Asked, HttpPeer, Told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from cloudmap_discovery.transport.port import Transport
    from tests.standin.stand_in import StandIn

__all__ = ["credentials"]  # a fixture, found by name

pytestmark = pytest.mark.usefixtures("credentials")

PLENTY_SECONDS = 20.0


@pytest.fixture
async def peer() -> AsyncIterator[HttpPeer]:
    async with HttpPeer() as peer:
        yield peer


async def discover(transport: Transport, timeout_seconds: float = PLENTY_SECONDS) -> Mapping[str, Any]:
    params = {"NamespaceName": "services", "ServiceName": "users"}
    return await transport.call(
        "servicediscovery", "DiscoverInstances", params, timeout_seconds=timeout_seconds
    )


def transport_to(peer: HttpPeer, **more: Any) -> SdkTransport:
    return SdkTransport(endpoint_url=peer.url, environment=CREDENTIALS, **more)


# What is loaded, and when


def run(script: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_importing_the_transports_loads_nothing_heavy() -> None:
    script = """
import sys
import cloudmap_discovery.transport.sdk, cloudmap_discovery.transport.retry
heavy = ("aiobotocore", "aiohttp", "boto3", "botocore", "tenacity")
print([name for name in heavy if name in sys.modules])
"""

    assert run(script) == "[]"


def test_after_loading_a_first_call_imports_nothing_and_reads_no_data_of_the_sdk(aws: StandIn) -> None:
    script = f"""
import asyncio, sys
from cloudmap_discovery.transport.retry import RetryingTransport
from cloudmap_discovery.transport.sdk import SdkTransport
sdk = SdkTransport(endpoint_url={aws.url!r}, region="us-east-1")
transport = RetryingTransport(sdk)
sdk.load(["servicediscovery", "ssm"])
transport.load()
from botocore.loaders import JSONFileLoader
def no_more_data(*_):
    raise AssertionError("data is read")
JSONFileLoader.load_file = no_more_data
loaded = set(sys.modules)
async def main():
    await transport.call("servicediscovery", "ListNamespaces", {{}}, timeout_seconds=20)
    await transport.call("ssm", "GetParameters", {{"Names": ["/a"]}}, timeout_seconds=20)
    await transport.aclose()
asyncio.run(main())
print(sorted(name for name in set(sys.modules) - loaded if not name.startswith("concurrent.")))
"""

    assert run(script) == "[]"


async def test_without_loading_ahead_a_call_loads_for_itself(peer: HttpPeer) -> None:
    transport = transport_to(peer)

    answer = await discover(transport)

    await transport.aclose()
    assert answer == {"Instances": []}


async def test_loading_is_done_once_and_for_each_service(peer: HttpPeer) -> None:
    transport = transport_to(peer)

    for services in (["ssm"], ["ssm", "servicediscovery"], []):
        await asyncio.to_thread(transport.load, services)
    answer = await discover(transport)

    await transport.aclose()
    assert answer == {"Instances": []}


# Where calls go


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SERVICEDISCOVERY"])
async def test_an_endpoint_of_ones_own_gets_no_host_prefix_wherever_it_is_set(
    peer: HttpPeer, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, peer.url.replace("127.0.0.1", "localhost"))
    monkeypatch.setenv("NO_PROXY", "localhost")
    transport = SdkTransport(environment=CREDENTIALS)

    await discover(transport)

    await transport.aclose()
    assert peer.asked[0].headers["host"].startswith("localhost:")


@pytest.mark.parametrize(
    ("service", "operation", "params", "host"),
    [
        (
            "servicediscovery",
            "DiscoverInstances",
            {"NamespaceName": "a", "ServiceName": "b"},
            "data-servicediscovery",
        ),
        ("servicediscovery", "ListNamespaces", {}, "servicediscovery"),
        ("ssm", "GetParameters", {"Names": ["/a"]}, "ssm"),
    ],
)
async def test_without_an_endpoint_calls_go_to_aws_in_the_region_given(
    monkeypatch: pytest.MonkeyPatch, service: str, operation: str, params: dict[str, Any], host: str
) -> None:
    async with HttpPeer(lambda _: Told({}, status=403)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        transport = SdkTransport(region="eu-central-1", environment=CREDENTIALS)
        with pytest.raises(StoreTimeoutError):
            await transport.call(service, operation, params, timeout_seconds=PLENTY_SECONDS)
        await transport.aclose()

        assert proxy.asked[0].line == f"CONNECT {host}.eu-central-1.amazonaws.com:443 HTTP/1.1"


async def test_in_lambda_an_aws_that_cannot_be_reached_names_the_vpc_endpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with HttpPeer(lambda _: Told({}, status=403)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        environment = {**CREDENTIALS, "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}
        transport = SdkTransport(environment=environment)
        with pytest.raises(StoreTimeoutError, match=r"com\.amazonaws\.us-east-1\.data-servicediscovery"):
            await discover(transport)
        await transport.aclose()


async def test_the_region_given_comes_before_the_one_of_the_environment(peer: HttpPeer) -> None:
    given = transport_to(peer, region="eu-central-1")
    found = transport_to(peer)

    await discover(given)
    await discover(found)

    await given.aclose()
    await found.aclose()
    scopes = [asked.headers["authorization"] for asked in peer.asked]
    assert "/eu-central-1/servicediscovery/aws4_request" in scopes[0]
    assert "/us-east-1/servicediscovery/aws4_request" in scopes[1]


# How calls are signed


async def test_every_attempt_is_signed_anew(peer: HttpPeer) -> None:
    peer.answer = lambda _: Told({"__type": "InternalFailure"}, status=500)

    async def into_the_next_second(_: float) -> None:
        await asyncio.sleep(1.1)

    transport = RetryingTransport(transport_to(peer), attempts=2, sleep=into_the_next_second)

    with pytest.raises(RemoteError, match=r"\(2 attempts\)"):
        await discover(transport)

    await transport.aclose()
    assert len({asked.headers["authorization"] for asked in peer.asked}) == 2


async def test_a_second_try_on_a_new_connection_is_signed_at_its_own_time(peer: HttpPeer) -> None:
    transport = transport_to(peer)
    await discover(transport)
    cut = False

    def cut_once(_: Asked) -> Told:
        nonlocal cut
        if not cut:
            cut = True
            time.sleep(1.1)  # as a sandbox that is frozen; signatures carry whole seconds
            raise ConnectionResetError
        return NO_INSTANCES

    peer.answer = cut_once
    await discover(transport)

    await transport.aclose()
    first, second = peer.asked[1:]
    assert first.headers["x-amz-date"] < second.headers["x-amz-date"]
    assert first.connection != second.connection


async def test_a_parameter_of_ours_that_does_not_fit_the_model_surfaces_as_itself(
    peer: HttpPeer,
) -> None:
    from botocore.exceptions import ParamValidationError  # noqa: PLC0415 -- heavy, and used here only

    transport = transport_to(peer)

    with pytest.raises(ParamValidationError, match="NamespaceName"):
        await transport.call("servicediscovery", "DiscoverInstances", {}, timeout_seconds=PLENTY_SECONDS)

    await transport.aclose()
    assert peer.asked == []


async def test_a_streamed_body_comes_as_bytes(aws: StandIn) -> None:
    transport = SdkTransport(endpoint_url=aws.url, environment=CREDENTIALS)
    bucket = {"Bucket": "transport-streams"}

    await transport.call("s3", "CreateBucket", bucket, timeout_seconds=PLENTY_SECONDS)
    await transport.call(
        "s3",
        "PutObject",
        {**bucket, "Key": "a", "Body": b"\x00\xff" * 50_000},
        timeout_seconds=PLENTY_SECONDS,
    )
    answer = await transport.call("s3", "GetObject", {**bucket, "Key": "a"}, timeout_seconds=PLENTY_SECONDS)
    await transport.call("s3", "DeleteObject", {**bucket, "Key": "a"}, timeout_seconds=PLENTY_SECONDS)
    await transport.call("s3", "DeleteBucket", bucket, timeout_seconds=PLENTY_SECONDS)

    await transport.aclose()
    assert answer["Body"] == b"\x00\xff" * 50_000
