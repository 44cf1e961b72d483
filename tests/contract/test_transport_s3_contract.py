"""What every transport does with S3: objects read and written, whole, under any key, and on conditions."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import RemoteError
from tests.contract.transport_bed import PLENTY_SECONDS, case, credentials, transport
from tests.contract.transport_s3_bed import ODD_KEYS, READ, bucket, read, sdk, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudmap_discovery.transport.port import Transport
    from tests.standin.stand_in import StandIn

__all__ = ["bucket", "case", "credentials", "sdk", "transport"]  # fixtures, found by name

pytestmark = pytest.mark.usefixtures("bucket")


# Objects


async def test_an_object_is_read_whole_with_its_tag(transport: Transport) -> None:
    answer = await read(transport)

    assert answer["Body"] == b'{"users":1}'
    assert type(answer["Body"]) is bytes
    assert answer["ETag"].startswith('"')
    assert answer["ETag"].endswith('"')


async def test_what_is_written_is_read_with_what_was_said_about_it(transport: Transport) -> None:
    about = {"ContentType": "application/json", "CacheControl": "no-cache"}

    written = await write(transport, b"{}", **about)
    answer = await read(transport)

    assert (answer["Body"], answer["ETag"]) == (b"{}", written["ETag"])
    assert {name: answer[name] for name in about} == about


async def test_a_compressed_body_comes_as_it_was_written(transport: Transport) -> None:
    body = gzip.compress(b"{}" * 1000)

    await write(transport, body, ContentEncoding="gzip")
    answer = await read(transport)

    assert (answer["Body"], answer["ContentEncoding"]) == (body, "gzip")


@pytest.mark.parametrize("size", [0, 1, 200_000, 16_000_000])
async def test_bodies_of_every_size_go_both_ways(transport: Transport, size: int) -> None:
    body = b"\x00\xff\r\n" * (size // 4) + b"x" * (size % 4)

    await write(transport, body)

    assert (await read(transport))["Body"] == body


async def test_a_version_is_told_where_there_are_versions(
    transport: Transport, sdk: Callable[..., Any]
) -> None:
    sdk("s3").put_bucket_versioning(Bucket="registry", VersioningConfiguration={"Status": "Enabled"})

    written = await write(transport, b"{}")
    answer = await read(transport)

    assert written["VersionId"]
    assert answer["VersionId"] == written["VersionId"]


@pytest.mark.parametrize("key", ODD_KEYS)
async def test_a_key_means_the_object_of_that_very_name(
    transport: Transport, sdk: Callable[..., Any], key: str
) -> None:
    await write(transport, b"{}", key)
    answer = await read(transport, key)

    assert answer["Body"] == b"{}"
    found = sdk("s3").list_objects_v2(Bucket="registry")["Contents"]
    assert {one["Key"] for one in found} == {"snapshot.json", key}


async def test_s3_sees_who_calls(transport: Transport, aws: StandIn) -> None:
    await read(transport)

    (request,) = aws.requests(READ)
    assert "cloudmap-discovery/" in request.user_agent
    assert (request.is_signed, request.region) == (True, "us-east-1")


async def test_connections_are_used_again_after_answers_of_every_kind(
    transport: Transport, aws: StandIn
) -> None:
    before = aws.open_connections
    tag = (await read(transport))["ETag"]

    for _ in range(2):
        with pytest.raises(RemoteError):
            await read(transport, IfNoneMatch=tag)
        with pytest.raises(RemoteError):
            await read(transport, "nothing")
        await write(transport, b"{}", "other")

    assert aws.open_connections == before + 1


# Conditions


async def test_an_unchanged_object_is_not_sent_again(transport: Transport, aws: StandIn) -> None:
    tag = (await read(transport))["ETag"]
    aws.reset_calls()

    with pytest.raises(RemoteError) as caught:
        await read(transport, IfNoneMatch=tag)

    assert (caught.value.code, caught.value.status) == ("304", 304)
    assert (caught.value.retryable, caught.value.unhealthy) == (False, False)
    assert aws.calls() == {READ: 1}


async def test_a_changed_object_is_sent(transport: Transport) -> None:
    tag = (await read(transport))["ETag"]
    await write(transport, b"{}")

    answer = await read(transport, IfNoneMatch=tag)

    assert answer["Body"] == b"{}"


async def test_an_object_is_created_once(transport: Transport) -> None:
    await write(transport, b"1", "new", IfNoneMatch="*")

    with pytest.raises(RemoteError) as caught:
        await write(transport, b"2", "new", IfNoneMatch="*")

    assert (caught.value.code, caught.value.status) == ("PreconditionFailed", 412)
    assert (caught.value.retryable, caught.value.unhealthy) == (False, False)
    assert (await read(transport, "new"))["Body"] == b"1"


async def test_an_object_is_replaced_if_it_is_the_one_that_was_read(transport: Transport) -> None:
    tag = (await read(transport))["ETag"]

    await write(transport, b"1", IfMatch=tag)
    with pytest.raises(RemoteError) as caught:
        await write(transport, b"2", IfMatch=tag)

    assert (caught.value.code, caught.value.status) == ("PreconditionFailed", 412)
    assert (await read(transport))["Body"] == b"1"


@pytest.mark.parametrize(
    ("params", "code"),
    [({"Key": "nothing"}, "NoSuchKey"), ({"Bucket": "no-such-bucket"}, "NoSuchBucket")],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_not_there_is_an_answer_and_final(
    transport: Transport, params: dict[str, str], code: str
) -> None:
    params = {"Bucket": "registry", "Key": "snapshot.json", **params}

    with pytest.raises(RemoteError) as caught:
        await transport.call("s3", "GetObject", params, timeout_seconds=PLENTY_SECONDS)

    assert (caught.value.code, caught.value.status) == (code, 404)
    assert (caught.value.retryable, caught.value.unhealthy) == (False, False)
