"""Snapshots: the records of a whole registry as one JSON document, as it is read."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.documents import FORMAT, read_records
from cloudmap_discovery.encoding import decode_time
from cloudmap_discovery.errors import MalformedRecordError
from cloudmap_discovery.model import NO_STAGE
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from cloudmap_discovery.model import Instance, PassedOver, Place

MAX_BYTES: Final = 64 * 1024 * 1024
"""How large a snapshot may be, uncompressed: a namespace has at most 2,000 instances by default, some 700 kB."""

_GZIP: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 31  # zlib's word for: with gzip's header
# AWS refuses signatures that are further off: a clock that is worse could not have written or read it.
_CLOCK_SKEW_SECONDS: Final = 300.0


@value
class Snapshot:
    """What a document says. Records stay as they are written until somebody asks for those of a place.

    `generated_at` is when its records last changed, `checked_at` when all of them were last compared with Cloud Map.
    """

    name: str
    namespace: str
    generated_at: datetime
    checked_at: datetime
    items: Mapping[Place, Sequence[Mapping[str, Any]]]

    def records(self, place: Place) -> tuple[tuple[Instance, ...], tuple[PassedOver, ...]]:
        """Return the records of a place, and those of which no use can be made."""
        items = self.items.get(place)
        return ((), ()) if items is None else read_records(items, self.name, *place, lenient=True)

    def unchecked_seconds(self, wall: float) -> float:
        """Return how long ago it was compared with Cloud Map, at this time in seconds since the epoch."""
        return max(wall - self.checked_at.timestamp(), 0.0)

    def check_age(self, wall: float, most_seconds: float | None) -> None:
        """Raise a `MalformedRecordError` where nobody has compared it with Cloud Map for so long, or the time is wrong."""
        if self.checked_at.timestamp() - wall > _CLOCK_SKEW_SECONDS:
            raise MalformedRecordError(
                self.name, f"it was checked at {self.checked_at}, which is in the future: is a clock wrong?"
            )
        age = self.unchecked_seconds(wall)
        if most_seconds is not None and age > most_seconds:
            raise MalformedRecordError(
                self.name,
                f"it was last compared with Cloud Map {age / 3600:.1f} hours ago, and DISCOVERY_MAX_SNAPSHOT_AGE is "
                f"{most_seconds:g} s: run `cloudmap-discovery sync` on a schedule",
            )


def read_snapshot(body: bytes, *, name: str, namespace: str | None = None) -> Snapshot:
    """Return what the document called `name` says, gzip-compressed or not; of this namespace, if one is given.

    Raises a `MalformedRecordError` where it is truncated, of another format, or not a snapshot of the namespace.
    """
    try:
        data = json.loads(_unpacked(body, name))
    except (ValueError, RecursionError) as error:
        raise MalformedRecordError(name, f"it is no snapshot, or only half of one: {error}") from error
    if not isinstance(data, dict) or "format" not in data:
        raise MalformedRecordError(name, "it is JSON, but not a snapshot: it has no format")
    declared = data["format"]
    if isinstance(declared, bool) or declared != FORMAT:
        raise MalformedRecordError(
            name, f"its format is {_shown(declared)}; this version reads format {FORMAT}"
        )
    said = data.get("namespace")
    if not isinstance(said, str) or namespace not in {None, said}:
        raise MalformedRecordError(name, f"it is of the namespace {_shown(said)}, not of {_shown(namespace)}")
    moments = {field: _moment(data, field, name) for field in ("generated_at", "checked_at")}
    return Snapshot(name, said, **moments, items=_by_place(data.get("instances"), name))


def _unpacked(body: bytes, name: str) -> bytes:
    inflater, text = None, body
    if body.startswith(_GZIP):
        inflater = zlib.decompressobj(_GZIP_WINDOW)
        try:
            text = inflater.decompress(body, MAX_BYTES + 1)
        except zlib.error as error:
            raise MalformedRecordError(name, f"it cannot be decompressed: {error}") from error
    if len(text) > MAX_BYTES:
        raise MalformedRecordError(name, f"it has more than {MAX_BYTES} bytes")
    if inflater is not None and not inflater.eof:
        raise MalformedRecordError(name, "it is truncated")
    if inflater is not None and inflater.unused_data:
        raise MalformedRecordError(name, "something follows its end")
    return text


def _shown(value: Any) -> str:
    """Return what an error shows of the value: its text, but of no structure, however deep or long."""
    return f"of type {type(value).__name__}" if isinstance(value, (dict, list)) else f"{value!r:.200}"


def _moment(data: Mapping[str, Any], field: str, name: str) -> datetime:
    text = data.get(field)
    moment = decode_time(text) if isinstance(text, str) else None
    if moment is None:
        raise MalformedRecordError(name, f"its {field} is {_shown(text)}, which is no moment in ISO 8601")
    return moment


def _by_place(items: Any, name: str) -> dict[Place, list[Mapping[str, Any]]]:
    if not isinstance(items, list):
        raise MalformedRecordError(name, "its instances are not a list")
    found: dict[Place, list[Mapping[str, Any]]] = {}
    for index, item in enumerate(items):
        service = item.get("service") if isinstance(item, dict) else None
        stage = item.get("stage", NO_STAGE) if isinstance(item, dict) else None
        if not isinstance(service, str) or not isinstance(stage, str):
            raise MalformedRecordError(name, f"instances[{index}] says no service, or no stage that is text")
        found.setdefault((service, stage), []).append(item)
    return found
