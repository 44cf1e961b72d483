"""Snapshots for tests: of some records, as the mirror writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudmap_discovery.listing import by_place
from cloudmap_discovery.snapshot_writing import empty_snapshot, packed, rewritten, snapshot_text
from tests.unit.bed import NAMESPACE

if TYPE_CHECKING:
    from cloudmap_discovery.model import Instance


def snapshot_of(*instances: Instance, checked_at: float, namespace: str = NAMESPACE) -> bytes:
    """Return a snapshot of the records, checked at this time in seconds since the epoch."""
    by_service: dict[str, list[Instance]] = {}
    for instance in instances:
        by_service.setdefault(instance.service, []).append(instance)
    empty = empty_snapshot("", namespace, checked_at)
    whole = rewritten(empty, by_place(by_service), wall=checked_at, checked=True)
    return packed(snapshot_text(whole))
