"""Runs a program in an interpreter of its own: for what ends, forks or blocks a process."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]

PRELUDE = """
import asyncio, os, sys, threading, time
from tests.unit.bed import STAGE, RunningClock, make_bed, users
from cloudmap_discovery.io_thread import IOThread
"""


def run_program(source: str, *, timeout_seconds: float = 60) -> subprocess.CompletedProcess[str]:
    """Run the source after the prelude, and return how it ended and what it wrote."""
    return subprocess.run(
        # Newer Pythons warn about every fork of a process with threads, which is what is tested here.
        [
            sys.executable,
            "-W",
            "ignore:This process:DeprecationWarning",
            "-c",
            PRELUDE + textwrap.dedent(source),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )


def output_of(source: str) -> str:
    """Run the source, which must end well and silently, and return what it wrote to standard output."""
    done = run_program(source)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def seconds_until_silent_end(program: str, ready: Callable[[], None]) -> float:
    """Run a program that ends with a line on its standard input; give it one when `ready` returns, and time its end."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        ready()
        started = time.monotonic()
        _, errors = process.communicate("\n", timeout=60)
        seconds = time.monotonic() - started
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, errors) == (0, "")
    return seconds
