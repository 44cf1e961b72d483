"""S3 as a store where it fails: what is told, and what stays."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.errors import (
    AccessDeniedError,
    MalformedRecordError,
    RemoteError,
    StoreTimeoutError,
    ThrottledError,
)
from cloudmap_discovery.stores.port import Absent, Found
from tests.unit.bed import users
from tests.unit.fake_s3 import PLACE, answered
from tests.unit.s3_store_bed import DAY, Bed

if TYPE_CHECKING:
    from cloudmap_discovery.errors import StoreError


@pytest.mark.parametrize(
    "failure",
    [
        ThrottledError("slow down", code="SlowDown"),
        StoreTimeoutError("no connection"),
        AccessDeniedError("no", action="kms:Decrypt", names_action=True, code="AccessDenied"),
        AccessDeniedError("no", action="s3:GetObject", names_action=True, code="AccessDenied"),
        AccessDeniedError("no credentials", code="NoCredentials"),
    ],
)
async def test_a_failure_is_one_of_s3_and_each_waiter_has_its_own(failure: StoreError) -> None:
    bed = Bed()
    bed.s3.failure = failure

    errors = await asyncio.gather(*(bed.fetch() for _ in range(3)), return_exceptions=True)

    assert [type(error) for error in errors] == [type(failure)] * 3
    assert len({id(error) for error in errors}) == 3
    assert {error.store for error in errors if isinstance(error, type(failure))} == {"s3"}


async def test_a_failure_stands_for_every_key_for_a_moment_unless_a_newer_word_is_asked_for() -> None:
    bed = Bed()
    bed.s3.put(b"garbage")
    for service in ("users", "orders", "users"):
        with pytest.raises(MalformedRecordError):
            await bed.fetch(service)
    assert bed.s3.gets == 1

    bed.s3.put(bed.snapshot(users()))
    with pytest.raises(MalformedRecordError):
        await bed.fetch()
    assert isinstance(await bed.fetch(since=bed.clock.now()), Found)
    assert isinstance(await bed.fetch(), Found)

    bed.s3.failure = ThrottledError("slow down")
    bed.clock.advance(100)
    with pytest.raises(ThrottledError):
        await bed.fetch()
    bed.s3.failure = None
    bed.clock.advance(5)
    assert isinstance(await bed.fetch(), Found)


async def test_a_bucket_that_is_not_there_is_a_failure_that_says_what_to_do() -> None:
    bed = Bed()
    bed.s3.failure = answered("NoSuchBucket", 404)

    with pytest.raises(RemoteError, match=r"there is no bucket 'registry' .* check DISCOVERY_BUCKET"):
        await bed.fetch()


@pytest.mark.parametrize(
    "denied",
    [
        AccessDeniedError("no", action="s3:ListBucket", names_action=True, code="AccessDenied"),
        AccessDeniedError("Access Denied", action="s3:GetObject", code="AccessDenied"),
    ],
)
async def test_denied_without_the_permission_to_list_is_absent(denied: AccessDeniedError) -> None:
    bed = Bed()
    bed.s3.failure = denied

    said = await bed.fetch()

    assert said == Absent(detail=f"there is no object {PLACE}, or reading it is not allowed (s3:GetObject)")


async def test_what_was_read_before_is_not_absent_because_reading_is_denied_now() -> None:
    bed = Bed(users())
    await bed.found()
    bed.s3.failure = AccessDeniedError("Access Denied", action="s3:GetObject", code="AccessDenied")
    bed.clock.advance(100)

    with pytest.raises(AccessDeniedError):
        await bed.fetch()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "no snapshot"),
        (b"<html>a proxy's page</html>", "no snapshot"),
        (b'{"hello": "world"}', "it has no format"),
        (b'{"format": 2, "namespace": "services"}', "its format is 2"),
        (b"\x1f\x8b\x08truncated", "decompressed"),
    ],
)
async def test_what_is_no_snapshot_is_malformed_and_the_last_good_one_stays(body: bytes, reason: str) -> None:
    bed = Bed(users())
    await bed.found()
    bed.s3.put(body)
    bed.clock.advance(100)

    with pytest.raises(MalformedRecordError, match=reason) as caught:
        await bed.fetch()

    assert (caught.value.store, caught.value.record) == ("s3", PLACE)
    kept = bed.kept()
    assert kept is not None
    assert kept.instances == (users(),)
    bed.s3.put(bed.snapshot(users("https://mended.test")))
    bed.clock.advance(5)
    assert [str(instance) for instance in (await bed.found()).instances] == ["https://mended.test"]


async def test_a_snapshot_of_another_namespace_is_foreign() -> None:
    bed = Bed()
    bed.s3.put(bed.snapshot(users(), namespace="others"))

    with pytest.raises(MalformedRecordError, match="it is of the namespace 'others', not of 'services'"):
        await bed.fetch()


async def test_an_answer_without_an_etag_is_not_s3s() -> None:
    bed = Bed()
    bed.s3.transport.answer("GetObject", {"Body": b"{}"})

    with pytest.raises(MalformedRecordError, match="no ETag"):
        await bed.fetch()


async def test_a_snapshot_that_nobody_checks_counts_as_failed_also_while_it_is_held() -> None:
    bed = Bed(users())
    await bed.found()
    bed.clock.advance(DAY - 3600)
    assert isinstance(await bed.fetch(), Found)
    bed.clock.advance(1)

    with pytest.raises(MalformedRecordError, match=r"last compared with Cloud Map 24.0 hours ago.*sync"):
        await bed.fetch()

    assert bed.kept() is None
    bed.s3.put(bed.snapshot(users()))
    bed.clock.advance(60)
    assert isinstance(await bed.fetch(), Found)


async def test_a_snapshot_from_the_future_counts_as_failed() -> None:
    bed = Bed()
    bed.s3.put(bed.snapshot(users(), ago=-400))

    with pytest.raises(MalformedRecordError, match="in the future"):
        await bed.fetch()
