"""Builds the layer for one Python version and architecture, from wheels, on any machine.

python -m layer.build [--python 3.13] [--arch arm64] [--dist dist] [--bytecode auto|never]
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from layer.archive import (
    DIRECT_UPLOAD_LIMIT_BYTES,
    UNZIPPED_LIMIT_BYTES,
    Size,
    check_unzipped,
    megabytes,
    write_zip,
)
from layer.bytecode import Bytecode, add_bytecode
from layer.content import belongs
from layer.errors import LayerError, ToolFailedError
from layer.interpreters import Interpreter, find_interpreter
from layer.targets import Target, architecture_of_machine, find_target
from layer.tools import find_uv, run_tool

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = Path("requirements/layer.txt")
BUILD_REQUIREMENTS = Path("requirements/layer-build.txt")


@dataclass(frozen=True, slots=True)
class BuiltLayer:
    """A layer on disk."""

    path: Path
    target: Target
    size: Size
    bytecode: Bytecode | None


def build_layer(target: Target, *, root: Path, dist: Path, interpreter: Interpreter | None) -> BuiltLayer:
    """Build the layer of the source tree at `root` into the folder `dist`; with an interpreter of the target's version, bytecode too.

    Raises `ToolFailedError` when a wheel is missing or does not have the pinned hash, `LayerTooLargeError` over Lambda's limits.
    """
    with tempfile.TemporaryDirectory(prefix="cloudmap-discovery-layer-") as temporary:
        work = Path(temporary)
        packages = work / "packages"
        _install_dependencies(target, root=root, into=packages)
        version = _install_own_package(root=root, into=packages, work=work)
        _prune(packages)
        bytecode = None if interpreter is None else add_bytecode(packages, interpreter)
        check_unzipped(packages)
        dist.mkdir(parents=True, exist_ok=True)
        path = dist / target.zip_name(version)
        size = write_zip(packages, path, prefix="python")
    return BuiltLayer(path, target, size, bytecode)


def describe(built: BuiltLayer, *, without_bytecode: str = "") -> str:
    """Return what a person wants to know about a built layer, in a few lines; if it has no bytecode, also why."""
    lines = [
        f"{built.path}",
        f"  zipped    {megabytes(built.size.zipped_bytes):>9}  {_upload_note(built.size)}",
        f"  unzipped  {megabytes(built.size.unzipped_bytes):>9}  of {megabytes(UNZIPPED_LIMIT_BYTES)} that Lambda allows a function with its layers",
    ]
    if built.bytecode is None:
        lines.append(f"  bytecode       none  cold starts compile: {without_bytecode}")
    else:
        compiler = built.bytecode.interpreter.full_version
        lines.append(f"  bytecode  {built.bytecode.compiled_count:>5} files  compiled by Python {compiler}")
        lines.extend(
            f"            not for {name}: Python {compiler} refuses it" for name in built.bytecode.refused
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="make build", description="Build the Lambda layer.")
    parser.add_argument(
        "--python",
        default=f"{sys.version_info.major}.{sys.version_info.minor}",
        metavar="3.13",
        help="Lambda's Python (default: this one)",
    )
    parser.add_argument(
        "--arch",
        default=architecture_of_machine(platform.machine()),
        metavar="arm64",
        help="Lambda's architecture (default: this machine's)",
    )
    parser.add_argument("--dist", type=Path, default=Path("dist"), help="where the zip goes (default: dist)")
    parser.add_argument(
        "--bytecode",
        choices=("auto", "never"),
        default="auto",
        help="auto: compile if that Python is on this machine (default); never: a smaller zip, slower cold starts",
    )
    options = parser.parse_args(arguments)
    try:
        target = find_target(options.python, options.arch)
        interpreter, without_bytecode = None, "turned off by BYTECODE=never"
        if options.bytecode != "never":
            interpreter = find_interpreter(target.python.version, os.environ)
            without_bytecode = f"there is no Python {target.python.version} on this machine to compile with"
        built = build_layer(target, root=ROOT, dist=options.dist, interpreter=interpreter)
    except LayerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(describe(built, without_bytecode=without_bytecode))
    return 0


def _install_dependencies(target: Target, *, root: Path, into: Path) -> None:
    _run_uv(
        [
            *("pip", "install", "--quiet", "--target", into),
            *("--python-version", target.python.version, "--python-platform", target.uv_platform),
            *("--only-binary", ":all:", "--link-mode", "copy"),
            *("--require-hashes", "-r", REQUIREMENTS),
        ],
        to=f"install the layer's packages for {target.slug}",
        root=root,
    )


def _run_uv(arguments: Sequence[str | Path], *, to: str, root: Path) -> None:
    """Run uv with what it has in its cache, and with the network only if that is not enough; hashes are pinned."""
    try:
        run_tool([find_uv(), "--offline", *arguments], to=to, cwd=root)
    except ToolFailedError:
        run_tool([find_uv(), *arguments], to=to, cwd=root)


def _install_own_package(*, root: Path, into: Path, work: Path) -> str:
    """Build the wheel of the source tree, unpack it, and return its version."""
    wheels = work / "wheels"
    _run_uv(
        [
            *("build", "--quiet", "--wheel", "--out-dir", wheels),
            *("--require-hashes", "--build-constraints", BUILD_REQUIREMENTS, "."),
        ],
        to="build this project's wheel",
        root=root,
    )
    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(into)
    return wheel.name.split("-")[1]


def _prune(packages: Path) -> None:
    for path in sorted(packages.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif not belongs(PurePosixPath(path.relative_to(packages).as_posix())):
            path.unlink()


def _upload_note(size: Size) -> str:
    limit = megabytes(DIRECT_UPLOAD_LIMIT_BYTES)
    if size.zipped_bytes > DIRECT_UPLOAD_LIMIT_BYTES:
        return f"over the {limit} of a direct upload: publish it with BUCKET=…"
    return f"of {limit} that a direct upload takes"


if __name__ == "__main__":
    sys.exit(main())
