"""The project, built from this source tree and installed on ministack with the commands of `make deploy` and `make undeploy`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from layer.build import ROOT, build_layer
from layer.build_registrar import REGISTRAR
from layer.build_server import SERVER
from layer.interpreters import find_interpreter
from layer.targets import SLIM
from tests.deployment.stacks import Stacks
from tests.runtime.tools import environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.deployment.ministack import Ministack

STACK: Final = "cloudmap-discovery"


@dataclass(frozen=True, slots=True)
class Installation:
    """What the stack says of itself."""

    stack: str
    registrar: str
    layer: str
    bucket: str
    namespace: str
    manifest: str | None = None
    server: str | None = None


class Tree:
    """A copy of what `make` needs to install the project, with a dist/ of its own; `ministack` is where it goes."""

    def __init__(self, folder: Path, ministack: Ministack) -> None:
        self._folder = folder
        self._ministack = ministack
        shutil.copytree(
            ROOT / "layer",
            folder / "layer",
            ignore=shutil.ignore_patterns("__pycache__", "serverless-plugin"),
        )
        dist = folder / "dist"
        build_layer(SLIM, root=ROOT, dist=dist, interpreters=[])
        for package in (REGISTRAR, SERVER):
            package.build(root=ROOT, dist=dist)

    def deploy(self, stack: str = STACK, **parameters: str) -> Installation:
        """Do what `make deploy` does, but build."""
        given = " ".join(f"{name}={value}" for name, value in parameters.items())
        self._run("deploy", "--aws", str(_aws()), "--stack", stack, "--parameters", given)
        outputs = Stacks(self._ministack.client("cloudformation")).outputs(stack)
        return Installation(stack, **{name.lower(): value for name, value in outputs.items()})

    def undeploy(self, stack: str = STACK) -> str:
        """Do what `make undeploy` does; return what it says."""
        return self._run("undeploy", "--stack", stack)

    def _run(self, module: str, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", f"layer.{module}", *arguments],
            cwd=self._folder,  # whose layer/ is found first
            env={"PATH": os.environ["PATH"], **self._ministack.environment()},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError(f"layer.{module} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout


def _aws() -> Path:
    interpreter = find_interpreter(f"{sys.version_info.major}.{sys.version_info.minor}", os.environ)
    assert interpreter is not None, "this Python is one of the machine's"
    return environment("awscli", interpreter).with_name("aws")
