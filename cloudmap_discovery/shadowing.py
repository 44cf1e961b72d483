"""Says which package hides the one that is needed, or is too old, and where it lies, once that has led to an error."""

from __future__ import annotations

import sys
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

UNUSABLE: Final = (ImportError, AttributeError, SyntaxError, TypeError)
"""What importing a package raises, and making its first object, if it is too old or another of the same name."""

_OURS: Final = "cloudmap-discovery"
# Packages on an index whose name is not the one that is imported.
_DISTRIBUTIONS: Final = {"nodesemver": "node-semver"}


def shadowing(
    names: Iterable[str], *, path: Sequence[str] | None = None, home: Path | None = None
) -> str | None:
    """Return which of these packages hide those that lie in `home`, or are too old, and where they are; None if none is.

    `path` is where imports are looked for, `sys.path` by default; `home` is the folder that this package lies in, a
    layer or site-packages, with what it needs beside it. Reads the folders of `path`.
    """
    folders = list(dict.fromkeys(Path(entry).absolute() for entry in (sys.path if path is None else path)))
    home = Path(__file__).parents[1] if home is None else home
    said = [_in_the_way(name, folders, home) for name in names]
    return "; ".join(filter(None, said)) or None


def _in_the_way(name: str, folders: Sequence[Path], home: Path) -> str | None:
    places = {folder: place for folder in folders if (place := _place(folder, name)) is not None}
    if not places:
        return None
    imported = next(iter(places))
    version, needed = _version(name, imported), _needed(name)
    said = f"{name} is imported from {places[imported]} ({version or 'of no known version'})"
    if imported != home and home in places:
        said += f", which comes before {places[home]} ({_version(name, home)})"
    elif not (version and _is_older(version, needed)):
        return None
    return f"{said}; {_OURS} needs {needed}" if needed else said


def _place(folder: Path, name: str) -> Path | None:
    if (folder / name / "__init__.py").is_file():
        return folder / name
    module = folder / f"{name}.py"
    return module if module.is_file() else None


def _version(name: str, folder: Path) -> str | None:
    from importlib.metadata import distributions  # noqa: PLC0415 -- slow, and only after an error

    found = next(iter(distributions(name=_DISTRIBUTIONS.get(name, name), path=[str(folder)])), None)
    return None if found is None else found.version


def _needed(name: str) -> str:
    """Return what this package requires, such as `tenacity>=9.0`; empty where it requires nothing of the name."""
    from importlib.metadata import PackageNotFoundError, requires  # noqa: PLC0415 -- slow, and only after an error

    try:
        lines = requires(_OURS) or []
    except PackageNotFoundError:  # copied into a function without its metadata
        return ""
    requirements = (line.partition(";")[0].strip() for line in lines)
    distribution = _DISTRIBUTIONS.get(name, name)
    return next((one for one in requirements if one.partition(">=")[0] == distribution), "")


def _is_older(version: str, needed: str) -> bool:
    return _numbers(version) < _numbers(needed.partition(">=")[2])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in takewhile(str.isdecimal, version.split(".")))
