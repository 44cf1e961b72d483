"""The programs that the build calls."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from layer.errors import ToolFailedError

if TYPE_CHECKING:
    from collections.abc import Sequence


def find_uv() -> Path:
    """Return the uv beside the running Python, or the one on PATH."""
    beside = Path(sys.executable).with_name("uv")
    found = beside if beside.is_file() else shutil.which("uv")
    if found is None:
        raise ToolFailedError("uv is neither beside this Python nor on PATH. Run: make setup")
    return Path(found)


def run_tool(command: Sequence[str | Path], *, to: str, cwd: Path | None = None) -> str:
    """Run a program to its end and return what it printed; `ToolFailedError` says what it was to do, and its own words."""
    try:
        done = subprocess.run(  # noqa: S603 - the caller's own list of arguments, no shell
            [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise ToolFailedError(f"Cannot {to}: {command[0]} does not start: {error.strerror}.") from error
    if done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
        raise ToolFailedError(
            f"Cannot {to}: {Path(command[0]).name} ended with {done.returncode}:\n  "
            + "\n  ".join(words[-15:])
        )
    return done.stdout
