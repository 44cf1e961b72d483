"""Holds the commands of documents that call npm and osls against these programs."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.runtime.tools import ROOT
from tests.serverless.osls import NAME, PLUGIN, run_osls

if TYPE_CHECKING:
    from collections.abc import Sequence

CLONE = "../cloudmap-discovery"
"""Where documents have the clone of this project: beside the folder of a service."""
PACKAGES = {PLUGIN: NAME, ROOT / "layer" / "amplify": "cloudmap-discovery-amplify"}
"""The packages of this project for npm, by their folders."""


def check_npm(words: Sequence[str]) -> None:
    command, *rest = words
    options = [word for word in rest if word.startswith("-")]
    (folder,) = [word for word in rest if word not in options]
    assert command == "install"
    assert set(options) <= {"--save-dev", "--install-links"}
    assert folder.startswith(f"{CLONE}/"), f"{folder} is not in the clone of this project"
    package = ROOT / folder.removeprefix(f"{CLONE}/") / "package.json"
    assert package.parent in PACKAGES
    assert json.loads(package.read_text())["name"] == PACKAGES[package.parent]


def check_npx(words: Sequence[str]) -> None:
    program, command, *options = words
    assert program == "osls", f"no check for {program}"
    with tempfile.TemporaryDirectory() as folder:
        done = run_osls(Path(folder), command, "--help")
    assert done.returncode == 0, done.stdout
    known = set(re.findall(r"--[a-z-]+", done.stdout))
    given = {option for option in options if option.startswith("-")}
    assert given <= known, f"osls {command} has no option {given - known}"
