"""Ministack and the functions it runs are gone when the test is, however that ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.deployment.functions import create
from tests.deployment.ministack import Ministack
from tests.deployment.stacks import until
from tests.runtime.tools import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

TEST: Final = """
import json, sys
from pathlib import Path
from tests.deployment.ministack import Ministack
from tests.deployment.test_ministack import started

print(json.dumps(started(Ministack(Path(sys.argv[1])))), flush=True)
sys.stdin.read()
"""


def started(ministack: Ministack) -> list[int]:
    """Return the processes of ministack and of a function that it runs."""
    functions = ministack.client("lambda")
    function = create(ministack, "import os\ndef handler(event, context): return os.getpid()")
    return [ministack.pid, json.loads(functions.invoke(FunctionName=function)["Payload"].read())]


def run(pids: Sequence[int]) -> list[bool]:
    """Return of each process whether it runs; one that is dead does not, though nobody asked for its end."""
    return [_state(pid) not in {"", "Z", "X"} for pid in pids]


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_stopping_leaves_neither_process_nor_file(tmp_path: Path) -> None:
    with Ministack(tmp_path / "state") as ministack:
        pids = started(ministack)
        before = run(pids)

    until(lambda: not any(run(pids)), what="the processes to be gone")
    assert before == [True, True]
    assert list(tmp_path.iterdir()) == []


def test_a_test_that_is_killed_takes_it_along(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", TEST, tmp_path / "state"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as test:
        assert test.stdout is not None, "it is a pipe"
        pids = json.loads(test.stdout.readline())
        before = run(pids)
        test.send_signal(signal.SIGKILL)

    until(lambda: not any(run(pids)), what="the processes to be gone")
    assert before == [True, True]
