"""What the benchmarks share: medians of interleaved rounds, and tables."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of some measurements, and the quartiles around it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Return the spread of two values or more."""
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)

    def shown(self, unit: str, scale: float = 1.0, digits: int = 0) -> str:
        """Return it as the text of a cell: the median, and the quartiles in parentheses."""
        median, low, high = (f"{value * scale:.{digits}f}" for value in (self.median, self.low, self.high))
        return f"{median} {unit} ({low} to {high})"


def medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each name over the rounds."""
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


def fastest(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the least of each name over the rounds: what a loop takes where nothing else disturbs it."""
    return {name: min(one[name] for one in rounds) for name in rounds[0]}


def in_fresh_process(script: str, environment: Mapping[str, str]) -> str:
    """Run Python code in a process of its own, with this environment added; returns its standard output."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table, so that it can be pasted into the documentation."""
    cells = [[str(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]

    def line(row: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([line(cells[0]), rule, *map(line, cells[1:])])


def print_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table under its title."""
    print(f"\n{title}\n\n{table(heads, rows)}")
