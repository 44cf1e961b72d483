"""Which of the installed files belong into the layer, and which into the packages of registrar and server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath

# Installers' notes: they differ from machine to machine, or describe files that are not in the layer.
_INSTALLER_FILES = frozenset(
    {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"}
)
OWN_PACKAGE = "cloudmap_discovery"
"""What is this project's own in a layer."""

TOOLS = frozenset({"cli", "dependency_drawing.py", "dependency_graph.py", "policies.py", "server/local.py"})
"""Files and folders of this project's own that only the command line uses: its libraries are in no layer."""

REGISTRAR = frozenset({"registrar", "stores/cloud_map_services.py", "transport/direct_rest.py"})
"""Files and folders that only the registrar uses, which is a function with a package of its own."""

SERVER = frozenset({"server", "as_json.py", "matrix.py", "shown.py"})
"""Files and folders that only the server uses, which is another one; and the command line."""

WRITING = frozenset({"allow_list.py"})
"""What the two have in common, and nothing else uses."""

_DRAWN = frozenset({"dependency_graph.py"})
"""What the server's page has in common with the command line."""

_FOR_TESTS = frozenset({"testing.py"})

# markupsafe has a part in C, for one Python and machine, and does the same without it; its wheel's note is of that part.
_COMPILED_TWIN = re.compile(r"markupsafe/_speedups\..*|markupsafe-[^/]*\.dist-info/WHEEL")


def belongs(path: PurePosixPath) -> bool:
    """Say whether an installed file, named relative to site-packages, is part of the layer.

    Packages stay whole, so that what shadows the runtime's own is not less than it. Out go: console scripts, the command
    line of this project, registrar and server, what they alone use, test suites, installers' notes and caches of others.
    """
    return _is_content(path) and not _is_own(path, TOOLS | REGISTRAR | SERVER | WRITING)


def belongs_to_registrar(path: PurePosixPath) -> bool:
    """Say the same for the registrar's package: it has what the layer has, but for what tests use, and the registrar."""
    return _is_content(path) and not _is_own(path, TOOLS | SERVER | _FOR_TESTS)


def belongs_to_server(path: PurePosixPath) -> bool:
    """Say the same for the server's package: the layer's library with the server, and what it requires, without compiled parts."""
    left_out = (TOOLS - _DRAWN) | REGISTRAR | _FOR_TESTS
    return _is_content(path) and not _is_own(path, left_out) and not _COMPILED_TWIN.fullmatch(str(path))


def _is_content(path: PurePosixPath) -> bool:
    top, name = path.parts[0], path.name
    if len(path.parts) == 1 and name.startswith("."):
        return False
    if top == "bin" or "__pycache__" in path.parts or "tests" in path.parts or path.suffix == ".pyc":
        return False
    if top.endswith(".dist-info"):
        own_scripts = top.startswith(f"{OWN_PACKAGE}-") and name == "entry_points.txt"
        return name not in _INSTALLER_FILES and not own_scripts
    return True


def _is_own(path: PurePosixPath, names: frozenset[str]) -> bool:
    if path.parts[0] != OWN_PACKAGE:
        return False
    inner = path.relative_to(OWN_PACKAGE)
    return any(str(each) in names for each in (inner, *inner.parents))


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
