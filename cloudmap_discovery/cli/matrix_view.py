"""Prints services by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudmap_discovery.cli.screen import GOOD, ODD, QUIET, STRONG, Column
from cloudmap_discovery.matrix import side_by_side
from cloudmap_discovery.model import NO_STAGE
from cloudmap_discovery.shown import counted

if TYPE_CHECKING:
    from cloudmap_discovery.cli.screen import Screen
    from cloudmap_discovery.matrix import Cell, Matrix

_FRAME_COLUMNS: Final = 3
_LEAST_SERVICE_COLUMNS: Final = 16


def show_matrix(screen: Screen, matrix: Matrix, *, namespace: str) -> None:
    """Print the matrix, in several tables below each other where the stages do not fit beside each other."""
    heads = [_head(stage) for stage in matrix.stages]
    rows = {
        service: [_cell(screen, matrix.cells.get((service, stage))) for stage in matrix.stages]
        for service in matrix.services
    }
    screen.line(
        (f"Namespace {namespace}", STRONG),
        (screen.symbols.between, QUIET),
        (counted(len(matrix.services), "service"), QUIET),
        (screen.symbols.between, QUIET),
        (counted(len(matrix.stages), "stage"), QUIET),
    )
    widths = [
        _FRAME_COLUMNS + max(screen.width(head), *(screen.width(row[number][0]) for row in rows.values()))
        for number, head in enumerate(heads)
    ]
    longest = max(screen.width(service) for service in [*matrix.services, "Service"])
    names = min(longest, max(_LEAST_SERVICE_COLUMNS, screen.columns // 2))
    for run in side_by_side(widths, screen.columns - names - _FRAME_COLUMNS - 1):
        columns = [Column("Service", style=STRONG, folds=True), *(Column(head) for head in heads[run])]
        screen.table(columns, [[[service], *([cell] for cell in row[run])] for service, row in rows.items()])
    symbols = screen.symbols
    legend = [f"{symbols.yes} registered without a version"] if _has_unversioned(matrix) else []
    if matrix.missing:
        legend.append(f"{symbols.none} not registered")
    screen.items(legend, style=QUIET)


def _head(stage: str) -> str:
    return "(no stage)" if stage == NO_STAGE else stage


def _cell(screen: Screen, cell: Cell | None) -> tuple[str, str]:
    if cell is None:
        return (screen.symbols.none, QUIET)
    text = cell.text(yes=screen.symbols.yes, times=screen.symbols.times)
    return (f"{text} drained", ODD) if cell.drained else (text, GOOD)


def _has_unversioned(matrix: Matrix) -> bool:
    return any(version == "" for cell in matrix.cells.values() for version, _ in cell.versions)
