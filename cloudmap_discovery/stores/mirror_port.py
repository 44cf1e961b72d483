"""What a projection of Cloud Map is written through: the port between the registry and each mirror."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cloudmap_discovery.copies import Copy, Records
    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.model import Instance, Place


@value
class Written:
    """What writing came to: whether the mirror held something else before, or why it was left as it is.

    `lacks_all`: there is no mirror yet, and nothing was written; it has to be made of everything.
    """

    changed: bool = False
    refusal: str | None = None
    lacks_all: bool = False


class Mirror(Protocol):
    """A store that repeats what Cloud Map has."""

    @property
    def name(self) -> str:
        """The name in `DISCOVERY_MIRRORS`: `ssm` …."""
        ...

    @property
    def places_at_once(self) -> int:
        """How many places one write should have at most."""
        ...

    async def write(
        self,
        places: Mapping[Place, Sequence[Instance]],
        deadline: Deadline,
        *,
        checked: bool = False,
        force: bool = False,
    ) -> Written:
        """Make these the mirror's records of each service and stage, all others being left as they are.

        No instances remove what it has of a place. `checked` says that from then on all of it is as in Cloud Map;
        `force` replaces what cannot be read. Raises a `StoreError` for every failure.
        """
        ...

    async def create(self, places: Mapping[Place, Sequence[Instance]], deadline: Deadline) -> None:
        """Make a mirror of all there is, unless there is one by now: that one is left as it is. Raises a `StoreError`."""
        ...

    async def copy(self, deadline: Deadline) -> Copy:
        """Return all that the mirror holds of the namespace. Raises a `StoreError`."""
        ...

    def records(self, instances: Iterable[Instance]) -> Records:
        """Return what the mirror would hold of these records of one place, by id."""
        ...
