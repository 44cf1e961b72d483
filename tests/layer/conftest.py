"""Layers and the packages of registrar and server, built once for a whole test run, and shared by all of its processes."""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import sys
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from layer.build import ROOT, build_layer
from layer.build_registrar import REGISTRAR
from layer.build_server import SERVER
from layer.interpreters import find_interpreters
from layer.targets import SLIM, Target, architecture_of_machine, find_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from layer.function_packages import FunctionPackage
    from layer.interpreters import Interpreter

RUNNING_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True, slots=True)
class Layers:
    """The layers of this source tree, built and unpacked when a test first asks for one."""

    folder: Path

    def zip(self, target: Target) -> Path:
        """Return the built layer."""
        dist = self.folder / target.slug
        with self._lock(target.slug):
            if not dist.exists():
                build_layer(target, root=ROOT, dist=dist, interpreters=interpreters_of(target))
        (path,) = dist.glob("*.zip")
        return path

    def unpacked(self, target: Target) -> Path:
        """Return a folder as `/opt` is one when the layer is attached, not writable."""
        layer = self.zip(target)
        opt = self.folder / f"{target.slug}-opt"
        with self._lock(target.slug):
            if not opt.exists():
                unpack(layer, opt)
        return opt

    def registrar(self) -> Path:
        """Return the registrar's package, built."""
        return self._package(REGISTRAR)

    def server(self) -> Path:
        """Return the server's package, built."""
        return self._package(SERVER)

    def _package(self, package: FunctionPackage) -> Path:
        dist = self.folder / package.function
        with self._lock(package.function):
            if not dist.exists():
                package.build(root=ROOT, dist=dist)
        return dist / package.zip_name

    @contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def interpreters_of(target: Target) -> list[Interpreter]:
    """Return those of this machine that the layer gets its bytecode from."""
    return find_interpreters((runtime.version for runtime in target.runtimes), os.environ)


def unpack(layer: Path, opt: Path) -> None:
    """Unpack a layer with the modes it asks for, then take away leave to write, folders included."""
    with zipfile.ZipFile(layer) as archive:
        for entry in archive.infolist():
            archive.extract(entry, opt)
            (opt / entry.filename).chmod((entry.external_attr >> 16) & 0o555)
    for folder in (opt, *(path for path in opt.rglob("*") if path.is_dir())):
        folder.chmod(0o555)


@pytest.fixture(scope="session")
def layers(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Layers]:
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    folder = shared / "layers"
    with (shared / "layers.users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        folder.mkdir(exist_ok=True)
        yield Layers(folder)
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # another worker uses them still, and will be the last
            return
        remove(folder)


def remove(folder: Path) -> None:
    """Remove the layers: pytest would keep those of the last three runs, half a gigabyte each."""
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def native() -> Target:
    """Return the full layer's target of this machine and the running Python."""
    return find_target(RUNNING_PYTHON, architecture_of_machine(platform.machine()))


@pytest.fixture(scope="session", params=["slim", "full"])
def target(request: pytest.FixtureRequest, native: Target) -> Target:
    """Return one after the other flavour, for what both of them promise."""
    return SLIM if request.param == "slim" else native
