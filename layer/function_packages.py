"""Builds the packages of the functions in layer/template.yaml, each from what is pinned for it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from layer.archive import Size, megabytes, write_zip
from layer.build import ROOT
from layer.errors import LayerError
from layer.packages import install_packages
from layer.targets import PROJECT, SLIM

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class BuiltPackage:
    """A function's package on disk."""

    path: Path
    size: Size


@dataclass(frozen=True, slots=True)
class FunctionPackage:
    """What a function's package is made of."""

    function: str
    """Its name, as in that of the zip."""
    requirements: Path
    belongs: Callable[[PurePosixPath], bool]

    @property
    def zip_name(self) -> str:
        """The name of the zip, without a version: layer/template.yaml names it."""
        return f"{PROJECT}-{self.function}.zip"

    def build(self, *, root: Path, dist: Path) -> BuiltPackage:
        """Build it of the source tree at `root` into the folder `dist`.

        It holds the sources as they are, and no bytecode: tracebacks show the lines of the repository, and any machine
        builds the same bytes.
        """
        with tempfile.TemporaryDirectory(prefix=f"{PROJECT}-{self.function}-") as temporary:
            work = Path(temporary)
            packages = work / "packages"
            install_packages(
                SLIM,
                root=root,
                into=packages,
                work=work,
                belongs=self.belongs,
                requirements=self.requirements,
            )
            dist.mkdir(parents=True, exist_ok=True)
            path = dist / self.zip_name
            return BuiltPackage(path, write_zip(packages, path, prefix=""))

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Build what the command line asks for; return the exit code."""
        description = f"Build the package of the {self.function}."
        parser = argparse.ArgumentParser(prog="make build", description=description)
        parser.add_argument(
            "--dist", type=Path, default=Path("dist"), help="where the zip goes (default: dist)"
        )
        options = parser.parse_args(arguments)
        try:
            built = self.build(root=ROOT, dist=options.dist)
        except LayerError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        print(f"{built.path}\n  zipped    {megabytes(built.size.zipped_bytes):>10}  for layer/template.yaml")
        return 0
