"""Runs a script in an interpreter of its own, with an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

from tests.sandbox.sandbox import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

# With an API of the runtime, a process counts as a function, which may be frozen.
IN_LAMBDA = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-central-1"}


def run_script(
    script: str, environment: Mapping[str, str], *options: str
) -> subprocess.CompletedProcess[str]:
    """Return how it ended, and what it wrote; warnings are errors. `options` are the interpreter's."""
    return subprocess.run(
        [sys.executable, "-W", "error", *options, "-c", textwrap.dedent(script)],
        env={**clean(os.environ), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def lines_of(script: str, environment: Mapping[str, str], *options: str) -> list[str]:
    """Return the lines that it printed; it must end well, and without a word to standard error."""
    ended = run_script(script, environment, *options)
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    return ended.stdout.splitlines()
