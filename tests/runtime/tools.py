"""Installs what the tests run beside the project itself, pinned, into .cache/, once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from layer.interpreters import Interpreter, find_interpreter
from layer.targets import architecture_of_machine
from layer.tools import find_uv, run_tool

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
REQUIREMENTS = ROOT / "requirements"
EMULATED_VERSIONS = ("3.11", "3.12", "3.13")
"""The Python versions that AWS's runtime client is published for."""


@dataclass(frozen=True, slots=True)
class RuntimeTools:
    """The two programs that make a Lambda execution environment of one Python version."""

    emulator: Path
    """AWS's runtime interface emulator, aws-lambda-rie."""
    python: Path
    """A Python whose site-packages hold AWS's runtime client, and nothing else."""
    version: str


def emulated_interpreters() -> list[Interpreter]:
    """Return this machine's interpreters of the versions that can be emulated, oldest first."""
    found = [find_interpreter(version, os.environ) for version in EMULATED_VERSIONS]
    return [interpreter for interpreter in found if interpreter is not None]


def runtime_tools(interpreter: Interpreter) -> RuntimeTools:
    """Install, if this is the first time, what emulates Lambda's runtime of this interpreter."""
    return RuntimeTools(_emulator(), environment("runtime-client", interpreter), interpreter.version)


def environment(requirements: str, interpreter: Interpreter) -> Path:
    """Return the Python of a virtual environment holding exactly `requirements/<requirements>.txt`."""
    pinned = REQUIREMENTS / f"{requirements}.txt"
    with _installed_once(f"{requirements}-py{interpreter.full_version}", pinned) as (folder, missing):
        python = folder / "bin" / "python"
        if missing:
            run_tool(
                [interpreter.path, "-m", "venv", "--without-pip", folder],
                to=f"make the environment {folder.name}",
            )
            run_tool(
                [
                    *(find_uv(), "pip", "install", "--quiet", "--python", python, "--only-binary", ":all:"),
                    *("--require-hashes", "-r", pinned),
                ],
                to=f"install {pinned.name}",
            )
    return python


def _emulator() -> Path:
    """Take AWS's emulator, a static binary, out of the wheel of AWS's SAM CLI, and leave the rest of it."""
    architecture = architecture_of_machine(platform.machine())
    pinned = REQUIREMENTS / "rie.txt"
    with _installed_once("rie", pinned) as (folder, missing):
        emulator = folder / "aws-lambda-rie"
        if missing:
            wheel = folder / "wheel"
            run_tool(
                [
                    *(
                        find_uv(),
                        "pip",
                        "install",
                        "--quiet",
                        "--target",
                        wheel,
                        "--no-deps",
                        "--only-binary",
                        ":all:",
                    ),
                    *("--require-hashes", "-r", pinned),
                ],
                to=f"install {pinned.name}",
            )
            shutil.copyfile(wheel / "samcli" / "local" / "rapid" / f"aws-lambda-rie-{architecture}", emulator)
            emulator.chmod(0o755)
            shutil.rmtree(wheel)
    return emulator


@contextmanager
def _installed_once(name: str, pinned: Path) -> Iterator[tuple[Path, bool]]:
    """Give a folder of .cache/ that belongs to these pins, and whether it is still to be filled; other processes wait meanwhile.

    An installation that was broken off is begun anew.
    """
    pins = hashlib.sha256(pinned.read_bytes()).hexdigest()[:12]
    folder, complete = CACHE / f"{name}-{pins}", CACHE / f"{name}-{pins}.complete"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = not complete.exists()
        if missing:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        yield folder, missing
        complete.touch()
