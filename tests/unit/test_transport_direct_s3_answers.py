"""What is read of S3 without the SDK, what is not S3's, and what becomes of either."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, Final

import botocore.parsers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.errors import RemoteError, StoreError
from cloudmap_discovery.testing import FakeClock
from cloudmap_discovery.transport.direct import DirectTransport
from cloudmap_discovery.transport.direct_protocol import Answered, Refused, Unreadable
from cloudmap_discovery.transport.direct_s3 import S3
from tests.contract.transport_cases import CREDENTIALS
from tests.contract.transport_peers import HttpPeer, Told
from tests.unit.direct_bed import PLENTY_SECONDS, transport_to
from tests.unit.direct_peers import HEAD, Line, Peer, always

NOON: Final = 1_800_000_000.0
OBJECT: Final = HEAD + b'ETag: "1"\r\nContent-Length: 2\r\n\r\n{}'


# What is read


def read(status: int, body: bytes = b"", operation: str = "GetObject", **headers: str) -> Any:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return S3.read(operation, status, named, body)


def test_an_object_is_its_bytes_and_what_its_headers_say() -> None:
    said = read(
        200,
        b"\x1f\x8b",
        etag='"1"',
        x_amz_version_id="v1",
        content_type="application/json",
        content_encoding="gzip",
        cache_control="no-cache",
        server="AmazonS3",
    )

    assert said == Answered(
        {
            "Body": b"\x1f\x8b",
            "ETag": '"1"',
            "VersionId": "v1",
            "ContentType": "application/json",
            "ContentEncoding": "gzip",
            "CacheControl": "no-cache",
        }
    )


def test_a_write_tells_tag_and_version() -> None:
    said = read(200, b"", "PutObject", etag='"1"', x_amz_version_id="v1", content_type="text/plain")

    assert said == Answered({"ETag": '"1"', "VersionId": "v1"})


@pytest.mark.parametrize("operation", ["GetObject", "PutObject"])
@pytest.mark.parametrize("status", [200, 203, 204, 206])
def test_a_success_that_s3_does_not_answer_with_is_unreadable(operation: str, status: int) -> None:
    tag = {} if status == 200 else {"etag": '"1"'}

    assert isinstance(read(status, b"{}", operation, **tag), Unreadable)


def test_an_unchanged_object_has_its_status_for_a_code() -> None:
    assert read(304, etag='"1"') == Refused("304", "", {})


@pytest.mark.parametrize(
    ("headers", "element"),
    [
        ({"x_amz_bucket_region": "eu-west-1"}, ""),
        ({}, "<Region>eu-west-1</Region>"),
    ],
)
def test_an_error_tells_in_which_region_the_bucket_is(headers: dict[str, str], element: str) -> None:
    body = f"<Error><Code>PermanentRedirect</Code><Message>no</Message>{element}</Error>".encode()

    assert read(301, body, **headers) == Refused("PermanentRedirect", "no", {"BucketRegion": "eu-west-1"})


TEXT: Final = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
DECLARATIONS: Final = st.sampled_from(["", '<?xml version="1.0" encoding="UTF-8"?>\n', "\n"])


def escaped(text: str) -> str:
    for mark, name in {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}.items():
        text = text.replace(mark, name)
    return text


@given(DECLARATIONS, TEXT, st.sampled_from([400, 403, 404, 409, 412, 500, 503]))
def test_code_and_message_of_an_error_are_those_of_the_sdk(
    declaration: str, message: str, status: int
) -> None:
    text = f"<Error><Code>NoSuchKey</Code><Message>{escaped(message)}</Message><Key>k</Key></Error>"
    body = f"{declaration if declaration.strip() else ''}{text}".encode()
    parser: Any = botocore.parsers.create_parser("rest-xml")
    expected = parser.parse({"status_code": status, "headers": {}, "body": body}, None)["Error"]

    said = read(status, body)

    assert isinstance(said, Refused)
    assert (said.code, said.message) == (expected["Code"], expected["Message"] or "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Forbidden",
        b"\xff\xfe",
        b"<html><body><Error><Code>Forbidden</Code></Error></body></html>",
        b"<Error><Message>no code</Message></Error>",
        b"<Error><Code></Code></Error>",
        b"<Error><Code>NoSuchKey</Code><Message>cut o",
        b"<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>",
        b'{"__type": "NoSuchKey"}',
    ],
)
@pytest.mark.parametrize("status", [302, 403, 404, 500, 503])
def test_what_is_not_s3_s_word_is_unreadable(status: int, body: bytes) -> None:
    assert isinstance(read(status, body), Unreadable)


@given(
    st.binary(max_size=60) | st.text("<>/ErrorCodeMsag &;x", max_size=60).map(str.encode),
    st.integers(200, 599),
)
def test_nothing_that_comes_is_a_bug_of_ours(body: bytes, status: int) -> None:
    assert isinstance(read(status, body), Answered | Refused | Unreadable)


# As a transport


def xml(status: str, code: str, date: str = "") -> bytes:
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
    about = f"Date: {date}\r\n" if date else ""
    return f"HTTP/1.1 {status}\r\n{about}Content-Length: {len(body)}\r\n\r\n{body}".encode()


async def test_a_clock_that_is_wrong_is_corrected_by_s3_s() -> None:
    skewed = xml("403 Forbidden", "RequestTimeTooSkewed", "Fri, 15 Jan 2027 09:00:00 GMT")

    def script(line: Line) -> None:
        line.read()
        line.say(skewed)
        line.read()
        line.say(OBJECT)

    with Peer(script) as peer:
        transport = transport_to(peer.url, clock=FakeClock(wall=NOON, monotonic=1_000.0))
        answer = await transport.call(
            "s3", "GetObject", {"Bucket": "registry", "Key": "k"}, timeout_seconds=PLENTY_SECONDS
        )
        await transport.aclose()

    assert answer["Body"] == b"{}"
    assert [asked.headers["x-amz-date"] for asked in peer.asked] == ["20270115T080000Z", "20270115T090000Z"]


async def test_an_object_that_is_too_large_is_an_error_that_says_how_large_one_may_be() -> None:
    with Peer(always(HEAD + b'ETag: "1"\r\nContent-Length: 16777217\r\n\r\n')) as peer:
        transport = transport_to(peer.url)
        with pytest.raises(RemoteError, match="longer than 16777216 bytes"):
            await transport.call(
                "s3", "GetObject", {"Bucket": "registry", "Key": "k"}, timeout_seconds=PLENTY_SECONDS
            )
        await transport.aclose()


async def test_in_lambda_an_s3_that_cannot_be_reached_names_the_gateway_endpoint() -> None:
    async with HttpPeer(lambda _: Told({}, status=403)) as proxy:
        environment = {**CREDENTIALS, "HTTPS_PROXY": proxy.url, "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}
        transport = DirectTransport(region="eu-central-1", environment=environment)

        with pytest.raises(
            StoreError, match=r"gateway endpoint com\.amazonaws\.eu-central-1\.s3 in the route"
        ):
            await transport.call(
                "s3", "GetObject", {"Bucket": "registry", "Key": "k"}, timeout_seconds=PLENTY_SECONDS
            )

        await transport.aclose()


def test_who_does_not_use_s3_does_not_pay_for_it() -> None:
    script = """
import sys
from cloudmap_discovery.transport.direct import DirectTransport
transport = DirectTransport(region="eu-central-1", environment={})
transport.load()
transport.can("servicediscovery", "DiscoverInstances")
print("cloudmap_discovery.transport.direct_s3" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_reading_an_error_of_s3_loads_no_reader_of_xml() -> None:
    script = """
import sys
from cloudmap_discovery.transport.direct_s3 import S3
print(S3.read("GetObject", 404, {}, b"<Error><Code>NoSuchKey</Code></Error>").code)
print([name for name in sys.modules if name.startswith("xml")])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["NoSuchKey", "[]"]
