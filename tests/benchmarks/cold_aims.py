"""What a cold start may cost, held against what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.benchmarks.cold_fresh import BOTO3, DIRECT, FLOOR, HTTP, PACKAGED, TLS
from tests.benchmarks.measuring import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.benchmarks.cold_fresh import FirstAnswers
    from tests.benchmarks.measuring import Spread

MOST_OF_BOTO3: Final = 0.5
MOST_OF_FLOOR: Final = 1.2
MOST_OF_DIRECT: Final = 1.0
MOST_IMPORT_SECONDS: Final = 0.015
MOST_ZIP_BYTES: Final = 1_000_000
MOST_MEMORY_OF_BOTO3: Final = 0.5
# Two runs of one and the same code differ by this much.
NO_WORSE: Final = 1.05


@dataclass(frozen=True, slots=True)
class Aim:
    """One of them; `measured` and `most` in the same unit, which times `scale` is `unit`.

    `rounds` is the spread of what single rounds say, where a busy machine can make it look reached or missed.
    """

    name: str
    measured: float
    most: float
    unit: str = ""
    scale: float = 1.0
    rounds: Spread | None = None

    @property
    def is_reached(self) -> bool:
        return self.measured <= self.most

    @property
    def row(self) -> tuple[str, str, str, str]:
        measured = f"{self.measured * self.scale:.2f}{self.unit}"
        if self.rounds is not None:
            measured += f" ({self.rounds.low * self.scale:.2f} to {self.rounds.high * self.scale:.2f})"
        most = f"at most {self.most * self.scale:g}{self.unit}"
        missed_by = f"not reached: {self.measured / self.most - 1:.0%} too much"
        return self.name, most, measured, "reached" if self.is_reached else missed_by


def aims_table(
    answers: FirstAnswers,
    throttled: FirstAnswers,
    beyond_asyncio: Spread,
    slim_zip_bytes: int,
    cached: Sequence[Aim],
) -> str:
    """Return the table of aims; `cached` are those of cached reads, none where there was nothing to compare with."""
    aims = [
        *_first_answer(answers, "first answer"),
        *_first_answer(throttled, "first answer, throttled"),
        Aim(
            "`import cloudmap_discovery` outside Lambda, beyond asyncio",
            beyond_asyncio.median,
            MOST_IMPORT_SECONDS,
            " ms",
            1e3,
            beyond_asyncio,
        ),
        Aim("slim layer, zipped", slim_zip_bytes, MOST_ZIP_BYTES, " MB", 1e-6),
        *(
            Aim(
                f"memory after the first answer, against plain boto3, {scheme}",
                answers.peak_ratio(DIRECT, BOTO3, scheme),
                MOST_MEMORY_OF_BOTO3,
            )
            for scheme in (HTTP, TLS)
        ),
        *cached,
    ]
    rows = [aim.row for aim in aims]
    if not cached:
        rows.append(("cached reads, against before", f"at most {NO_WORSE:g}", "", "not compared"))
    return table(("aim", "figure", "measured", ""), rows)


def _first_answer(answers: FirstAnswers, name: str) -> Iterator[Aim]:
    for scheme in (HTTP, TLS):
        title = f"{name}, from a packaged file, against direct, {scheme}"
        ratio = answers.answer_ratio(PACKAGED, DIRECT, scheme)
        yield Aim(title, ratio, MOST_OF_DIRECT, rounds=answers.round_ratios(PACKAGED, DIRECT, scheme))
    for other, most in ((BOTO3, MOST_OF_BOTO3), (FLOOR, MOST_OF_FLOOR)):
        for scheme in (HTTP, TLS):
            title = f"{name}, against {other.replace('floor', 'the floor')}, {scheme}"
            ratio = answers.answer_ratio(DIRECT, other, scheme)
            yield Aim(title, ratio, most, rounds=answers.round_ratios(DIRECT, other, scheme))
