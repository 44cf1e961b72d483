"""What the tests of S3 through a transport share: a bucket with one object, and the two calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.contract.transport_bed import PLENTY_SECONDS
from tests.standin.fixtures import sdk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudmap_discovery.transport.port import Transport
    from tests.standin.stand_in import StandIn

__all__ = ["sdk"]  # a fixture, found by name

READ = "s3:GetObject"
WRITE = "s3:PutObject"


@pytest.fixture
def bucket(sdk: Callable[..., Any], aws: StandIn) -> None:
    """Make a bucket with one object of 11 bytes."""
    s3 = sdk("s3")
    s3.create_bucket(Bucket="registry")
    s3.put_object(Bucket="registry", Key="snapshot.json", Body=b'{"users":1}')
    aws.reset_calls()


async def read(
    over: Transport, key: str = "snapshot.json", *, timeout_seconds: float = PLENTY_SECONDS, **more: str
) -> Mapping[str, Any]:
    params = {"Bucket": "registry", "Key": key, **more}
    return await over.call("s3", "GetObject", params, timeout_seconds=timeout_seconds)


async def write(over: Transport, body: bytes, key: str = "snapshot.json", **more: str) -> Mapping[str, Any]:
    params = {"Bucket": "registry", "Key": key, "Body": body, **more}
    return await over.call("s3", "PutObject", params, timeout_seconds=PLENTY_SECONDS)


ODD_KEYS: Final = [
    "a b",
    "ü/日本/😀",
    "1+1=2",
    "a//b",
    "/a",
    "a/",
    "a/../b",
    "./a",
    "..",
    "%2F",
    "a%20b",
    "a?b#c&d",
    "~!*'()",
]
"""Keys in which something has to be encoded, or looks as if it had been."""
