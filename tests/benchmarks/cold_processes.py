"""Measures what a fresh process takes to its first answer: the import, the answer, and the memory it had at most."""

from __future__ import annotations

import os
import subprocess
import sysconfig
import threading
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.benchmarks.cold_throttle import Throttle

ROOT: Final = Path(__file__).resolve().parents[2]
PEERS: Final = Path(__file__).with_name("cold_peers")
ENDPOINT: Final = "https://users.example.com"
_LIMIT_SECONDS: Final = 120.0

# The most memory that it ever had is read from the kernel's status: getrusage would count what the process was before exec.
_SCRIPT: Final = """
import sys, time
def gate():
    print("ready", flush=True)
    sys.stdin.readline()
{at_start}
started = time.perf_counter()
import {peer} as peer
imported = time.perf_counter()
{after_import}
resumed = time.perf_counter()
answer = peer.ask()
answered = time.perf_counter()
with open("/proc/self/status") as status:
    peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
print(answer, imported - started, answered - resumed, peak, flush=True)
"""


class MeasurementError(Exception):
    """A measured process ended without an answer, or with a wrong one."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One fresh process, after the start of its interpreter."""

    import_seconds: float
    ask_seconds: float
    peak_mb: float

    @property
    def answer_seconds(self) -> float:
        """How long it took from the start to the answer."""
        return self.import_seconds + self.ask_seconds


class Machine:
    """Starts fresh processes that find the peers, this project and what is installed, and bytecode of all that.

    Bytecode is kept in `folder`, outside of the checkout; the first process of a kind writes it, and must not be counted.
    """

    def __init__(self, folder: Path) -> None:
        # An environment of its own, since that of the developer runs code of others at the start of the interpreter.
        venv.EnvBuilder(symlinks=True).create(folder / "venv")
        self._python = folder / "venv" / "bin" / "python"
        self._environment = {
            "LANG": "C.UTF-8",
            "PATH": os.defpath,
            "PYTHONPATH": os.pathsep.join(map(str, (PEERS, ROOT, sysconfig.get_path("purelib")))),
            "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
        }

    def run(
        self, script: str, environment: Mapping[str, str], *options: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Python code to its end; raises a `MeasurementError` where it fails."""
        done = subprocess.run(
            [self._python, *options, "-c", script],
            env={**self._environment, **environment},
            check=False,
            capture_output=True,
            text=True,
            timeout=_LIMIT_SECONDS,
        )
        if done.returncode:
            raise MeasurementError(done.stderr)
        return done

    def first_answer(
        self, peer: str, environment: Mapping[str, str], throttle: Throttle, *, init_is_whole: bool = False
    ) -> Sample:
        """Let a peer import and ask, throttled, or, if `init_is_whole`, throttled only after the import, as in Lambda."""
        gates = (
            {"at_start": "", "after_import": "gate()"}
            if init_is_whole
            else {"at_start": "gate()", "after_import": ""}
        )
        process = subprocess.Popen(
            [self._python, "-c", _SCRIPT.format(peer=peer, **gates)],
            env={**self._environment, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None, "it is a pipe"
        assert process.stdout is not None, "it is a pipe"
        limit = threading.Timer(_LIMIT_SECONDS, process.kill)
        limit.start()
        try:
            line = ""
            if process.stdout.readline():
                with throttle.held(process.pid):
                    process.stdin.write("\n")
                    process.stdin.flush()
                    line = process.stdout.readline()
        finally:
            limit.cancel()
            process.kill()  # its end is not measured, and would take long where it is throttled
            _, errors = process.communicate()
        if not line.startswith(f"{ENDPOINT} "):
            raise MeasurementError(f"{peer} answered {line!r}\n{errors}")
        _, importing, asking, peak = line.split()
        return Sample(float(importing), float(asking), int(peak) / 1024)
