"""What is sent to S3 without the SDK: byte by byte, as the SDK would, and where."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as SdkCredentials
from botocore.session import Session
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloudmap_discovery.errors import StoreTimeoutError
from cloudmap_discovery.testing import FakeClock
from cloudmap_discovery.transport.direct import DirectTransport
from cloudmap_discovery.transport.direct_s3 import S3
from cloudmap_discovery.transport.endpoints import resolve
from tests.contract.transport_cases import CREDENTIALS
from tests.contract.transport_peers import HttpPeer, Told
from tests.contract.transport_s3_bed import ODD_KEYS
from tests.unit.direct_bed import PLENTY_SECONDS, transport_to
from tests.unit.direct_peers import HEAD, Asked, Peer, always

if TYPE_CHECKING:
    from collections.abc import Mapping

NOON: Final = 1_800_000_000.0
OBJECT: Final = HEAD + b'ETag: "1"\r\nContent-Length: 2\r\n\r\n{}'
WRITTEN: Final = HEAD + b'ETag: "1"\r\nContent-Length: 0\r\n\r\n'
PUT: Final = {
    "Bucket": "registry",
    "Key": "snapshot.json",
    "Body": b"{}",
    "ContentType": "application/json",
    "ContentEncoding": "gzip",
    "CacheControl": "no-cache",
    "IfMatch": '"1"',
}


def at_noon(peer: Peer) -> DirectTransport:
    return transport_to(peer.url, clock=FakeClock(wall=NOON, monotonic=1_000.0))


async def asked_for(operation: str, params: Mapping[str, Any], answer: bytes = OBJECT) -> Asked:
    """Return the request as it went out."""
    with Peer(always(answer)) as peer:
        transport = at_noon(peer)
        await transport.call("s3", operation, params, timeout_seconds=PLENTY_SECONDS)
        await transport.aclose()
        (asked,) = peer.asked
    return asked


# What is sent


async def test_reading_sends_this_and_nothing_else() -> None:
    asked = await asked_for("GetObject", {"Bucket": "registry", "Key": "a/b.json", "IfNoneMatch": '"1"'})

    assert asked.line == "GET /registry/a/b.json HTTP/1.1"
    assert asked.body == b""
    assert set(asked.headers) - {"host", "user-agent", "authorization"} == {
        "accept-encoding",
        "if-none-match",
        "x-amz-content-sha256",
        "x-amz-date",
    }
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["if-none-match"] == '"1"'
    assert asked.headers["x-amz-content-sha256"] == sha256(b"").hexdigest()
    assert asked.headers["x-amz-date"] == "20270115T080000Z"


async def test_writing_sends_this_and_nothing_else() -> None:
    asked = await asked_for("PutObject", PUT, WRITTEN)

    assert asked.line == "PUT /registry/snapshot.json HTTP/1.1"
    assert asked.body == b"{}"
    without = {"host", "user-agent", "authorization", "x-amz-date", "accept-encoding"}
    assert {name: text for name, text in asked.headers.items() if name not in without} == {
        "cache-control": "no-cache",
        "content-encoding": "gzip",
        "content-length": "2",
        "content-type": "application/json",
        "if-match": '"1"',
        "x-amz-checksum-sha256": "RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=",
        "x-amz-content-sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    }


async def test_an_empty_object_has_a_length() -> None:
    asked = await asked_for("PutObject", {"Bucket": "registry", "Key": "k", "Body": b""}, WRITTEN)

    assert asked.headers["content-length"] == "0"


def signed_by_sdk(asked: Asked, url: str) -> str:
    """Return the authorization that botocore gives the request that was sent."""
    method, target, _ = asked.line.split(" ")
    signed = asked.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    sdk: Any = auth.S3SigV4Auth(
        SdkCredentials(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"]),
        "s3",
        "us-east-1",
    )
    kept = {name: asked.headers[name] for name in signed if name not in {"host", "x-amz-date"}}
    request: Any = AWSRequest(method, f"{url}{target}", headers=kept, data=asked.body)
    request.context["timestamp"] = datetime.fromtimestamp(NOON, UTC).strftime(auth.SIGV4_TIMESTAMP)
    sdk._modify_request_before_signing(request)
    sdk._inject_signature_to_request(
        request, sdk.signature(sdk.string_to_sign(request, sdk.canonical_request(request)), request)
    )
    return str(request.headers["Authorization"])


@pytest.mark.parametrize("key", ODD_KEYS)
async def test_a_key_is_sent_and_signed_as_it_is_but_encoded_once(key: str) -> None:
    with Peer(always(OBJECT)) as peer:
        transport = at_noon(peer)

        await transport.call(
            "s3", "GetObject", {"Bucket": "registry", "Key": key}, timeout_seconds=PLENTY_SECONDS
        )

        await transport.aclose()
        (asked,) = peer.asked
        assert unquote(asked.line.split(" ")[1]) == f"/registry/{key}"
        assert asked.headers["authorization"] == signed_by_sdk(asked, peer.url)


async def test_a_write_is_signed_with_all_that_is_said_about_the_body() -> None:
    with Peer(always(WRITTEN)) as peer:
        transport = at_noon(peer)

        await transport.call("s3", "PutObject", PUT, timeout_seconds=PLENTY_SECONDS)

        await transport.aclose()
        (asked,) = peer.asked
        assert asked.headers["authorization"] == signed_by_sdk(asked, peer.url)
        assert (
            "SignedHeaders=cache-control;content-encoding;content-type;host;if-match;"
            "x-amz-checksum-sha256;x-amz-content-sha256;x-amz-date," in asked.headers["authorization"]
        )


class SentError(Exception):
    def __init__(self, request: Any) -> None:
        self.request = request
        super().__init__()


def stop(request: Any, **_: object) -> None:
    raise SentError(request)


def sdk_client() -> Any:
    session = Session()
    session.set_config_variable("config_file", os.devnull)
    session.set_credentials("AKIDEXAMPLE", "the secret")
    config = Config(
        request_checksum_calculation="when_required", response_checksum_validation="when_required"
    )
    client: Any = session.create_client("s3", region_name="eu-central-1", config=config)
    client.meta.events.register("before-send", stop)
    return client


CLIENT: Final = sdk_client()
KEYS: Final = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
TAGS: Final = st.sampled_from(['"1"', '"d41d8cd98f00b204e9800998ecf8427e-2"', "*"])
CONDITIONS: Final = st.fixed_dictionaries({}, optional={"IfMatch": TAGS, "IfNoneMatch": TAGS})


@given(KEYS, CONDITIONS)
@example("a/../b", {})
@example("/a//", {})
@settings(max_examples=100)
def test_a_request_is_the_one_that_the_sdk_sends(key: str, conditions: dict[str, str]) -> None:
    params = {"Bucket": "registry", "Key": key, **conditions}
    with pytest.raises(SentError) as stopped:
        CLIENT.get_object(**params)
    theirs = stopped.value.request
    endpoint = resolve(
        "s3", "GetObject", region="eu-central-1", endpoint_url=None, environment={}, bucket="registry"
    )

    ours = S3.request("GetObject", params)

    assert (ours.method, endpoint.url + ours.path) == (theirs.method, theirs.url)
    sent = {name.lower(): text.decode() for name, text in theirs.headers.items() if isinstance(text, bytes)}
    named = ("if-match", "if-none-match", "x-amz-content-sha256")
    assert ours.headers == {name: sent[name] for name in named if name in sent}


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("GetObject", {"Bucket": "registry"}),
        ("GetObject", {"Key": "k"}),
        ("GetObject", {"Bucket": "", "Key": "k"}),
        ("GetObject", {"Bucket": "registry", "Key": ""}),
        ("GetObject", {"Bucket": "registry", "Key": "k", "Body": b""}),
        ("GetObject", {"Bucket": "registry", "Key": "k", "Range": "bytes=0-1"}),
        ("PutObject", {"Bucket": "registry", "Key": "k", "Body": b"", "ACL": "private"}),
    ],
)
def test_a_parameter_that_is_missing_or_would_be_left_out_surfaces(
    operation: str, params: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=f"s3:{operation}"):
        S3.request(operation, params)


# Where it goes


@pytest.mark.parametrize(
    ("bucket", "more", "host"),
    [
        ("registry", {}, "registry.s3.eu-central-1.amazonaws.com"),
        ("my.registry", {}, "s3.eu-central-1.amazonaws.com"),
        (
            "registry",
            {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
            "registry.s3.dualstack.eu-central-1.amazonaws.com",
        ),
    ],
)
async def test_without_an_endpoint_it_goes_to_the_bucket(
    bucket: str, more: dict[str, str], host: str
) -> None:
    async with HttpPeer(lambda _: Told({}, status=403)) as proxy:
        environment = {**CREDENTIALS, **more, "HTTPS_PROXY": proxy.url}
        transport = DirectTransport(region="eu-central-1", environment=environment)

        with pytest.raises(StoreTimeoutError, match="403"):
            await transport.call(
                "s3", "GetObject", {"Bucket": bucket, "Key": "k"}, timeout_seconds=PLENTY_SECONDS
            )

        await transport.aclose()
        assert proxy.asked[0].line == f"CONNECT {host}:443 HTTP/1.1"


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
async def test_at_an_endpoint_of_ones_own_the_bucket_stands_in_the_path(variable: str) -> None:
    with Peer(always(OBJECT)) as peer:
        transport = DirectTransport(environment={**CREDENTIALS, variable: f"{peer.url}/aws/"})

        await transport.call(
            "s3", "GetObject", {"Bucket": "registry", "Key": "k"}, timeout_seconds=PLENTY_SECONDS
        )

        await transport.aclose()
        assert peer.asked[0].line == "GET /aws/registry/k HTTP/1.1"
