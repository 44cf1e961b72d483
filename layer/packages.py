"""Installs from wheels what a zip is to hold: this project's package, and those that it requires."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from layer.content import not_pure
from layer.errors import NotPureError, ToolFailedError
from layer.tools import find_uv, run_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from layer.targets import Flavor, Target

REQUIREMENTS: Final[Mapping[Flavor, Path]] = {
    "slim": Path("requirements/layer-slim.txt"),
    "full": Path("requirements/layer.txt"),
}
BUILD_REQUIREMENTS: Final = Path("requirements/layer-build.txt")


def install_packages(
    target: Target,
    *,
    root: Path,
    into: Path,
    work: Path,
    belongs: Callable[[PurePosixPath], bool],
    requirements: Path | None = None,
) -> str:
    """Fill the folder `into` with the packages of the source tree at `root`, without what does not belong; return its version.

    Raises `ToolFailedError` when a wheel is missing or does not have the pinned hash, `NotPureError` when a slim flavour
    would not fit everywhere. `work` is a folder for what comes up on the way; `requirements` are other ones than the flavour's.
    """
    pinned = requirements or REQUIREMENTS[target.flavor]
    _install_dependencies(target, pinned, root=root, into=into)
    version = _install_own_package(root=root, into=into, work=work)
    _prune(into, belongs)
    if target.flavor == "slim":
        _check_pure(into, pinned)
    return version


def _install_dependencies(target: Target, pinned: Path, *, root: Path, into: Path) -> None:
    _run_uv(
        [
            *("pip", "install", "--quiet", "--target", into),
            *("--python-version", target.runtimes[0].version, "--python-platform", target.uv_platform),
            *("--only-binary", ":all:", "--link-mode", "copy"),
            *("--require-hashes", "-r", pinned),
        ],
        to=f"install the packages of {pinned.name} for {target.slug}",
        root=root,
    )


def _install_own_package(*, root: Path, into: Path, work: Path) -> str:
    """Build the wheel of the source tree, unpack it, and return its version."""
    wheels = work / "wheels"
    _run_uv(
        [
            *("build", "--quiet", "--wheel", "--out-dir", wheels),
            *("--require-hashes", "--build-constraints", BUILD_REQUIREMENTS, "."),
        ],
        to="build this project's wheel",
        root=root,
    )
    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(into)
    return wheel.name.split("-")[1]


def _run_uv(arguments: Sequence[str | Path], *, to: str, root: Path) -> None:
    """Run uv with what it has in its cache, and with the network only if that is not enough; hashes are pinned."""
    try:
        run_tool([find_uv(), "--offline", *arguments], to=to, cwd=root)
    except ToolFailedError:
        run_tool([find_uv(), *arguments], to=to, cwd=root)


def _prune(packages: Path, belongs: Callable[[PurePosixPath], bool]) -> None:
    for path in sorted(packages.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif not belongs(PurePosixPath(path.relative_to(packages).as_posix())):
            path.unlink()


def _check_pure(packages: Path, pinned: Path) -> None:
    if distributions := not_pure(packages):
        raise NotPureError(
            "This is one zip for every Python version and architecture, but not pure Python is"
            f" {', '.join(distributions)}. Take it out of {pinned}, or make it an extra in pyproject.toml."
        )
