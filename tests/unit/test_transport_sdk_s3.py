"""S3 through the SDK: where its calls go, and that they go nowhere else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cloudmap_discovery.errors import RemoteError, StoreTimeoutError
from cloudmap_discovery.transport.sdk import SdkTransport
from tests.contract.transport_bed import credentials
from tests.contract.transport_cases import CREDENTIALS
from tests.contract.transport_peers import HttpPeer, Told
from tests.unit.direct_peers import HEAD, Line, Peer, always

__all__ = ["credentials"]  # a fixture, found by name

pytestmark = pytest.mark.usefixtures("credentials")

PLENTY_SECONDS = 20.0
OBJECT = HEAD + b'ETag: "1"\r\nContent-Length: 2\r\n\r\n{}'


def read(transport: SdkTransport, bucket: str = "registry") -> Any:
    return transport.call("s3", "GetObject", {"Bucket": bucket, "Key": "k"}, timeout_seconds=PLENTY_SECONDS)


@pytest.mark.parametrize("variable", [None, "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
async def test_at_an_endpoint_of_ones_own_the_bucket_stands_in_the_path_wherever_that_is_set(
    monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    monkeypatch.setenv("NO_PROXY", "localhost")
    with Peer(always(OBJECT)) as peer:
        url = peer.url.replace("127.0.0.1", "localhost")
        if variable is not None:
            monkeypatch.setenv(variable, url)
        transport = SdkTransport(endpoint_url=None if variable else url, environment=CREDENTIALS)

        await read(transport)

        await transport.aclose()
        assert peer.asked[0].line == "GET /registry/k HTTP/1.1"
        assert peer.asked[0].headers["host"] == f"localhost:{peer.port}"


@pytest.mark.parametrize(
    ("region", "bucket", "host"),
    [
        ("eu-central-1", "registry", "registry.s3.eu-central-1.amazonaws.com"),
        ("eu-central-1", "my.registry", "s3.eu-central-1.amazonaws.com"),
        ("us-east-1", "registry", "registry.s3.us-east-1.amazonaws.com"),
    ],
)
async def test_without_an_endpoint_it_goes_to_the_bucket_in_the_region_given(
    monkeypatch: pytest.MonkeyPatch, region: str, bucket: str, host: str
) -> None:
    async with HttpPeer(lambda _: Told({}, status=403)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        transport = SdkTransport(region=region, environment=CREDENTIALS)

        with pytest.raises(StoreTimeoutError):
            await read(transport, bucket)

        await transport.aclose()
        assert [asked.line for asked in proxy.asked] == [f"CONNECT {host}:443 HTTP/1.1"]


@pytest.mark.parametrize("element", ["", "<Region>eu-west-1</Region>"])
async def test_a_bucket_in_another_region_costs_one_request_and_is_told(element: str) -> None:
    code = "AuthorizationHeaderMalformed" if element else "PermanentRedirect"
    body = f"<Error><Code>{code}</Code><Message>no</Message>{element}</Error>"
    header = "" if element else "x-amz-bucket-region: eu-west-1\r\n"
    head = f"HTTP/1.1 {400 if element else 301} No\r\n{header}Content-Length: {len(body)}\r\n\r\n"
    with Peer(always(f"{head}{body}".encode())) as peer:
        transport = SdkTransport(endpoint_url=peer.url, environment=CREDENTIALS)

        with pytest.raises(RemoteError, match=r"the bucket is in eu-west-1, not in us-east-1"):
            await read(transport)

        await transport.aclose()
        assert len(peer.asked) == 1


async def test_a_connection_whose_body_was_not_read_is_closed() -> None:
    def script(line: Line) -> None:
        line.read()
        line.say(HEAD + b"Content-Length: 9\r\n\r\n{}")
        line.wait_for_end()

    with Peer(script) as peer:
        transport = SdkTransport(endpoint_url=peer.url, environment=CREDENTIALS)

        with pytest.raises(RemoteError, match="is not an answer of AWS"):
            await read(transport)  # it has no tag

        assert await asyncio.to_thread(peer.lines[0].closed.wait, PLENTY_SECONDS)
        await transport.aclose()
