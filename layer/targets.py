"""The table of Python versions and architectures that the layer is built for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from layer.errors import UnknownTargetError

PROJECT = "cloudmap-discovery"

_ZIP_NAME = re.compile(
    rf"{PROJECT}-(?P<version>[0-9][0-9A-Za-z.+!]*)-py(?P<python>[0-9.]+)-(?P<architecture>[a-z0-9_]+)\.zip"
)


@dataclass(frozen=True, slots=True)
class PythonRuntime:
    """One of Lambda's managed Python runtimes."""

    lambda_name: Literal["python3.11", "python3.12", "python3.13", "python3.14"]
    glibc: tuple[int, int]
    """The C library of the runtime's Amazon Linux: wheels built against a newer one do not load."""
    manylinux: str
    """The newest kind of wheel, as uv names it, that runs on that C library."""

    @property
    def version(self) -> str:
        """As people say it: `3.13`."""
        return self.lambda_name.removeprefix("python")


@dataclass(frozen=True, slots=True)
class Architecture:
    """One of Lambda's two instruction sets."""

    name: Literal["x86_64", "arm64"]
    wheel_name: str
    machine_names: tuple[str, ...]
    """What `platform.machine()` says on such a machine."""
    elf_machine: int
    """The field `e_machine` of its shared libraries."""


# Python 3.11 runs on Amazon Linux 2 (glibc 2.26), the later ones on Amazon Linux 2023 (glibc 2.34).
PYTHON_RUNTIMES = (
    PythonRuntime("python3.11", glibc=(2, 26), manylinux="manylinux_2_17"),
    PythonRuntime("python3.12", glibc=(2, 34), manylinux="manylinux_2_28"),
    PythonRuntime("python3.13", glibc=(2, 34), manylinux="manylinux_2_28"),
    PythonRuntime("python3.14", glibc=(2, 34), manylinux="manylinux_2_28"),
)
ARCHITECTURES = (
    Architecture("x86_64", wheel_name="x86_64", machine_names=("x86_64", "amd64"), elf_machine=62),
    Architecture("arm64", wheel_name="aarch64", machine_names=("aarch64", "arm64"), elf_machine=183),
)


@dataclass(frozen=True, slots=True)
class Target:
    """What one zip is built for."""

    python: PythonRuntime
    architecture: Architecture

    @property
    def slug(self) -> str:
        """As it stands in names of files: `py3.13-arm64`."""
        return f"py{self.python.version}-{self.architecture.name}"

    @property
    def layer_suffix(self) -> str:
        """As it stands in names of layers, which may not contain a dot: `py313-arm64`."""
        return self.slug.replace(".", "")

    @property
    def uv_platform(self) -> str:
        """The platform whose wheels uv is to take."""
        return f"{self.architecture.wheel_name}-{self.python.manylinux}"

    def zip_name(self, version: str) -> str:
        """Return the file name of the layer of this version of the project."""
        return f"{PROJECT}-{version}-{self.slug}.zip"


def find_target(python: str, architecture: str) -> Target:
    """Return the target of these names; `UnknownTargetError` lists the right ones."""
    runtimes = {runtime.version: runtime for runtime in PYTHON_RUNTIMES}
    architectures = {known.name: known for known in ARCHITECTURES}
    if python not in runtimes:
        raise UnknownTargetError(
            f"The layer is not built for Python {python!r}. Use one of: {', '.join(runtimes)} (make build PYTHON={PYTHON_RUNTIMES[-1].version})."
        )
    if architecture not in architectures:
        raise UnknownTargetError(
            f"The layer is not built for the architecture {architecture!r}. Use one of: {', '.join(architectures)} (make build ARCH={ARCHITECTURES[-1].name})."
        )
    return Target(runtimes[python], architectures[architecture])


def architecture_of_machine(machine: str) -> str:
    """Return Lambda's name for what `platform.machine()` says, or the same text where Lambda has no name for it."""
    for architecture in ARCHITECTURES:
        if machine.lower() in architecture.machine_names:
            return architecture.name
    return machine


def parse_zip_name(name: str) -> tuple[str, Target] | None:
    """Return the project's version and the target of a built layer's file name, None for any other file."""
    match = _ZIP_NAME.fullmatch(name)
    if match is None:
        return None
    for python in PYTHON_RUNTIMES:
        for architecture in ARCHITECTURES:
            if (python.version, architecture.name) == (match["python"], match["architecture"]):
                return match["version"], Target(python, architecture)
    return None
