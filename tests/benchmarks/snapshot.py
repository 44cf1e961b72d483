"""What a snapshot of 2,000 instances costs whoever reads it: its size, the time to parse it, the memory that it takes."""

from __future__ import annotations

from typing import Final

from tests.benchmarks.measuring import Spread, in_fresh_process, print_table

RECORDS: Final = 2_000
PROCESSES: Final = 9

SCRIPT: Final = f"""
import gc, time, tracemalloc
from tests.benchmarks.cold_bed import registry_of
from cloudmap_discovery.snapshot_writing import packed
from cloudmap_discovery.snapshots import _unpacked, read_snapshot
body = registry_of({RECORDS})
plain = _unpacked(body, "")
del registry_of, packed
def seconds(content):
    started = time.perf_counter()
    read_snapshot(content, name="", namespace="services")
    return time.perf_counter() - started
times = [min(seconds(content) for _ in range(5)) for content in (body, plain)]
place = ("users", "Production")
snapshot = read_snapshot(body, name="")
started = time.perf_counter()
snapshot.records(place)
times.append(time.perf_counter() - started)
del snapshot
gc.collect()
tracemalloc.start()
held = read_snapshot(body, name="")
gc.collect()
print(len(body), len(plain), *times, *tracemalloc.get_traced_memory())
"""

if __name__ == "__main__":
    columns = list(
        zip(*(map(float, in_fresh_process(SCRIPT, {}).split()) for _ in range(PROCESSES)), strict=True)
    )
    packed_bytes, plain_bytes, packed_seconds, plain_seconds, record_seconds, held_bytes, peak_bytes = (
        Spread.of(column) for column in columns
    )
    print_table(
        f"A snapshot of {RECORDS:,} instances, in {PROCESSES} fresh processes",
        ("", "size", "parsed in"),
        [
            ("compressed", f"{packed_bytes.median / 1e3:.0f} kB", packed_seconds.shown("ms", 1e3, 1)),
            ("plain", f"{plain_bytes.median / 1e3:.0f} kB", plain_seconds.shown("ms", 1e3, 1)),
        ],
    )
    print_table(
        "What it takes then",
        ("held", "at most, while it is parsed", "the records of one service and stage"),
        [
            (
                f"{held_bytes.median / 1e6:.2f} MB",
                f"{peak_bytes.median / 1e6:.2f} MB",
                record_seconds.shown("\N{MICRO SIGN}s", 1e6),
            )
        ],
    )
