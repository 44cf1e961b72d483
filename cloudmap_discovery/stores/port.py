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
    they are a projection of Cloud Map and not what a person put there.
    """

    instances: tuple[Instance, ...]
    sent: Instant
    passed_over: tuple[PassedOver, ...] = ()
    mirrored: bool = False


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

    async def fetch(self, key: Key, *, timeout_seconds: float) -> Found | Absent:
        """Ask for all records of the key.

        Raises a `StoreError` for every failure: throttled, denied, unreachable, too slow, or a
        `MalformedRecordError` where records are there and none is usable.
        """
        ...
