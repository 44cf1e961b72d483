"""Asks make what a target would run, without running it."""

from __future__ import annotations

import shutil
import subprocess
from typing import Final

from tests.project.markdown import ROOT

MAKE: Final = shutil.which("make") or "make"


def would_run(*words: str) -> str:
    """Return the commands of the targets; an `AssertionError` says what make finds wrong with them."""
    done = subprocess.run([MAKE, "--dry-run", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def makefiles() -> str:
    """Return the text of the Makefile and of all that it includes."""
    paths = (ROOT / "Makefile", *ROOT.glob("docs/*.mk"), *ROOT.glob("layer/*.mk"))
    return "\n".join(path.read_text() for path in paths)
