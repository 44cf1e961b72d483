"""The interpreters of a machine are found wherever they are, and those that do not work are passed over."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from layer.interpreters import Interpreter, find_interpreter

if TYPE_CHECKING:
    from pathlib import Path

FULL_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
# A version that no machine has, so that only what a test puts there can be found.
UNKNOWN = "3.97"


def program(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_the_running_python_is_found() -> None:
    found = find_interpreter(FULL_VERSION.rpartition(".")[0], {})

    assert found is not None
    assert found.full_version == FULL_VERSION


def test_a_version_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    found = find_interpreter(UNKNOWN, {"PATH": str(tmp_path)})

    assert found is None


def test_a_shim_that_does_not_start_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "shims", f"python{UNKNOWN}", "echo 'command not found' >&2; exit 127")
    works = program(tmp_path / "bin", f"python{UNKNOWN}", f"echo cpython {UNKNOWN} {UNKNOWN}.4 flags=")

    found = find_interpreter(UNKNOWN, {"PATH": f"{tmp_path / 'shims'}::{tmp_path / 'bin'}"})

    assert found == Interpreter(works, f"{UNKNOWN}.4")
    assert found.version == UNKNOWN


def test_another_version_under_that_name_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path, f"python{UNKNOWN}", "echo cpython 3.12 3.12.1 flags=")

    found = find_interpreter(UNKNOWN, {"PATH": str(tmp_path)})

    assert found is None


def test_free_threaded_builds_and_other_implementations_are_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "a", f"python{UNKNOWN}", f"echo cpython {UNKNOWN} {UNKNOWN}.0 flags=t")
    program(tmp_path / "b", f"python{UNKNOWN}", f"echo pypy {UNKNOWN} {UNKNOWN}.0 flags=")

    found = find_interpreter(UNKNOWN, {"PATH": f"{tmp_path / 'a'}:{tmp_path / 'b'}"})

    assert found is None


def test_pyenvs_newest_version_is_found_though_it_is_not_on_path(tmp_path: Path) -> None:
    versions = tmp_path / "root" / "versions"
    for patch in ("9", "10"):
        full = f"{UNKNOWN}.{patch}"
        program(versions / full / "bin", f"python{UNKNOWN}", f"echo cpython {UNKNOWN} {full} flags=")
    program(tmp_path / "bin", "pyenv", f"echo {tmp_path / 'root'}")

    found = find_interpreter(UNKNOWN, {"PATH": str(tmp_path / "bin")})

    assert found is not None
    assert found.full_version == f"{UNKNOWN}.10"
