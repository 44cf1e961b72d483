"""Gives a process a tenth of a processor, as a small function has: by a control group, or by stopping it most of the time."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARE: Final = 0.1
PERIOD_SECONDS: Final = 0.02
_CONTROL_GROUPS: Final = tuple(
    map(Path, ("/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup"))
)
_REMOVE_SECONDS: Final = 5.0


class Throttle(Protocol):
    """Slows processes down."""

    description: str

    def held(self, pid: int) -> AbstractContextManager[None]:
        """Slow a process of ours down until the context ends; it may end before."""
        ...


class NoThrottle:
    """Lets processes run as fast as they can."""

    description = "the whole processor"

    @contextmanager
    def held(self, _pid: int) -> Iterator[None]:
        """Do nothing."""
        yield


class DutyCycle:
    """Stops a process and lets it go on, over and over; works everywhere, and less evenly than a control group."""

    description = f"stopped by signals for {1 - SHARE:.0%} of every {PERIOD_SECONDS * 1e3:.0f} ms"

    @contextmanager
    def held(self, pid: int) -> Iterator[None]:
        """Stop and continue the process from a thread of its own."""
        is_over = threading.Event()
        thread = threading.Thread(target=self._run, args=(pid, is_over), name="duty-cycle")
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def _run(self, pid: int, is_over: threading.Event) -> None:
        with suppress(ProcessLookupError):
            while not is_over.is_set():
                os.kill(pid, signal.SIGSTOP)
                is_over.wait(PERIOD_SECONDS * (1 - SHARE))
                os.kill(pid, signal.SIGCONT)
                time.sleep(PERIOD_SECONDS * SHARE)


class ControlGroup:
    """A control group of Linux, version 1 or 2, that may use so much of a processor in every period."""

    description = (
        f"a control group with {SHARE * PERIOD_SECONDS * 1e3:.0f} ms in every {PERIOD_SECONDS * 1e3:.0f} ms"
    )

    def __init__(self, parent: Path) -> None:
        """Make the group; raises an `OSError` where that is not allowed, or these groups do not divide the processor."""
        self._folder = parent / f"cloudmap-discovery-bench-{os.getpid()}"
        period, quota = (f"{seconds * 1e6:.0f}" for seconds in (PERIOD_SECONDS, SHARE * PERIOD_SECONDS))
        self._folder.mkdir()
        try:
            if (self._folder / "cpu.max").exists():
                self._write("cpu.max", f"{quota} {period}")
            else:
                self._write("cpu.cfs_period_us", period)
                self._write("cpu.cfs_quota_us", quota)
        except OSError:
            self._folder.rmdir()
            raise

    @contextmanager
    def held(self, pid: int) -> Iterator[None]:
        """Put the process into the group, where it stays for life."""
        self._write("cgroup.procs", str(pid))
        yield

    def remove(self) -> None:
        """Remove the group, whose processes must have ended; the kernel takes a moment to see that."""
        deadline = time.monotonic() + _REMOVE_SECONDS
        while True:
            try:
                self._folder.rmdir()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return

    def _write(self, name: str, value: str) -> None:
        # Not Path.write_text: it would make a file that the kernel does not have.
        descriptor = os.open(self._folder / name, os.O_WRONLY)
        try:
            os.write(descriptor, value.encode())
        finally:
            os.close(descriptor)


@contextmanager
def throttle() -> Iterator[Throttle]:
    """Give the best way that this machine allows."""
    with ExitStack() as stack:
        for parent in _CONTROL_GROUPS:
            with suppress(OSError):
                group = ControlGroup(parent)
                stack.callback(group.remove)
                yield group
                return
        yield DutyCycle()
