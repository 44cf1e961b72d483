"""Services by stage: what stands in each cell, and which columns fit beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.model import NO_STAGE
from cloudmap_discovery.selection import matching

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudmap_discovery.model import Instance

_MAX_VERSIONS: Final = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """The records of one service in one stage.

    `versions` has each version with its number of records, highest first; the empty text stands for none. `tenants`
    counts the records that belong to tenants and are in no version's number. `drained`: none of them takes traffic.
    """

    versions: tuple[tuple[str, int], ...]
    tenants: int
    drained: bool

    @classmethod
    def of(cls, records: Sequence[Instance]) -> Cell:
        """Return the cell of these records, of which there is at least one."""
        own = matching(records)
        grouped = groupby(own, key=lambda record: record.version or "")
        return cls(
            versions=tuple((version, len(list(group))) for version, group in grouped),
            tenants=len(records) - len(own),
            drained=all(record.weight == 0 for record in records),
        )

    def text(self, *, yes: str, times: str) -> str:
        """Return what the cell says, such as `1.4.2 x2, 1.3.0`; `yes` stands for a record without a version."""
        shown = self.versions[:_MAX_VERSIONS]
        parts = [
            f"{version or yes} {times}{number}" if number > 1 else version or yes for version, number in shown
        ]
        text = ", ".join(parts)
        hidden = sum(number for _, number in self.versions[_MAX_VERSIONS:])
        if hidden:
            text += f", +{hidden}"
        if self.tenants:
            text += f"{' + ' if text else ''}{self.tenants} tenant{'' if self.tenants == 1 else 's'}"
        return text


@dataclass(frozen=True, slots=True)
class Matrix:
    """Services and stages in the order in which they are shown, and the cells that have records."""

    services: tuple[str, ...]
    stages: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cell]

    @classmethod
    def of(cls, records: Mapping[str, Sequence[Instance]], *, stages: Sequence[str] = ()) -> Matrix:
        """Return the matrix of the records by service, with these stages in this order, or all in theirs."""
        by_place: dict[tuple[str, str], list[Instance]] = {}
        for some in records.values():
            for record in some:
                by_place.setdefault((record.service, record.stage), []).append(record)
        found = {stage for _, stage in by_place}
        return cls(
            services=tuple(sorted(records)),
            stages=tuple(stages)
            or tuple(sorted(found, key=lambda stage: (stage == NO_STAGE, stage.lower(), stage))),
            cells={place: Cell.of(some) for place, some in by_place.items()},
        )

    @property
    def missing(self) -> int:
        """How many cells have no record."""
        return len(self.services) * len(self.stages) - len(self.cells)


def side_by_side(widths: Sequence[int], room: int) -> list[slice]:
    """Return which columns stand beside each other in turn, each run at most `room` wide, but at least one column."""
    runs: list[slice] = []
    start = 0
    used = 0
    for position, width in enumerate(widths):
        if position > start and used + width > room:
            runs.append(slice(start, position))
            start, used = position, 0
        used += width
    return [*runs, slice(start, len(widths))]
