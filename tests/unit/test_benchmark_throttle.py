"""A throttled process gets a fraction of a processor, and everything is as before afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.benchmarks.cold_throttle import DutyCycle, NoThrottle, Throttle, throttle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

# Works for so long by its own clock, and says for what share of real time it did.
WORK: Final = """
import time
input()
worked, started = time.process_time(), time.perf_counter()
while time.process_time() - worked < 0.1:
    pass
print((time.process_time() - worked) / (time.perf_counter() - started))
"""


@contextmanager
def worker() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", WORK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


@contextmanager
def duty_cycle() -> Iterator[Throttle]:
    yield DutyCycle()


@pytest.mark.parametrize("make", [throttle, duty_cycle])
def test_a_throttled_process_gets_a_fraction_of_a_processor(
    make: Callable[[], AbstractContextManager[Throttle]],
) -> None:
    with make() as slow, worker() as process, slow.held(process.pid):
        share, _ = process.communicate("\n")

    assert 0 < float(share) < 0.5


def test_a_process_goes_on_when_it_is_not_held_any_more() -> None:
    with worker() as process:
        with DutyCycle().held(process.pid):
            pass
        share, _ = process.communicate("\n", timeout=20)

    assert float(share) > 0


def test_a_process_that_is_not_throttled_is_left_alone() -> None:
    with worker() as process, NoThrottle().held(process.pid):
        share, _ = process.communicate("\n")

    assert float(share) > 0


def test_no_control_group_is_left_behind() -> None:
    before = control_groups()

    with throttle() as slow, worker() as process, slow.held(process.pid):
        process.communicate("\n")

    assert control_groups() == before


def control_groups() -> set[Path]:
    return set(Path("/sys/fs/cgroup").glob(f"**/cloudmap-discovery-bench-{os.getpid()}"))
