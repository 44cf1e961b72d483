"""Synthesizes an application of the CDK, pinned; what the same one gave before is kept in .cache/, since it takes half a minute."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from layer.interpreters import find_interpreter
from layer.tools import run_tool
from tests.layer.conftest import RUNNING_PYTHON
from tests.runtime.tools import CACHE, REQUIREMENTS, environment


def synthesized(app: Path, stack: str) -> dict[str, Any]:
    """Return the template of a stack of the application; needs node, as the CDK does."""
    text = "\n".join((stack, app.read_text(), (REQUIREMENTS / "cdk.txt").read_text()))
    kept = CACHE / f"cdk-{app.stem}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "cdk.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            for older in CACHE.glob(f"cdk-{app.stem}-*.json"):
                older.unlink()
            unfinished = kept.with_suffix(".unfinished")
            unfinished.write_text(_synthesized(app, stack))
            unfinished.replace(kept)
    template: dict[str, Any] = json.loads(kept.read_text())
    return template


def _synthesized(app: Path, stack: str) -> str:
    interpreter = find_interpreter(RUNNING_PYTHON, os.environ)
    assert interpreter is not None, "this Python is one of the machine's"
    python = environment("cdk", interpreter)
    with tempfile.TemporaryDirectory(prefix="cloudmap-discovery-cdk-") as folder:
        command: list[str | Path] = [
            *("env", f"CDK_OUTDIR={folder}/out", f"HOME={folder}", f"TMPDIR={folder}"),
            # Its own, unpacked anew: 200 MB that nobody needs twice.
            "JSII_RUNTIME_PACKAGE_CACHE=disabled",
            *(python, "-W", "ignore", app),
        ]
        run_tool(command, to=f"synthesize {app.name}")
        return (Path(folder) / "out" / f"{stack}.template.json").read_text()
