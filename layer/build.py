"""Builds the layer from wheels, on any machine: slim, one zip for all, or full, for one Python version and architecture.

python -m layer.build [--flavor slim|full] [--python 3.13] [--arch arm64] [--dist dist] [--bytecode auto|never]
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from layer.archive import (
    DIRECT_UPLOAD_LIMIT_BYTES,
    UNZIPPED_LIMIT_BYTES,
    Size,
    check_unzipped,
    megabytes,
    write_zip,
)
from layer.blanking import blank_description, blank_folder
from layer.bytecode import Bytecode, add_bytecode, left_out
from layer.content import OWN_PACKAGE, belongs
from layer.errors import LayerError
from layer.interpreters import Interpreter, find_interpreters
from layer.packages import install_packages
from layer.targets import FLAVORS, PythonRuntime, Target, architecture_of_machine, choose_target

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class BuiltLayer:
    """A layer on disk."""

    path: Path
    target: Target
    size: Size
    bytecode: tuple[Bytecode, ...]

    @property
    def without_bytecode(self) -> tuple[PythonRuntime, ...]:
        """The runtimes that compile the layer at every cold start."""
        compiled = {bytecode.interpreter.version for bytecode in self.bytecode}
        return tuple(runtime for runtime in self.target.runtimes if runtime.version not in compiled)


def build_layer(
    target: Target, *, root: Path, dist: Path, interpreters: Sequence[Interpreter] = ()
) -> BuiltLayer:
    """Build the layer of the source tree at `root` into the folder `dist`, with bytecode by each of the interpreters.

    Raises `ToolFailedError` when a wheel is missing or does not have the pinned hash, `NotPureError` when a slim layer would not
    fit everywhere, `LayerTooLargeError` over Lambda's limits.
    """
    with tempfile.TemporaryDirectory(prefix="cloudmap-discovery-layer-") as temporary:
        work = Path(temporary)
        packages = work / "packages"
        version = install_packages(target, root=root, into=packages, work=work, belongs=belongs)
        if target.flavor == "slim":
            blank_folder(packages / OWN_PACKAGE)
            (metadata,) = packages.glob(f"{OWN_PACKAGE}-*.dist-info/METADATA")
            blank_description(metadata)
        is_lean = target.flavor == "slim"
        leave_out = left_out(len(interpreters))
        bytecode = tuple(
            add_bytecode(packages, each, is_lean=is_lean, leave_out=leave_out) for each in interpreters
        )
        check_unzipped(packages)
        dist.mkdir(parents=True, exist_ok=True)
        path = dist / target.zip_name(version)
        size = write_zip(packages, path, prefix="python")
    return BuiltLayer(path, target, size, bytecode)


def describe(built: BuiltLayer, *, is_bytecode_wanted: bool = True) -> str:
    """Return what a person wants to know about a built layer, in a few lines."""
    lines = [
        f"{built.path}",
        f"  {built.target.flavor:<8}  for {built.target}",
        f"  zipped    {megabytes(built.size.zipped_bytes):>10}  {_upload_note(built.size)}",
        f"  unzipped  {megabytes(built.size.unzipped_bytes):>10}  of {megabytes(UNZIPPED_LIMIT_BYTES)} that Lambda allows a function with its layers",
    ]
    for compiled in built.bytecode:
        name = compiled.interpreter.full_version
        lines.append(
            f"  bytecode  {compiled.compiled_count:>4} files  for {compiled.interpreter.version}, compiled by Python {name}"
        )
        lines.extend(f"{'':24}not for {source}: Python {name} refuses it" for source in compiled.refused)
    for runtime in built.without_bytecode:
        why = f"there is no Python {runtime.version} on this machine to compile with"
        if not is_bytecode_wanted:
            why = "turned off by BYTECODE=never"
        lines.append(f"  bytecode        none  for {runtime.version}, where cold starts compile: {why}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what the command line asks for; return the exit code."""
    options = _parse(arguments)
    try:
        target = choose_target(
            options.flavor,
            python=options.python,
            architecture=options.arch,
            else_python=f"{sys.version_info.major}.{sys.version_info.minor}",
            else_architecture=architecture_of_machine(platform.machine()),
        )
        is_bytecode_wanted = options.bytecode != "never"
        interpreters: list[Interpreter] = []
        if is_bytecode_wanted:
            interpreters = find_interpreters((runtime.version for runtime in target.runtimes), os.environ)
        built = build_layer(target, root=ROOT, dist=options.dist, interpreters=interpreters)
    except LayerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(describe(built, is_bytecode_wanted=is_bytecode_wanted))
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make build", description="Build the Lambda layer.")
    parser.add_argument(
        "--flavor",
        default=FLAVORS[0],
        metavar="|".join(FLAVORS),
        help="slim: pure Python, one zip for all (default); full: with the AWS SDK, for one Python and architecture",
    )
    parser.add_argument(
        "--python", metavar="3.13", help="full only: Lambda's Python (default: the one that runs this)"
    )
    parser.add_argument(
        "--arch", metavar="arm64", help="full only: Lambda's architecture (default: this machine's)"
    )
    parser.add_argument("--dist", type=Path, default=Path("dist"), help="where the zip goes (default: dist)")
    parser.add_argument(
        "--bytecode",
        choices=("auto", "never"),
        default="auto",
        help="auto: for each of its Pythons that is on this machine (default); never: a smaller zip, slower cold starts",
    )
    return parser.parse_args(arguments)


def _upload_note(size: Size) -> str:
    limit = megabytes(DIRECT_UPLOAD_LIMIT_BYTES)
    if size.zipped_bytes > DIRECT_UPLOAD_LIMIT_BYTES:
        return f"over the {limit} of a direct upload: publish it with BUCKET=…"
    return f"of {limit} that a direct upload takes"


if __name__ == "__main__":
    sys.exit(main())
