"""What a mirror holds of a registry, and in what that differs from what it should hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.model import NO_ATTRIBUTES
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from datetime import datetime

    from cloudmap_discovery.model import Place

Fields = Mapping[str, Any]
"""A record as a mirror repeats it."""

Records = Mapping[str, Fields]
"""The records of a place by id."""

# Of fewer records, any may go unasked: a registry that is tried out is emptied now and then.
_FEW: Final = 3


@value
class Copy:
    """All that a mirror holds, by service and stage; `left_alone` says why some places are not its own.

    `checked_at` is when it was last compared with Cloud Map, where it says so; `exists` whether it is there at all.
    """

    places: Mapping[Place, Records]
    left_alone: Mapping[Place, str] = NO_ATTRIBUTES  # type: ignore[assignment]  # empty, whatever the keys are
    checked_at: datetime | None = None
    exists: bool = True


@value
class Difference:
    """A record that a mirror is to get (`before` is None), to lose (`after` is None), or to get anew."""

    service: str
    stage: str
    id: str
    before: Fields | None
    after: Fields | None

    @property
    def kind(self) -> str:
        """What happens to it: `add`, `remove` or `change`."""
        return "add" if self.before is None else "remove" if self.after is None else "change"


def differences(
    copy: Copy, wanted: Mapping[Place, Records], *, stage: str | None = None
) -> tuple[Difference, ...]:
    """Return what makes the copy hold what is wanted, in order; of one stage, or, with None, of all stages."""
    places = (copy.places.keys() | wanted.keys()) - copy.left_alone.keys()
    return tuple(
        difference
        for place in sorted(places)
        if stage in {None, place[1]}
        for difference in _at(place, copy.places.get(place, {}), wanted.get(place, {}))
    )


def loses_most(
    copy: Copy, found: Iterable[Difference], *, stage: str | None = None
) -> tuple[int, int] | None:
    """Return how many of how many records would go, if that is most of them and more than a few, else None."""
    held = sum(len(records) for place, records in copy.places.items() if stage in {None, place[1]})
    lost = sum(difference.kind == "remove" for difference in found)
    return (lost, held) if lost > _FEW and lost * 2 > held else None


def _at(place: Place, before: Records, after: Records) -> Iterable[Difference]:
    for record_id in sorted(before.keys() | after.keys()):
        old, new = before.get(record_id), after.get(record_id)
        if old != new:
            yield Difference(*place, record_id, old, new)
