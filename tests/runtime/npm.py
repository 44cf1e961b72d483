"""Installs packages of npm that tests use, pinned with hashes, from whatever registry npm is set to, once."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from layer.tools import run_tool
from tests.runtime.tools import _installed_once

if TYPE_CHECKING:
    from pathlib import Path

_PINS: Final = ("package.json", "package-lock.json")
_OPTIONS: Final = ("--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund")


def installed(name: str, pins: Path, *options: str, needs: str = "") -> Path:
    """Return the folder whose `node_modules` holds what the package.json and package-lock.json in `pins` say.

    All processes of a test run share it. `options` are further ones of `npm ci`; `needs` is what the packages take.
    """
    with _installed_once(name, "".join((pins / one).read_text() for one in _PINS)) as (folder, missing):
        if missing:
            for one in _PINS:
                shutil.copy(pins / one, folder)
            run_tool(["npm", "ci", *_OPTIONS, *options], to=f"install {name}{needs}", cwd=folder)
    return folder
