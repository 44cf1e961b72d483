"""An application's folder with aws-amplify and the helper in its node_modules, as npm installs them."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from layer.tools import run_tool
from tests.runtime.npm import installed
from tests.runtime.tools import ROOT
from tests.serverless.osls import program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HELPER: Final = ROOT / "layer" / "amplify"
NAME: Final = "cloudmap-discovery-amplify"
HERE: Final = Path(__file__).parent


class Project:
    """An application in `folder`: its files, and the programs that are run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tools = installed("amplify", HERE) / "node_modules"
        modules = folder / "node_modules"
        modules.mkdir(parents=True)
        (modules / "aws-amplify").symlink_to(self._tools / "aws-amplify")
        self.packed = _pack(folder)
        with tarfile.open(self.packed) as archive:
            archive.extractall(folder, filter="data")
        (folder / "package").rename(modules / NAME)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the application."""
        path = self.folder / name
        path.write_text(text)
        return path

    def node(
        self, *arguments: str | Path, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in Node.js."""
        return self._run([program("node"), *arguments], environment)

    def bundle(self, entry: str, output: str) -> Path:
        """Bundle the application for browsers, with nothing that is said of it tolerated; return the file."""
        esbuild = self._tools / "esbuild" / "bin" / "esbuild"
        options = ["--bundle", "--format=esm", "--log-level=warning", f"--outfile={output}"]
        done = self.node(esbuild, entry, *options)
        assert (done.returncode, done.stderr) == (0, "")
        return self.folder / output

    def check_types(self, name: str, *options: str) -> list[str]:
        """Return what the strict compiler says of a file."""
        tsc = self._tools / "typescript" / "bin" / "tsc"
        fixed = ["--strict", "--noEmit", "--target", "es2022", "--pretty", "false"]
        return self.node(tsc, *fixed, *options, name).stdout.splitlines()

    def _run(
        self, command: Sequence[Any], environment: Mapping[str, str] | None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(part) for part in command],
            cwd=self.folder,
            env={"PATH": "", "HOME": str(self.folder), **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )


def _pack(folder: Path) -> Path:
    run_tool(["npm", "pack", "--silent", HELPER], to="pack the helper", cwd=folder)
    (archive,) = folder.glob("*.tgz")
    return archive
