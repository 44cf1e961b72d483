"""What a record remembers of those it was taken over from, so that it can be given back.

The memory is a list of records, the latest first, in the attributes `adopted-from`, `adopted-from-2` and so on.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.encoding import decode_attributes, decode_time, encode_attributes, encode_time
from cloudmap_discovery.limits import MAX_ATTRIBUTE_VALUE
from cloudmap_discovery.model import Instance
from cloudmap_discovery.registration import MANUAL_OWNER
from cloudmap_discovery.values import replace, value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

ADOPTED_FROM: Final = "adopted-from"
"""The attribute of a record that was taken over: the attributes of the former owners' records, as JSON."""

STACK: Final = "owner-stack"
"""The attribute that tells a stack from an earlier one of the same name: the last part of its id."""

ASKED_AT: Final = "owner-asked-at"
"""The attribute that says when CloudFormation asked for the record as it is, in ISO 8601: a repeated request is older."""

_MEMORY: Final = rf"{ADOPTED_FROM}(?:-[1-9][0-9]?)?"


@value
class Claimant:
    """Who writes a record: `owner` and `owner_ref` of it, the `stack` that this is now, and when it `asked`."""

    owner: str
    owner_ref: str
    stack: str
    asked: datetime | None = None

    @property
    def marks(self) -> dict[str, str]:
        """The attributes of what this claimant writes."""
        asked = {} if self.asked is None else {ASKED_AT: encode_time(self.asked)}
        return {STACK: self.stack, **asked}

    def is_late(self, record: Instance) -> bool:
        """Return whether the record is this claimant's, who has asked for something else since."""
        since = decode_time(record.attributes.get(ASKED_AT, ""))
        if since is None or self.asked is None:
            return False
        return self.has(record) and since > self.asked

    def may_have_made(self, record: Instance, since: float | None) -> bool:
        """Return whether the record may be what this stack has written `since` then; what says nothing of it may."""
        asked = decode_time(record.attributes.get(ASKED_AT, ""))
        if record.attributes.get(STACK, self.stack) != self.stack:
            return False
        return since is None or asked is None or asked.timestamp() >= since

    def has(self, record: Instance) -> bool:
        """Return whether the record is this claimant's."""
        return (record.owner or MANUAL_OWNER, record.owner_ref) == (self.owner, self.owner_ref)


def is_own_attribute(name: str) -> bool:
    """Return whether the attribute is one that the registrar keeps for itself."""
    return name in {STACK, ASKED_AT} or re.fullmatch(_MEMORY, name) is not None


def without_memory(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes without what they remember."""
    return {key: text for key, text in attributes.items() if re.fullmatch(_MEMORY, key) is None}


def remembered(record: Instance) -> tuple[Instance, ...]:
    """Return the records that this one was taken over from, the latest first, as far as they can be written again."""
    keys = sorted(
        (key for key in record.attributes if re.fullmatch(_MEMORY, key)), key=lambda key: (len(key), key)
    )
    if not keys:
        return ()
    try:
        items = json.loads("".join(record.attributes[key] for key in keys))
    except (ValueError, RecursionError):  # anybody may write anything into it
        return ()
    found = (_readable(record, item) for item in (items if isinstance(items, list) else ()))
    return tuple(one for one in found if one is not None)


def memory_of(records: Sequence[Instance]) -> dict[str, str]:
    """Return the attributes that remember these records."""
    if not records:
        return {}
    text = json.dumps([encode_attributes(one) for one in records], separators=(",", ":"))
    parts = []
    while text:
        size = min(MAX_ATTRIBUTE_VALUE, len(text))
        while text[size : size + 1] == " ":  # with which no value may begin
            size -= 1
        parts.append(text[:size])
        text = text[size:]
    return {
        ADOPTED_FROM if number == 1 else f"{ADOPTED_FROM}-{number}": part
        for number, part in enumerate(parts, start=1)
    }


def to_remember(present: Instance | None, claimant: Claimant) -> tuple[Instance, ...]:
    """Return the records that what the claimant writes over the one that is there has to remember.

    A resource of the same stack counts as another, since it may be renamed, and that rolled back; but not what a
    stack of the same name left that is gone: nobody is there any more to give it back to.
    """
    if present is None:
        return ()
    before = remembered(present)
    is_left_over = (
        present.owner == claimant.owner and present.attributes.get(STACK, claimant.stack) != claimant.stack
    )
    if claimant.has(present) or is_left_over:
        return before
    bare = _bare(present)
    # Who is among those remembered already, and takes it back, is the owner again.
    others = tuple(one for one in before if not claimant.has(one))
    return others if bare is None else (bare, *others)


def same_content(record: Instance, wanted: Instance) -> bool:
    """Return whether both say the same to those who look up, whoever owns them."""
    return _told(record) == _told(wanted)


def _told(record: Instance) -> tuple[Any, ...]:
    attributes = {
        key: text
        for key, text in record.attributes.items()
        if not is_own_attribute(key) and not key.startswith("AWS_")
    }
    return (*_identity(record), record.endpoint, record.weight, tuple(sorted(attributes.items())))


def _readable(record: Instance, item: Any) -> Instance | None:
    try:
        found = decode_attributes(record.service, record.id, item)
        if not isinstance(found, Instance) or _identity(found) != _identity(record):
            return None
        encode_attributes(found)
    except ValueError:
        return None
    return found


def _bare(record: Instance) -> Instance | None:
    kept = {
        key: text for key, text in without_memory(record.attributes).items() if not key.startswith("AWS_")
    }
    bare = replace(record, attributes=kept)
    try:
        encode_attributes(bare)
    except ValueError:  # somebody wrote into it what we would not
        return None
    return bare


def _identity(record: Instance) -> tuple[object, ...]:
    return (record.service, record.stage, record.version, record.tenant, record.variant)
