"""Which of the installed files belong into the layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath

# Installers' notes: they differ from machine to machine, or describe files that are not in the layer.
_INSTALLER_FILES = frozenset(
    {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"}
)
OWN_PACKAGE = "cloudmap_discovery"
"""What is this project's own in a layer."""

# What only the command line uses.
TOOLS = frozenset({"dependency_drawing.py", "dependency_graph.py", "policies.py"})


def belongs(path: PurePosixPath) -> bool:
    """Say whether an installed file, named relative to site-packages, is part of the layer.

    Packages stay whole, so that what shadows the runtime's own is not less than it. Out go: console scripts, the command
    line of this project and what it alone uses (its libraries are not in the layer), test suites, installers' notes and caches of others.
    """
    top, name = path.parts[0], path.name
    if len(path.parts) == 1 and name.startswith("."):
        return False
    if top == "bin" or "__pycache__" in path.parts or "tests" in path.parts or path.suffix == ".pyc":
        return False
    if top == OWN_PACKAGE and (path.parts[1] == "cli" or path.parts[1] in TOOLS):
        return False
    if top.endswith(".dist-info"):
        own_scripts = top.startswith(f"{OWN_PACKAGE}-") and name == "entry_points.txt"
        return name not in _INSTALLER_FILES and not own_scripts
    return True


def not_pure(packages: Path) -> list[str]:
    """Return the distributions of a folder that are not for every Python 3, architecture and system, as their wheels say."""
    notes = sorted(packages.glob("*.dist-info/WHEEL"))
    return [
        note.parent.name.removesuffix(".dist-info")
        for note in notes
        if "Tag: py3-none-any" not in note.read_text().splitlines()
    ]


def mode(path: PurePosixPath) -> int:
    """Return the file mode that Lambda can read whoever built the layer, executable for shared libraries."""
    is_shared_library = path.suffix == ".so" or ".so." in path.name
    return 0o755 if is_shared_library else 0o644
