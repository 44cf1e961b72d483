"""Runs the published clients of serverless-discovery, for Node.js and for Python, against a server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from layer.interpreters import find_interpreter
from tests.runtime.npm import installed
from tests.runtime.tools import environment

if TYPE_CHECKING:
    from collections.abc import Sequence

_HERE: Final = Path(__file__).parent / "clients"


def run_node_client(url: str, *steps: Sequence[Any], **settings: Any) -> list[Any]:
    """Return what came of each step: its status and data, its error, or, of a lookup, its addresses."""
    asked = json.dumps({"url": url, "steps": steps, **settings})
    return _run(
        [_node(), _HERE / "catalog.cjs", asked],
        {"NODE_PATH": str(installed("catalog-clients", _HERE) / "node_modules")},
    )


def run_python_client(url: str, *lookups: str) -> list[Any]:
    """Return what the client returns for each lookup, a service and a stage with / between them."""
    interpreter = find_interpreter(f"{sys.version_info.major}.{sys.version_info.minor}", os.environ)
    assert interpreter is not None, "this Python is one of the machine's"
    return _run([environment("catalog-clients", interpreter), _HERE / "catalog_sdk.py", url, *lookups], {})


def _run(command: Sequence[str | Path], more: dict[str, str]) -> list[Any]:
    done = subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", **more},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said: list[Any] = json.loads(done.stdout)
    return said


def _node() -> str:
    found = shutil.which("node")
    if found is None:
        raise FileNotFoundError("node is not on PATH: these tests need Node.js 20 or newer, with npm")
    return found
