"""What a projection of Cloud Map is written through: the port between the registry and each mirror."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.model import Instance


class Mirror(Protocol):
    """A store that repeats what Cloud Map has."""

    @property
    def name(self) -> str:
        """The name in `DISCOVERY_MIRRORS`: `ssm` …."""
        ...

    async def write(
        self, service: str, stage: str, instances: Sequence[Instance], deadline: Deadline
    ) -> str | None:
        """Make these the mirror's records of the service and stage, all others being left as they are.

        No instances remove what it has of them. Returns None, or why it was left as it is: what stands there was
        put there by a person. Raises a `StoreError` for every failure.
        """
        ...
