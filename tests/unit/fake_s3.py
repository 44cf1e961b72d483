"""S3 in memory, as far as snapshots need it: conditional reads and writes, and whatever goes wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudmap_discovery.errors import RemoteError
from tests.unit.fake_transport import FakeTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudmap_discovery.errors import StoreError

BUCKET = "registry"
KEY = "services.json"
PLACE = f"s3://{BUCKET}/{KEY}"


def answered(code: str, status: int) -> RemoteError:
    return RemoteError(f"S3 says {code}", code=code, status=status, service="s3")


class FakeS3:
    """One object; `before_put` is called before each write, as others' writes would happen; `failure` is all it says."""

    def __init__(self, body: bytes | None = None, *, transport: FakeTransport | None = None) -> None:
        self.transport = transport or FakeTransport()
        self.body = body
        self.version = 1
        self.failure: StoreError | None = None
        self.before_put: Callable[[], None] | None = None
        self.transport.answer("GetObject", self._get)
        self.transport.answer("PutObject", self._put)

    @property
    def gets(self) -> int:
        return self.transport.operations.count("GetObject")

    @property
    def puts(self) -> int:
        return self.transport.operations.count("PutObject")

    def put(self, body: bytes | None) -> None:
        """Have another object there, or none."""
        self.body = body
        self.version += 1

    @property
    def _etag(self) -> str:
        return f'"{self.version}"'

    def _get(self, params: Mapping[str, Any]) -> dict[str, Any] | StoreError:
        assert (params["Bucket"], params["Key"]) == (BUCKET, KEY)
        if self.failure is not None:
            return self.failure
        if self.body is None:
            return answered("NoSuchKey", 404)
        if params.get("IfNoneMatch") == self._etag:
            return answered("304", 304)
        return {"Body": self.body, "ETag": self._etag}

    def _put(self, params: Mapping[str, Any]) -> dict[str, Any] | StoreError:
        if self.before_put is not None:
            self.before_put()
        if self.failure is not None:
            return self.failure
        if self.body is None and "IfMatch" in params:
            return answered("NoSuchKey", 404)
        is_there = self.body is not None
        if params.get("IfMatch", self._etag) != self._etag or (is_there and "IfNoneMatch" in params):
            return answered("PreconditionFailed", 412)
        self.put(params["Body"])
        return {"ETag": self._etag}
