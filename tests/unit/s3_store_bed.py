"""A store over a snapshot in a fake S3, for the tests of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudmap_discovery.model import Instance, Key
from cloudmap_discovery.stores.port import Absent, Found
from cloudmap_discovery.stores.s3 import S3Store
from cloudmap_discovery.testing import FakeClock
from tests.unit.bed import NAMESPACE, STAGE
from tests.unit.fake_s3 import BUCKET, KEY, FakeS3
from tests.unit.snapshot_records import snapshot_of

if TYPE_CHECKING:
    from cloudmap_discovery.clock import Instant

DAY = 86_400.0


class Bed:
    """A store over an object, an hour after it was checked."""

    def __init__(self, *instances: Instance, **options: Any) -> None:
        self.clock = FakeClock()
        self.s3 = FakeS3(self.snapshot(*instances)) if instances else FakeS3()
        self.store = S3Store(
            self.s3.transport,
            bucket=BUCKET,
            key=KEY,
            namespace=NAMESPACE,
            clock=self.clock,
            **{"ttl_seconds": 60, "max_age_seconds": DAY, "random": lambda: 0.5, **options},
        )

    def snapshot(self, *instances: Instance, ago: float = 3600, **about: str) -> bytes:
        return snapshot_of(*instances, checked_at=self.clock.wall() - ago, **about)

    async def fetch(
        self, service: str = "users", stage: str = STAGE, since: Instant | None = None
    ) -> Found | Absent:
        return await self.store.fetch(Key(NAMESPACE, service, stage), timeout_seconds=1, since=since)

    async def found(self, service: str = "users", since: Instant | None = None) -> Found:
        said = await self.fetch(service, since=since)
        assert isinstance(said, Found)
        return said

    def kept(self, service: str = "users") -> Found | None:
        return self.store.kept(Key(NAMESPACE, service, STAGE))
