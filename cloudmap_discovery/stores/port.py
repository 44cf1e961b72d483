"""What every store answers: the port between the ladder and where records live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from cloudmap_discovery.clock import Instant
    from cloudmap_discovery.model import Instance, Key, PassedOver


@value
class Found:
    """The store has usable records of the key, sorted by id.

    `sent` is when the request that fetched them was sent: their age counts from there. `mirrored` says that
    they are a projection of Cloud Map and not what a person put there. `packaged` says that they came with the
    function: good enough to begin with, and `behind_seconds` old already when they were read. `jitter`, in [0, 1),
    shortens the time for which they are fresh: the same for all keys that one request answers, so that they are
    renewed together.
    """

    instances: tuple[Instance, ...]
    sent: Instant
    passed_over: tuple[PassedOver, ...] = ()
    mirrored: bool = False
    packaged: bool = False
    behind_seconds: float = 0.0
    jitter: float | None = None


@value
class Absent:
    """The store does not have the key; `detail` says what exactly is missing if it is more than the record."""

    passed_over: tuple[PassedOver, ...] = ()
    detail: str = ""


class Store(Protocol):
    """A place where records live."""

    @property
    def name(self) -> str:
        """The name in `DISCOVERY_SOURCES`: `cloudmap`, `ssm` …."""
        ...

    async def fetch(
        self, key: Key, *, timeout_seconds: float, since: Instant | None = None
    ) -> Found | Absent:
        """Ask for all records of the key.

        A store that has read more than it was asked for may answer from that, unless it was sent for at `since` or
        before: then it asks. Raises a `StoreError` for every failure: throttled, denied, unreachable, too slow, or a
        `MalformedRecordError` where records are there and none is usable.
        """
        ...

    def kept(self, key: Key) -> Found | None:
        """Return what it read of the key before, however old, for when it fails and nothing else is left; no I/O."""
        ...
