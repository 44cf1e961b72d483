"""What the layers' bytecode gains at a cold start: imports from the unpacked layer with it and without.

    python -m tests.benchmarks.layer_bytecode [--rounds 15]

Every measurement is a fresh process that finds nothing but the layer and the standard library, and takes itself to be in Lambda. The
layer cannot be written to, as /opt cannot. All that a table shows takes turns, so that a busy moment of the machine meets each. The slim layer is
measured on every Python of this machine, the full one on the Python that runs this.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from layer.build import ROOT, build_layer
from layer.interpreters import Interpreter, find_interpreters
from layer.targets import SLIM, Target, architecture_of_machine, find_target
from tests.benchmarks.measuring import medians, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OWN: Final = "cloudmap_discovery"
IMPORTS: Final = (
    OWN,
    "cloudmap_discovery, aiobotocore.session",
    "cloudmap_discovery, aiobotocore.session, boto3",
)
HEADS: Final = ("with bytecode", "without", "gained")
# Inside Lambda, where the variables have credentials, the import loads what a lookup needs besides.
IN_LAMBDA: Final = {
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1",
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
}
_MEASURE = "import time; start = time.perf_counter(); import {imports}; print(time.perf_counter() - start)"


def main() -> None:
    """Build both layers, measure, and print a table for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15, help="fresh processes per number (default: 15)")
    rounds = parser.parse_args().rounds
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    full = find_target(running, architecture_of_machine(platform.machine()))
    how = f"{platform.machine()}, medians of {rounds} fresh processes, in milliseconds"
    with tempfile.TemporaryDirectory() as temporary:
        interpreters = _interpreters_of(SLIM)
        both = _unpack_both(SLIM, interpreters, Path(temporary) / "slim")
        subjects = {each.full_version: (each, OWN) for each in interpreters}
        print_table(
            f"slim layer, import {OWN}, {how}", ("Python", *HEADS), _rows(both, subjects, rounds=rounds)
        )
        interpreters = _interpreters_of(full)
        both = _unpack_both(full, interpreters, Path(temporary) / "full")
        subjects = {imports: (each, imports) for each in interpreters for imports in IMPORTS}
        print_table(
            f"full layer, Python {platform.python_version()}, {how}",
            ("import", *HEADS),
            _rows(both, subjects, rounds=rounds),
        )


def _interpreters_of(target: Target) -> list[Interpreter]:
    return find_interpreters((runtime.version for runtime in target.runtimes), os.environ)


def _unpack_both(target: Target, interpreters: Sequence[Interpreter], folder: Path) -> tuple[Path, Path]:
    built = build_layer(target, root=ROOT, dist=folder / "dist", interpreters=interpreters)
    with_bytecode, without = folder / "with", folder / "without"
    for place in (with_bytecode, without):
        with zipfile.ZipFile(built.path) as archive:
            archive.extractall(place)
    for cache in list(without.rglob("__pycache__")):
        shutil.rmtree(cache)
    return with_bytecode / "python", without / "python"


def _rows(
    both: tuple[Path, Path], subjects: Mapping[str, tuple[Interpreter, str]], *, rounds: int
) -> list[tuple[str, str, str, str]]:
    with_bytecode, without = both
    taken = [
        {
            f"{name} in {packages}": _measure(packages, interpreter, imports)
            for name, (interpreter, imports) in subjects.items()
            for packages in both
        }
        for _ in range(rounds)
    ]
    milliseconds = {name: seconds * 1000 for name, seconds in medians(taken).items()}
    rows = []
    for name in subjects:
        fast, slow = milliseconds[f"{name} in {with_bytecode}"], milliseconds[f"{name} in {without}"]
        rows.append((name, f"{fast:.0f}", f"{slow:.0f}", f"{slow - fast:.0f}"))
    return rows


def _measure(packages: Path, interpreter: Interpreter, imports: str) -> float:
    # Root may write where modes forbid it: the variable makes the folder read-only for Python, whoever runs this.
    environment = {"PYTHONPATH": str(packages), "PYTHONDONTWRITEBYTECODE": "1", **IN_LAMBDA}
    done = subprocess.run(
        [interpreter.path, "-P", "-S", "-s", "-c", _MEASURE.format(imports=imports)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


if __name__ == "__main__":
    main()
