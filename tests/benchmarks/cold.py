"""What a cold start costs: this project beside the least that can ask, plain SDKs and Powertools.

    python -m tests.benchmarks.cold [--rounds 15] [--write]

Every number is a median of fresh processes, between its quartiles; all that is compared takes turns. It takes about a quarter of an hour,
on a machine that should do nothing else.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import ssl
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.benchmarks.cached import FIVE, NOW, ONE, ROOT, cached_reads, cached_table, unpack_revision
from tests.benchmarks.cold_aims import NO_WORSE, Aim, aims_table
from tests.benchmarks.cold_bed import cold_bed
from tests.benchmarks.cold_emulator import emulated_starts
from tests.benchmarks.cold_fresh import first_answers, import_beyond_asyncio, small_functions
from tests.benchmarks.cold_profile import profile
from tests.benchmarks.cold_throttle import NoThrottle, throttle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DOCUMENT: Final = ROOT / "docs" / "performance.md"
BEGIN: Final = "<!-- measured by make bench-cold: begin -->\n"
END: Final = "<!-- measured by make bench-cold: end -->"
BEFORE: Final = "9afe1da"
"""The revision that cached reads are compared with: the last one that knew no transport but the SDK's."""


def measure(rounds: int) -> Iterator[tuple[str, str]]:
    """Give titles and tables, the aims last, each as soon as it is measured."""
    with cold_bed() as bed, throttle() as slow:
        answers = first_answers(bed, NoThrottle(), rounds)
        beyond_asyncio = import_beyond_asyncio(bed, rounds)
        yield "First answer of a fresh process", answers.times()
        yield "Memory after the first answer", answers.memory()
        yield "What the time goes into", profile(bed, rounds)
        throttled = first_answers(bed, slow, rounds)
        yield f"First answer with a tenth of a processor ({slow.description})", throttled.times()
        yield "Memory after the first answer with a tenth of a processor", throttled.memory()
        yield (
            "A small function: the whole processor during init, a tenth when invoked",
            small_functions(bed, slow, rounds),
        )
        emulated = emulated_starts(bed, rounds)
        yield "Functions under AWS's runtime emulator", emulated.times
    with tempfile.TemporaryDirectory() as temporary:
        before = unpack_revision(BEFORE, Path(temporary))
        reads = cached_reads({NOW: ROOT} if before is None else {NOW: ROOT, BEFORE: before}, rounds)
    yield "Cached reads, in the fastest process", cached_table(reads)
    yield (
        "Aims",
        aims_table(answers, throttled, beyond_asyncio, emulated.slim_zip_bytes, cached_aims(reads)),
    )


def cached_aims(reads: Mapping[str, Mapping[str, float]]) -> list[Aim]:
    """Hold cached reads against those of before."""
    if BEFORE not in reads:
        return []
    now, before = reads[NOW], reads[BEFORE]
    return [
        Aim(f"cached read, {name}, against before", now[name] / before[name], NO_WORSE)
        for name in (ONE, FIVE)
    ]


def machine() -> str:
    """Describe the machine by what the numbers depend on."""
    return (
        f"{platform.system()} on {platform.machine()}, {os.cpu_count()} processors; "
        f"{platform.python_implementation()} {platform.python_version()}, {' '.join(ssl.OPENSSL_VERSION.split()[:2])}"
    )


def written(document: str, measured: str) -> str:
    """Return the document with what stands between its marks replaced; raises a `ValueError` where it has none."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{DOCUMENT.name} has not the marks {BEGIN.strip()} and {END}")
    return f"{before}{begin}\n{measured.strip()}\n\n{end}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print Markdown, and with `--write` put it into the document; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15, help="fresh processes per number (default: 15)")
    parser.add_argument("--write", action="store_true", help=f"renew the tables of docs/{DOCUMENT.name}")
    options = parser.parse_args(arguments)
    # However it is ended, no control group stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    parts = [f"Measured with {options.rounds} processes for each number, on {machine()}."]
    print(parts[0], flush=True)
    for title, text in measure(options.rounds):
        parts.append(f"### {title}\n\n{text}")
        print(f"\n{parts[-1]}", flush=True)
    if options.write:
        parts[1:] = [parts[-1], *parts[1:-1]]  # the aims first
        DOCUMENT.write_text(written(DOCUMENT.read_text(), "\n\n".join(parts)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
