"""What a store answers, decided from the records that it read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudmap_discovery.endpoints import is_allowed
from cloudmap_discovery.errors import MalformedRecordError
from cloudmap_discovery.model import PassedOver
from cloudmap_discovery.stores.port import Absent, Found

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cloudmap_discovery.clock import Instant
    from cloudmap_discovery.model import Instance

_REASONS_SHOWN = 3


def outcome(
    instances: Iterable[Instance],
    passed_over: Iterable[PassedOver],
    *,
    place: str,
    sent: Instant,
    allowed_endpoints: Sequence[str],
    mirrored: bool = False,
    jitter: float | None = None,
) -> Found | Absent:
    """Return what the store at `place` has: its usable records by id, or that there are none at all; see `Found`.

    Raises a `MalformedRecordError` where records are there and none is usable or allowed.
    """
    usable, unusable = [], list(passed_over)
    for instance in instances:
        if is_allowed(instance.endpoint, allowed_endpoints):
            usable.append(instance)
        else:
            reason = f"its endpoint {instance.endpoint!r:.100} matches none of the allowed endpoints"
            unusable.append(PassedOver(instance.id, reason))
    if usable:
        usable.sort(key=lambda instance: instance.id)
        return Found(tuple(usable), sent, tuple(unusable), mirrored, jitter=jitter)
    if not unusable:
        return Absent()
    shown = "; ".join(f"{record.record}: {record.reason}" for record in unusable[:_REASONS_SHOWN])
    more = f"; and {len(unusable) - _REASONS_SHOWN} more" if len(unusable) > _REASONS_SHOWN else ""
    raise MalformedRecordError(
        place, f"none of its {len(unusable)} record(s) is usable: {shown}{more}", passed_over=unusable
    )
