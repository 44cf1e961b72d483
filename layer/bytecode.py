"""Adds bytecode to the layer, since Lambda mounts it read-only and would otherwise compile at every cold start."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from layer.tools import run_tool

if TYPE_CHECKING:
    from layer.interpreters import Interpreter

RUNTIME_FOLDER = PurePosixPath("/opt/python")
"""Where Lambda puts the folder `python/` of a layer."""


@dataclass(frozen=True, slots=True)
class Bytecode:
    """What was compiled, and by which Python."""

    interpreter: Interpreter
    compiled_count: int
    refused: tuple[str, ...]


def add_bytecode(folder: Path, interpreter: Interpreter) -> Bytecode:
    """Compile every source below `folder` into `__pycache__` beside it.

    Hash-based and unchecked: the loader compares neither the source's date, which a zip does not keep, nor its content.
    """
    script = Path(__file__).with_name("compile_tree.py")
    command: list[str | Path] = [
        interpreter.path,
        "-I",
        "-S",
        "-B",
        "-W",
        "ignore",
        script,
        folder,
        RUNTIME_FOLDER.as_posix(),
    ]
    said = json.loads(run_tool(command, to="compile the layer's bytecode"))
    return Bytecode(interpreter, said["compiled"], tuple(said["refused"]))
