"""Compiles every source below a folder to unchecked-hash bytecode; started with the target's own interpreter.

    python3.X -I -S -B compile_tree.py FOLDER RUNTIME_FOLDER

Needs nothing but that interpreter's standard library. The code objects name the path that a source has at run time
(RUNTIME_FOLDER), not the one it has here, and the order is fixed, so that the bytecode is the same on every machine with the same
interpreter. Prints JSON: how many files were compiled, and which could not be.
"""

from __future__ import annotations

import json
import py_compile
import sys
from pathlib import Path


def main() -> None:
    """Compile, and print what was done."""
    folder, runtime_folder = Path(sys.argv[1]), Path(sys.argv[2])
    compiled, refused = 0, []
    for source in sorted(folder.rglob("*.py")):
        name = source.relative_to(folder)
        try:
            py_compile.compile(
                str(source),
                dfile=str(runtime_folder / name),
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
        except (
            py_compile.PyCompileError
        ):  # written for another Python version: it cannot be imported here either
            refused.append(name.as_posix())
        else:
            compiled += 1
    print(json.dumps({"compiled": compiled, "refused": refused}))


if __name__ == "__main__":
    main()
