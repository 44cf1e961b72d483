"""What a record remembers of the owner that it was taken over from, so that it can be given back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.encoding import decode_attributes, encode_attributes
from cloudmap_discovery.limits import MAX_ATTRIBUTE_VALUE
from cloudmap_discovery.model import Instance
from cloudmap_discovery.registration import MANUAL_OWNER
from cloudmap_discovery.values import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

ADOPTED_FROM: Final = "adopted-from"
"""The attribute of a record that was taken over: the attributes of the former owner's record, as JSON."""


def remembering(present: Instance | None, owner: str) -> dict[str, str]:
    """Return the attributes by which what `owner` writes over the record that is there remembers whose it was.

    None where nobody else's is there, or it does not fit into an attribute.
    """
    if present is None:
        return {}
    if (present.owner or MANUAL_OWNER) == owner:
        kept = present.attributes.get(ADOPTED_FROM)
        return {} if kept is None else {ADOPTED_FROM: kept}
    try:
        former = encode_attributes(_without_memory(present))
    except ValueError:  # somebody wrote into it what we would not
        return {}
    text = json.dumps(former, separators=(",", ":"))
    return {ADOPTED_FROM: text} if len(text) <= MAX_ATTRIBUTE_VALUE else {}


def former(record: Instance) -> Instance | None:
    """Return the record that this one was taken over from, or None if it remembers none that can be written again."""
    text = record.attributes.get(ADOPTED_FROM)
    if text is None:
        return None
    try:
        found = decode_attributes(record.service, record.id, json.loads(text))
        if not isinstance(found, Instance) or _identity(found) != _identity(record):
            return None
        encode_attributes(found)
    except (ValueError, RecursionError):  # anybody may write anything into it
        return None
    return found


def without_memory(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes without what they remember."""
    return {key: text for key, text in attributes.items() if key != ADOPTED_FROM}


def _without_memory(record: Instance) -> Instance:
    kept = {key: text for key, text in record.attributes.items() if not key.startswith("AWS_")}
    return replace(record, attributes=without_memory(kept))


def _identity(record: Instance) -> tuple[object, ...]:
    return (record.service, record.stage, record.version, record.tenant, record.variant)
