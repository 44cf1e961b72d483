"""Installs what the tests run beside the project itself, pinned, into .cache/, once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from layer.errors import ToolFailedError
from layer.interpreters import Interpreter, find_interpreters
from layer.targets import PYTHON_RUNTIMES, architecture_of_machine
from layer.tools import find_uv, run_tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
    return interpreters_for(EMULATED_VERSIONS)


def built_for_interpreters() -> list[Interpreter]:
    """Return this machine's interpreters of the versions that layers and packages are built for, oldest first."""
    return interpreters_for(tuple(runtime.version for runtime in PYTHON_RUNTIMES))


@cache
def interpreters_for(versions: tuple[str, ...]) -> list[Interpreter]:
    """Return this machine's interpreters of these versions, looked for once: modules ask as they are collected."""
    return find_interpreters(versions, os.environ)


def runtime_tools(interpreter: Interpreter) -> RuntimeTools:
    """Install, if this is the first time, what emulates Lambda's runtime of this interpreter."""
    return RuntimeTools(_emulator(), environment("runtime-client", interpreter), interpreter.version)


def environment(requirements: str, interpreter: Interpreter) -> Path:
    """Return the Python of a virtual environment holding exactly `requirements/<requirements>.txt`."""
    pinned = REQUIREMENTS / f"{requirements}.txt"
    name = f"{requirements}-py{interpreter.full_version}"
    with _installed_once(name, pinned.read_text()) as (folder, missing):
        python = folder / "bin" / "python"
        if missing:
            run_tool(
                [interpreter.path, "-m", "venv", "--without-pip", folder],
                to=f"make the environment {folder.name}",
            )
            _install(["--python", python, "-r", pinned], to=f"install {pinned.name}")
    return python


def packages(pins: Sequence[str], requirements: str, interpreter: Interpreter) -> Path:
    """Return a folder with these packages and nothing else, as a function's own package or a layer holds them.

    `requirements/<requirements>.txt` has their hashes; a pin is a name, or `name==version` where the file has several versions.
    """
    lines = [_pinned(pin, (REQUIREMENTS / f"{requirements}.txt").read_text()) for pin in pins]
    text = "\n".join(lines)
    with _installed_once(f"packages-py{interpreter.version}", text) as (folder, missing):
        installed = folder / "packages"
        if missing:
            chosen = folder / "requirements.txt"
            chosen.write_text(text)
            _install(
                ["--python", interpreter.path, "--target", installed, "--no-deps", "-r", chosen],
                to=f"install {', '.join(pins)}",
            )
    return installed


def _pinned(pin: str, text: str) -> str:
    """Return the lines of a requirements file that pin this package, hashes included."""
    name, _, version = pin.partition("==")
    start = re.escape(f"{name}=={version}") + (r"\s" if version else "")
    found = re.findall(rf"^{start}.*(?:\n +.*)*", text, re.MULTILINE)
    if len(found) != 1:
        raise ValueError(f"{pin} is pinned {len(found)} times; it should be once")
    return str(found[0])


def _install(arguments: Sequence[str | Path], *, to: str) -> None:
    """Install pinned wheels with what uv has in its cache, and with the network only if that is not enough."""
    command = ["pip", "install", "--quiet", "--only-binary", ":all:", "--require-hashes", *arguments]
    try:
        run_tool([find_uv(), "--offline", *command], to=to)
    except ToolFailedError:
        run_tool([find_uv(), *command], to=to)


def _emulator() -> Path:
    """Take AWS's emulator, a static binary, out of the wheel of AWS's SAM CLI, and leave the rest of it."""
    architecture = architecture_of_machine(platform.machine())
    pinned = REQUIREMENTS / "rie.txt"
    with _installed_once("rie", pinned.read_text()) as (folder, missing):
        emulator = folder / "aws-lambda-rie"
        if missing:
            wheel = folder / "wheel"
            _install(["--target", wheel, "--no-deps", "-r", pinned], to=f"install {pinned.name}")
            shutil.copyfile(wheel / "samcli" / "local" / "rapid" / f"aws-lambda-rie-{architecture}", emulator)
            emulator.chmod(0o755)
            shutil.rmtree(wheel)
    return emulator


@contextmanager
def _installed_once(name: str, pins: str) -> Iterator[tuple[Path, bool]]:
    """Give a folder of .cache/ that belongs to these pins, and whether it is still to be filled; other processes wait meanwhile.

    An installation that was broken off is begun anew.
    """
    digest = hashlib.sha256(pins.encode()).hexdigest()[:12]
    folder, complete = CACHE / f"{name}-{digest}", CACHE / f"{name}-{digest}.complete"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = not complete.exists()
        if missing:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        yield folder, missing
        complete.touch()
