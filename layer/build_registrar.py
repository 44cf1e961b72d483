"""Builds the package of the registrar, the function of layer/template.yaml: python -m layer.build_registrar [--dist dist]."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from layer.archive import Size, megabytes, write_zip
from layer.build import ROOT
from layer.content import belongs_to_registrar
from layer.errors import LayerError
from layer.packages import install_packages
from layer.targets import PROJECT, SLIM

if TYPE_CHECKING:
    from collections.abc import Sequence

ZIP_NAME: Final = f"{PROJECT}-registrar.zip"
"""Without a version: layer/template.yaml names it."""


@dataclass(frozen=True, slots=True)
class BuiltRegistrar:
    """The package on disk."""

    path: Path
    size: Size


def build_registrar(*, root: Path, dist: Path) -> BuiltRegistrar:
    """Build the package of the source tree at `root` into the folder `dist`.

    It holds the sources as they are, and no bytecode: nobody waits for the 0.1 s of a whole processor that compiling
    takes them at a cold start, tracebacks show the lines of the repository, and any machine builds the same bytes.
    """
    with tempfile.TemporaryDirectory(prefix="cloudmap-discovery-registrar-") as temporary:
        work = Path(temporary)
        packages = work / "packages"
        install_packages(SLIM, root=root, into=packages, work=work, belongs=belongs_to_registrar)
        dist.mkdir(parents=True, exist_ok=True)
        path = dist / ZIP_NAME
        size = write_zip(packages, path, prefix="")
    return BuiltRegistrar(path, size)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="make build", description="Build the registrar's package.")
    parser.add_argument("--dist", type=Path, default=Path("dist"), help="where the zip goes (default: dist)")
    options = parser.parse_args(arguments)
    try:
        built = build_registrar(root=ROOT, dist=options.dist)
    except LayerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{built.path}\n  zipped    {megabytes(built.size.zipped_bytes):>10}  for layer/template.yaml")
    return 0


if __name__ == "__main__":
    sys.exit(main())
