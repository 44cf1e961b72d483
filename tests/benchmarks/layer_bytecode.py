"""What the layer's bytecode gains at a cold start: imports from the unpacked layer with it and without.

    python -m tests.benchmarks.layer_bytecode [--rounds 15]

Every measurement is a fresh process of the running Python that finds nothing but the layer and the standard library. The layer cannot
be written to, as /opt cannot. Both variants take turns, so that a busy moment of the machine meets both.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from layer.build import ROOT, build_layer
from layer.interpreters import find_interpreter
from layer.targets import architecture_of_machine, find_target

IMPORTS = (
    "cloudmap_discovery",
    "cloudmap_discovery, aiobotocore.session",
    "cloudmap_discovery, aiobotocore.session, boto3",
)
_MEASURE = "import time; start = time.perf_counter(); import {imports}; print(time.perf_counter() - start)"


def main() -> None:
    """Build a layer, measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15, help="fresh processes per number (default: 15)")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as temporary:
        with_bytecode, without = _unpack_both(Path(temporary))
        print(
            f"Python {platform.python_version()}, {platform.machine()}, medians of {rounds} fresh processes, in milliseconds\n"
        )
        print(f"{'import':<50} {'bytecode':>9} {'none':>9} {'gained':>9}")
        for imports in IMPORTS:
            pairs = [(_measure(with_bytecode, imports), _measure(without, imports)) for _ in range(rounds)]
            fast, slow = (statistics.median(times) * 1000 for times in zip(*pairs, strict=True))
            print(f"{imports:<50} {fast:>9.0f} {slow:>9.0f} {slow - fast:>9.0f}")


def _unpack_both(folder: Path) -> tuple[Path, Path]:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    target = find_target(version, architecture_of_machine(platform.machine()))
    built = build_layer(
        target, root=ROOT, dist=folder / "dist", interpreter=find_interpreter(version, os.environ)
    )
    with_bytecode, without = folder / "with", folder / "without"
    for place in (with_bytecode, without):
        with zipfile.ZipFile(built.path) as archive:
            archive.extractall(place)
    for cache in list(without.rglob("__pycache__")):
        shutil.rmtree(cache)
    return with_bytecode / "python", without / "python"


def _measure(packages: Path, imports: str) -> float:
    # Root may write where modes forbid it: the variable makes the folder read-only for Python, whoever runs this.
    environment = {"PYTHONPATH": str(packages), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-P", "-S", "-s", "-c", _MEASURE.format(imports=imports)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


if __name__ == "__main__":
    main()
