"""Compiles the sources below a folder to unchecked-hash bytecode; started with the target's own interpreter.

    python3.X -I -S -B [-X no_debug_ranges] compile_tree.py FOLDER RUNTIME_FOLDER [--lean] [--leave-out PATTERN …]

Needs nothing but that interpreter's standard library. The code objects name the path that a source has at run time
(RUNTIME_FOLDER), not the one it has here, and the order is fixed, so that the bytecode is the same on every machine with the same
interpreter. Prints JSON: how many files were compiled, and which could not be.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import marshal
from pathlib import Path, PurePosixPath

_HASH_BASED_UNCHECKED = (0b01).to_bytes(4, "little")  # the flags of PEP 552


def main() -> None:
    """Compile, and print what was done."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("runtime_folder", type=PurePosixPath)
    parser.add_argument("--lean", action="store_true", help="without what only people and tools read")
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="PATTERN")
    options = parser.parse_args()
    compiled, refused = 0, []
    for source in sorted(options.folder.rglob("*.py")):
        name = PurePosixPath(source.relative_to(options.folder).as_posix())
        if any(name.match(pattern) for pattern in options.leave_out):
            continue
        try:
            bytecode = compiled_to_bytes(
                source.read_bytes(), str(options.runtime_folder / name), is_lean=options.lean
            )
        except (SyntaxError, ValueError):
            # It was written for another Python version: it cannot be imported here either.
            refused.append(str(name))
        else:
            cached = Path(importlib.util.cache_from_source(str(source)))
            cached.parent.mkdir(exist_ok=True)
            cached.write_bytes(bytecode)
            compiled += 1
    print(json.dumps({"compiled": compiled, "refused": refused}))


def compiled_to_bytes(source: bytes, runtime_path: str, *, is_lean: bool) -> bytes:
    """Return the content of a bytecode file (PEP 552) that the loader does not compare with its source."""
    tree = ast.parse(source, runtime_path)
    if is_lean:
        _drop_what_only_people_and_tools_read(tree)
    code = compile(tree, runtime_path, "exec", dont_inherit=True)
    header = importlib.util.MAGIC_NUMBER + _HASH_BASED_UNCHECKED + importlib.util.source_hash(source)
    return header + marshal.dumps(code)


def _drop_what_only_people_and_tools_read(tree: ast.Module) -> None:
    """Take away docstrings, annotations of functions, and what only type checkers import.

    Annotations of classes stay: they make fields.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = [ast.copy_location(ast.Pass(), node.body[0])]
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and (
            ast.get_docstring(node, clean=False) is not None
        ):
            docstring = node.body.pop(0)
            if not node.body:
                node.body.append(ast.copy_location(ast.Pass(), docstring))


if __name__ == "__main__":
    main()
