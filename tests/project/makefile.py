"""Asks make what a target would run, without running it."""

from __future__ import annotations

import shutil
import subprocess
from typing import Final

from tests.project.markdown import ROOT

MAKE: Final = shutil.which("make") or "make"


def would_run(*words: str) -> str:
    """Return the commands of the targets; an `AssertionError` says what make finds wrong with them."""
    # Where make itself runs the tests, it would tell of folders.
    command = [MAKE, "--no-print-directory", "--dry-run", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def makefiles() -> str:
    """Return the text of the Makefile and of all that it includes."""
    paths = (ROOT / "Makefile", *ROOT.glob("docs/*.mk"), *ROOT.glob("layer/*.mk"))
    return "\n".join(path.read_text() for path in paths)
