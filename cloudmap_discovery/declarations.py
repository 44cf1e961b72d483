"""Finds what declares dependencies: most functions have nothing that does, and need not be able to read it."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from cloudmap_discovery.dependencies import Dependency

JSON_FILE: Final = "cloudmap-discovery.json"
TOML_FILE: Final = "pyproject.toml"

_OUR_TABLE: Final = b"cloudmap-discovery"


def load(setting: str | None, folder: str | Path) -> tuple[Dependency, ...]:
    """Return the declared dependencies, in the order in which they are declared.

    `setting` is a JSON object, or the path of a .json or .toml file, relative to `folder`. With None they are in
    `cloudmap-discovery.json` of the folder, else in its `pyproject.toml`, else there are none. Reads one file, and
    tries two at most. Raises a `ConfigurationError` for what cannot be read or is not allowed.
    """
    if setting is not None:
        from cloudmap_discovery import dependencies  # noqa: PLC0415 -- only where they are declared

        return dependencies.of_setting(setting.strip(), folder)
    for name in (JSON_FILE, TOML_FILE):
        raw = _read_if_there(os.path.join(folder, name))  # noqa: PTH118 -- pathlib takes longer to import than all of this
        # Most projects: reading TOML takes longer than the lookup itself.
        if raw is not None and (name == JSON_FILE or _OUR_TABLE in raw):
            from cloudmap_discovery import dependencies  # noqa: PLC0415 -- the same

            found = dependencies.of_file(raw, name)
            if found is not None:
                return found
    return ()


def _read_if_there(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 -- the same
            return file.read()
    except OSError:  # also where the folder may not be looked into, by whoever declares nothing
        return None
