"""Finds the Python interpreters of this machine."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from layer.errors import ToolFailedError
from layer.tools import find_uv, run_tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# A free-threaded or debug build ("t" and "d" in abiflags) loads other shared libraries than Lambda's Python.
_PROBE = (
    "import sys; v = sys.version_info; "
    "print(sys.implementation.name, f'{v[0]}.{v[1]}', f'{v[0]}.{v[1]}.{v[2]}', 'flags=' + sys.abiflags)"
)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A CPython that was started and said its version."""

    path: Path
    full_version: str

    @property
    def version(self) -> str:
        """Return the version without its last number, as Lambda names runtimes: "3.13"."""
        return self.full_version.rpartition(".")[0]


def find_interpreters(versions: Iterable[str], environ: Mapping[str, str]) -> list[Interpreter]:
    """Return an interpreter of each of these minor versions, as far as there is one, in their order."""
    found = [find_interpreter(version, environ) for version in versions]
    return [interpreter for interpreter in found if interpreter is not None]


def find_interpreter(version: str, environ: Mapping[str, str]) -> Interpreter | None:
    """Return the first CPython of this minor version ("3.13") that starts, or None.

    Asks the running Python, PATH, pyenv's versions and uv's own, in this order. A pyenv shim that is on PATH but does not
    start, because that version is not selected, is passed over.
    """
    for candidate in _candidates(version, environ):
        found = _probe(candidate, version)
        if found is not None:
            return found
    return None


def _candidates(version: str, environ: Mapping[str, str]) -> Iterator[Path]:
    yield Path(sys.executable)
    name = f"python{version}"
    search_path = environ.get("PATH", "")
    for folder in search_path.split(os.pathsep):
        if folder and (Path(folder) / name).is_file():
            yield Path(folder) / name
    pyenv = shutil.which("pyenv", path=search_path)
    root = None if pyenv is None else _first_line([pyenv, "root"])
    if root is not None:
        installed = (Path(root) / "versions").glob(f"{version}.*/bin/{name}")
        yield from sorted(installed, key=lambda path: _patch_number(path.parts[-3]), reverse=True)
    managed = _first_line([find_uv(), "python", "find", "--no-python-downloads", "--managed-python", version])
    if managed is not None:
        yield Path(managed)


def _probe(path: Path, version: str) -> Interpreter | None:
    line = _first_line([path, "-I", "-S", "-c", _PROBE])
    match (line or "").split():
        case ["cpython", minor, full, "flags="] if minor == version:
            return Interpreter(path, full)
        case _:
            return None


def _first_line(command: list[str | Path]) -> str | None:
    try:
        return run_tool(command, to="look for Python interpreters").partition("\n")[0].strip() or None
    except ToolFailedError:  # it is not there, or does not work: the next candidate is asked
        return None


def _patch_number(full_version: str) -> int:
    patch = full_version.rpartition(".")[2]
    return int(patch) if patch.isdecimal() else -1
