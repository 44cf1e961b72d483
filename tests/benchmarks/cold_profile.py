"""What the first answer of a fresh process is spent on: time and memory step by step, and imports module by module.

    python -m tests.benchmarks.cold_profile [--rounds 9]

By the direct transport, over TLS. What the floor script imports as well, nothing that asks AWS can do without.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from typing import TYPE_CHECKING, Final

from tests.benchmarks.cold_bed import cold_bed
from tests.benchmarks.measuring import medians, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.benchmarks.cold_bed import Bed

OWN: Final = "cloudmap_discovery"
LISTED: Final = 15
DIRECT: Final = {"DISCOVERY_TRANSPORT": "direct"}
# Each step finds what those before it have imported and read.
STEPS: Final = {
    "`import asyncio`": "import asyncio",
    "`import http.client, ssl, json, hmac`": "import http.client, ssl, json, hmac",
    f"`import {OWN}`": f"import {OWN}",
    "the certificates to trust": f"from {OWN}.transport.direct_tls import tls_context; tls_context(os.environ)",
    "settings, stores, transport": f"from {OWN} import api; api.process._wired()",
    "threads, connecting, TLS, the answer": f"asyncio.run({OWN}.discover('users', stage='Production'))",
}
_START: Final = """
import os, sys, time
def peak():
    with open("/proc/self/status") as status:
        return int(next(line.split()[1] for line in status if line.startswith("VmHWM"))) / 1024
steps = [(0.0, peak())]
"""
_STEP: Final = """
started = time.perf_counter()
{code}
taken = time.perf_counter() - started
steps.append((taken * 1e3, peak()))
"""
_END: Final = "\nimport json\nprint(json.dumps(steps))"
_IMPORTED: Final = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)
_ASK: Final = "import {peer}; {peer}.ask()"


def profile(bed: Bed, rounds: int) -> str:
    """Return both tables, as Markdown."""
    return f"{steps_table(bed, rounds)}\n\n{imports_table(bed, rounds)}"


def steps_table(bed: Bed, rounds: int) -> str:
    """Return what each step takes, and the most memory that the process had until its end."""
    script = "".join([_START, *(_STEP.format(code=code) for code in STEPS.values()), _END])
    names = ("a bare interpreter", *STEPS)
    taken, peaks = [], []
    for is_counted in [False] + [True] * rounds:
        measured = json.loads(bed.machine.run(script, {**bed.tls, **DIRECT}).stdout)
        if is_counted:
            taken.append({name: one for name, (one, _) in zip(names, measured, strict=True)})
            peaks.append({name: one for name, (_, one) in zip(names, measured, strict=True)})
    milliseconds, megabytes = medians(taken), medians(peaks)
    return table(
        ("one step after the other, in one process", "time", "peak memory after it"),
        [
            (name, f"{milliseconds[name]:.1f} ms" if name in STEPS else "", f"{megabytes[name]:.1f} MB")
            for name in names
        ],
    )


def imports_table(bed: Bed, rounds: int) -> str:
    """Return what importing takes, in groups; under ours, and the library's beyond the floor, the dearest modules."""
    measured = [(_imports(bed, "floor"), _imports(bed, "discovery")) for _ in range(rounds + 1)][1:]
    floor, ours = ({name: 0.0 for one in side for name in one} for side in zip(*measured, strict=True))
    ours = medians([{**ours, **one} for _, one in measured])
    groups = grouped(ours, floor)
    rows: list[tuple[str, str, str]] = []
    for title, modules in groups.items():
        rows.append((title, str(len(modules)), f"{sum(modules.values()):.1f} ms"))
        if modules.keys().isdisjoint(floor):
            rows.extend(("· " + f"`{name}`", "", f"{taken:.1f} ms") for name, taken in dearest(modules))
    return table(("imports until the first answer", "modules", "time of their own"), rows)


def grouped(ours: Mapping[str, float], floor: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Divide what we import: modules that the floor imports as well, our own, and others."""
    groups: dict[str, dict[str, float]] = {
        "what the floor script imports too": {},
        "this project's own": {},
        "others beyond the floor": {},
    }
    shared, own, others = groups.values()
    for name, taken in ours.items():
        is_own = name.partition(".")[0] in {OWN, "discovery"}
        (shared if name in floor else own if is_own else others)[name] = taken
    return groups


def dearest(modules: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return the modules that take longest, longest first."""
    return sorted(modules.items(), key=lambda item: -item[1])[:LISTED]


def read_imports(errors: str) -> dict[str, float]:
    """Return the milliseconds of each module's own from what `-X importtime` wrote."""
    return {name: int(micros) / 1e3 for micros, name in _IMPORTED.findall(errors)}


def _imports(bed: Bed, peer: str) -> dict[str, float]:
    done = bed.machine.run(_ASK.format(peer=peer), {**bed.tls, **DIRECT}, "-X", "importtime")
    return read_imports(done.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9, help="fresh processes per table (default: 9)")
    with cold_bed() as bed:
        print(profile(bed, parser.parse_args(arguments).rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
