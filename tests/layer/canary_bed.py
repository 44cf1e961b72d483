"""Functions under AWS's runtime emulator that have the built layer attached, and neighbours beside it."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from layer.targets import SLIM, architecture_of_machine, find_target
from tests.layer.neighbours import bring, old_packages
from tests.runtime.emulator import RuntimeEmulator
from tests.runtime.tools import emulated_interpreters, runtime_tools

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import ExitStack

    from layer.interpreters import Interpreter
    from layer.targets import Target
    from tests.layer.conftest import Layers
    from tests.standin.stand_in import StandIn

INTERPRETERS: Final = emulated_interpreters()
EVENT: Final = {"service": "users", "stage": "Production"}
URL: Final = "https://users.example.com"


@dataclass(frozen=True, slots=True)
class Bed:
    """Makes functions of one test; all of them ask the test's stand-in, where the service of `EVENT` is registered."""

    layers: Layers
    aws: StandIn
    folder: Path
    running: ExitStack

    def target(self, flavor: str, interpreter: Interpreter) -> Target:
        """Return the layer of this flavour that a function of this Python attaches."""
        machine = architecture_of_machine(platform.machine())
        return SLIM if flavor == "slim" else find_target(interpreter.version, machine)

    def opt(self, flavor: str, interpreter: Interpreter) -> Path:
        """Return `/opt` with the layer alone, not writable."""
        return self.layers.unpacked(self.target(flavor, interpreter))

    @property
    def task_root(self) -> Path:
        """The function's own package."""
        return self.folder / "task"

    def function(
        self,
        interpreter: Interpreter,
        opt: Path,
        *,
        module: str = "canary_handler",
        brings: tuple[str, ...] = (),
        runtime_packages: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> RuntimeEmulator:
        """Start a function of a module beside this one; it `brings` these pins of `requirements/neighbours.txt` in its own package."""
        self.task_root.mkdir(exist_ok=True)
        shutil.copyfile(Path(__file__).with_name(f"{module}.py"), self.task_root / "app.py")
        if brings:
            bring(old_packages(brings, interpreter), self.task_root)
        return self.running.enter_context(
            RuntimeEmulator(
                runtime_tools(interpreter),
                handler="app.handler",
                task_root=self.task_root,
                layer=opt,
                runtime_packages=runtime_packages,
                environment={**self.aws.environment(), **(environment or {})},
            )
        )
