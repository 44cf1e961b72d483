"""A process that uses the library, told what to do line by line: frozen, thawed and ended like a Lambda sandbox."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

# Reads a line of JSON, [name, arguments]; answers with one.
_SCRIPT = """
import asyncio, json, sys, time
from cloudmap_discovery import DiscoveryError, discover, discover_all, sync
from cloudmap_discovery.api import process
def load():
    process.io.run(process.core)  # the imports, which no budget counts
def answer_of(service, stage):
    async def ask():
        return await discover_all(service, stage=stage)
    return ask
runner = asyncio.Runner()
def lookup(service, stage="Production", loop="run"):
    started = time.monotonic()
    try:
        if loop == "run":
            found = asyncio.run(answer_of(service, stage)())
        elif loop == "runner":
            found = runner.run(answer_of(service, stage)())
        else:
            found = sync.discover_all(service, stage=stage)
    except DiscoveryError as error:
        return {"error": type(error).__name__, "message": str(error), "took": time.monotonic() - started}
    return {"endpoint": str(found[0]), "stale": found.stale, "age": found.age_seconds, "source": found.source,
            "took": time.monotonic() - started}
for line in sys.stdin:
    name, arguments = json.loads(line)
    print(json.dumps(globals()[name](**arguments)), flush=True)
"""


class Sandbox:
    """One process; `lookup` is what an invocation does. Use it as a context manager."""

    def __init__(self, environment: Mapping[str, str], *, more: str = "") -> None:
        script = _SCRIPT.replace("runner = asyncio.Runner()", f"runner = asyncio.Runner()\n{more}")
        self._process = subprocess.Popen(
            [sys.executable, "-c", script],
            env={**clean(os.environ), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def tell(self, name: str, **arguments: Any) -> None:
        """Have a function called, without waiting for what it returns."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([name, arguments]) + "\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        """Wait for what the next function returns."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the sandbox ended: {self._process.communicate()[1]}")
        return json.loads(line)

    def call(self, name: str, **arguments: Any) -> Any:
        """Have a function called; returns what it returns."""
        self.tell(name, **arguments)
        return self.hear()

    def lookup(self, service: str, **arguments: Any) -> dict[str, Any]:
        """Look a service up, as an invocation would."""
        answer: dict[str, Any] = self.call("lookup", service=service, **arguments)
        return answer

    def freeze(self) -> None:
        """Stop the process where it is, as Lambda does when the handler has returned."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def end(self, *, within_seconds: float) -> tuple[int, str]:
        """Close its standard input; returns its exit code and what it wrote to standard error."""
        _, errors = self._process.communicate(timeout=within_seconds)
        return self._process.returncode, errors


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that say nothing about AWS, this package or the test run."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(("AWS_", "DISCOVERY_", "COV_", "PYTEST_"))
    }
