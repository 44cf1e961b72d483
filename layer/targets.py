"""What the layer is built for: its flavours, and the tables of Python versions and architectures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from layer.errors import UnknownTargetError, WrongOptionError

PROJECT = "cloudmap-discovery"

Flavor = Literal["slim", "full"]
FLAVORS: tuple[Flavor, ...] = get_args(Flavor)

_ZIP_NAME = re.compile(rf"{PROJECT}-(?P<version>[0-9][0-9A-Za-z.+!]*)-(?P<slug>[a-z0-9_.-]+)\.zip")


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

    @property
    def bytecode_suffix(self) -> str:
        """What names of its bytecode files end in."""
        return f".cpython-{self.version.replace('.', '')}.pyc"


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

    flavor: Flavor
    runtimes: tuple[PythonRuntime, ...]
    """Oldest first."""
    architectures: tuple[Architecture, ...]

    @property
    def slug(self) -> str:
        """As it stands in names of files: `slim`, `py3.13-arm64`."""
        if self.flavor == "slim":
            return self.flavor
        return f"py{self.runtimes[0].version}-{self.architectures[0].name}"

    @property
    def uv_platform(self) -> str:
        """The platform whose wheels uv is to take; those of pure Python fit every other one too."""
        return f"{self.architectures[0].wheel_name}-{self.runtimes[0].manylinux}"

    def __str__(self) -> str:
        """Say it as a person does: `Python 3.13 on arm64`."""
        versions = [runtime.version for runtime in self.runtimes]
        pythons = versions[0] if len(versions) == 1 else f"{versions[0]} to {versions[-1]}"
        return f"Python {pythons} on {' and '.join(architecture.name for architecture in self.architectures)}"

    def zip_name(self, version: str) -> str:
        """Return the file name of the layer of this version of the project."""
        return f"{PROJECT}-{version}-{self.slug}.zip"

    def layer_name(self, begin: str) -> str:
        """Return what it is published as: the slim layer fits all, so that its name needs to tell nothing apart."""
        return begin if self.flavor == "slim" else f"{begin}-{self.slug.replace('.', '')}"


SLIM = Target("slim", PYTHON_RUNTIMES, ARCHITECTURES)
"""Pure Python: one zip for all."""


def find_flavor(name: str) -> Flavor:
    """Return the flavour of this name; `WrongOptionError` lists the right ones."""
    for flavor in FLAVORS:
        if flavor == name:
            return flavor
    raise WrongOptionError(f"FLAVOR: {name!r} is no flavour of the layer. Use one of: {', '.join(FLAVORS)}.")


def find_target(python: str, architecture: str) -> Target:
    """Return the target of the full layer of these names; `UnknownTargetError` lists the right ones."""
    runtimes = {runtime.version: runtime for runtime in PYTHON_RUNTIMES}
    architectures = {known.name: known for known in ARCHITECTURES}
    if python not in runtimes:
        raise UnknownTargetError(
            f"The layer is not built for Python {python!r}. Use one of: {', '.join(runtimes)} (PYTHON={PYTHON_RUNTIMES[-1].version})."
        )
    if architecture not in architectures:
        raise UnknownTargetError(
            f"The layer is not built for the architecture {architecture!r}. Use one of: {', '.join(architectures)} (ARCH={ARCHITECTURES[-1].name})."
        )
    return Target("full", (runtimes[python],), (architectures[architecture],))


def choose_target(
    flavor: str, *, python: str | None, architecture: str | None, else_python: str, else_architecture: str
) -> Target:
    """Return the target that these options ask for; the last two are what the full layer is for unless told otherwise."""
    if find_flavor(flavor) == "slim":
        refuse_narrowing_slim(python, architecture)
        return SLIM
    return find_target(python or else_python, architecture or else_architecture)


def refuse_narrowing_slim(python: str | None, architecture: str | None) -> None:
    """Raise `WrongOptionError` if a Python version or an architecture is asked for where there is the slim layer only."""
    if asked := as_options(python, architecture):
        raise WrongOptionError(
            f"{asked} and the slim layer do not go together: it is one zip for every Python version and architecture."
            f" Leave that out, or take the other flavour: FLAVOR=full {asked}"
        )


def as_options(python: str | None, architecture: str | None) -> str:
    """Return them as they are typed, without what is not given: `PYTHON=3.13 ARCH=arm64`."""
    named = {"PYTHON": python, "ARCH": architecture}
    return " ".join(f"{name}={value}" for name, value in named.items() if value)


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
    full = (
        find_target(python.version, machine.name) for python in PYTHON_RUNTIMES for machine in ARCHITECTURES
    )
    for target in (SLIM, *full):
        if target.slug == match["slug"]:
            return match["version"], target
    return None
