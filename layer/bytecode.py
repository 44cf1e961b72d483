"""Adds bytecode to the layer, since Lambda mounts it read-only and would otherwise compile at every cold start."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from layer.tools import run_tool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from layer.interpreters import Interpreter

RUNTIME_FOLDER: Final = PurePosixPath("/opt/python")
"""Where Lambda puts the folder `python/` of a layer."""
NOT_COMPILED_IF_LEAN: Final = (
    # What only type checkers import.
    "cloudmap_discovery/transport/port.py",
    # What needs packages that the slim layer does not hold, and what is for tests.
    "cloudmap_discovery/settings_pydantic.py",
    "cloudmap_discovery/testing.py",
    "cloudmap_discovery/transport/sdk*.py",
    "tenacity/tornadoweb.py",
    # What a function makes once during init, where the processor is whole.
    "cloudmap_discovery/emf.py",
    # What writes or lists records, or explains: it waits for AWS for many times as long as it takes to compile.
    "cloudmap_discovery/copies.py",
    "cloudmap_discovery/deadline.py",
    "cloudmap_discovery/depends_on.py",
    "cloudmap_discovery/explaining.py",
    "cloudmap_discovery/listing.py",
    "cloudmap_discovery/mirrors.py",
    "cloudmap_discovery/pacing.py",
    "cloudmap_discovery/plans.py",
    "cloudmap_discovery/registration.py",
    "cloudmap_discovery/registry.py",
    "cloudmap_discovery/snapshot_writing.py",
    "cloudmap_discovery/spreading.py",
    "cloudmap_discovery/stores/cloud_map_control.py",
    "cloudmap_discovery/stores/cloud_map_names.py",
    "cloudmap_discovery/stores/control_port.py",
    "cloudmap_discovery/stores/mirror_port.py",
    "cloudmap_discovery/stores/operations.py",
    "cloudmap_discovery/stores/parameter_mirror.py",
    "cloudmap_discovery/stores/s3_mirror.py",
    "cloudmap_discovery/syncing.py",
    # What calls services: it waits for them, likewise.
    "cloudmap_discovery/calls/*.py",
    # What a process on Managed Instances makes once, and is never short of a processor for.
    "cloudmap_discovery/stores/shared*.py",
)
"""Sources that no lookup imports."""
NOT_COMPILED_FOR_FOUR: Final = (
    "cloudmap_discovery/dependencies.py",
    "cloudmap_discovery/ranges.py",
    "cloudmap_discovery/shadowing.py",
    "cloudmap_discovery/stores/file.py",
    "cloudmap_discovery/transport/container_endpoint.py",
    "nodesemver/*.py",
    "tenacity/*.py",
    "tenacity/*/*.py",
)
"""Sources that few lookups import, and then once: declared dependencies, what a version takes, the first retry, a
packaged snapshot, and credentials after a restore. With bytecode for four Pythons the zip has no room for them:
compiling takes 4 to 24 ms of a whole processor for each."""
_MOST_WITH_ALL: Final = 3


@dataclass(frozen=True, slots=True)
class Bytecode:
    """What was compiled, and by which Python."""

    interpreter: Interpreter
    compiled_count: int
    refused: tuple[str, ...]


def left_out(pythons: int) -> tuple[str, ...]:
    """Return the patterns of what lean bytecode leaves out in a layer that has it for so many Pythons."""
    return NOT_COMPILED_IF_LEAN + (NOT_COMPILED_FOR_FOUR if pythons > _MOST_WITH_ALL else ())


def add_bytecode(
    folder: Path, interpreter: Interpreter, *, is_lean: bool, leave_out: Sequence[str] = ()
) -> Bytecode:
    """Compile every source below `folder` into `__pycache__` beside it, where bytecode of other versions may lie already.

    Hash-based and unchecked: the loader compares neither the source's date, which a zip does not keep, nor its content. Lean
    bytecode leaves out what only people and tools read (docstrings, annotations of functions, imports for type
    checkers, columns in tracebacks), and the sources that match `leave_out`: half of it, for each Python that one zip serves.
    """
    script = Path(__file__).with_name("compile_tree.py")
    command: list[str | Path] = [interpreter.path, "-I", "-S", "-B", "-W", "ignore"]
    if is_lean:
        command += ["-X", "no_debug_ranges"]
    command += [script, folder, RUNTIME_FOLDER.as_posix()]
    if is_lean:
        command += ["--lean", "--leave-out", *leave_out]
    said = json.loads(run_tool(command, to="compile the layer's bytecode"))
    return Bytecode(interpreter, said["compiled"], tuple(said["refused"]))
