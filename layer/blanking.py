"""Blanks what only people and tools read in this project's sources, for a layer in which every byte is downloaded."""

from __future__ import annotations

import ast
import io
import tokenize
from typing import TYPE_CHECKING

from layer.errors import BlankingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_Place = tuple[int, int]
"""A line from 1 on, and a column from 0 on, in characters."""


def blank_folder(folder: Path) -> None:
    """Blank every source below the folder."""
    for path in sorted(folder.rglob("*.py")):
        path.write_text(blanked(path.read_text("utf-8"), str(path)), "utf-8")


def blanked(source: str, name: str = "<source>") -> str:
    """Return the source without comments, docstrings, annotations of anything but fields, and imports for type checkers.

    What is left stands in the lines in which it stood, so that tracebacks tell lines of the repository. Raises a
    `BlankingError` where the result would not do the same.
    """
    tree = ast.parse(source)
    text = _Text(source)
    for begin, end, instead in sorted([*_comments(source), *_unneeded(tree, text)], reverse=True):
        text.replace(begin, end, instead)
    result = str(text)
    if _essence(ast.parse(result)) != _essence(tree):
        raise BlankingError(f"{name}: blanking it would change what it does")
    return result


class _Text:
    """Lines in which ranges are replaced, from the last to the first; the number of lines stays."""

    def __init__(self, source: str) -> None:
        self.lines = source.split("\n")

    def place(self, line: int, offset: int) -> _Place:
        """Return a place that is given with an offset in bytes, as the parser gives it."""
        return line, len(self.lines[line - 1].encode()[:offset].decode())

    def begin(self, node: ast.expr | ast.stmt | ast.arg) -> _Place:
        return self.place(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt | ast.arg) -> _Place:
        return self.place(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def replace(self, begin: _Place, end: _Place, instead: str) -> None:
        (first, start), (last, stop) = begin, end
        rest = self.lines[last - 1][stop:]
        self.lines[first - 1] = self.lines[first - 1][:start] + instead + (rest if first == last else "")
        for line in range(first + 1, last):
            self.lines[line - 1] = ""
        if first != last:
            self.lines[last - 1] = rest

    def __str__(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines)


def _comments(source: str) -> Iterator[tuple[_Place, _Place, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start, token.end, ""


def _unneeded(tree: ast.Module, text: _Text) -> Iterator[tuple[_Place, _Place, str]]:
    in_classes = {
        id(child) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for child in node.body
    }
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if first is not None and _is_text(first):
                yield text.begin(first), text.end(first), "pass" if len(node.body) == 1 else ""
        if isinstance(node, ast.arg) and node.annotation is not None:
            line, column = text.begin(node)
            yield (line, column + len(node.arg)), text.end(node.annotation), ""
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns is not None:
            line, column = text.begin(node.returns)
            arrow = text.lines[line - 1].rfind("->", 0, column)
            if arrow >= 0 and node.returns.end_lineno == line:
                yield (line, arrow), text.end(node.returns), ""
        elif isinstance(node, ast.AnnAssign) and id(node) not in in_classes and node.value is not None:
            if node.annotation.end_lineno == node.target.end_lineno:
                yield text.end(node.target), text.end(node.annotation), ""
        elif isinstance(node, ast.If) and _is_for_type_checkers(node):
            yield text.begin(node.body[0]), text.end(node.body[-1]), "pass"


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_for_type_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _essence(tree: ast.Module) -> str:
    """Return what a source does, and in which lines."""
    for node in ast.walk(tree):
        body: list[ast.stmt] = (
            getattr(node, "body", []) if not isinstance(node, (ast.Lambda, ast.IfExp)) else []
        )
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            node.body = [one for one in body if not _is_text(one) and not isinstance(one, ast.Pass)]
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        elif isinstance(node, ast.If) and _is_for_type_checkers(node):
            node.body = []
    shown = ast.dump(_PlainAssignments().visit(tree))
    lines = [node.lineno for node in ast.walk(tree) if isinstance(node, (ast.stmt, ast.expr))]
    return f"{shown}{sorted(lines)}"


class _PlainAssignments(ast.NodeTransformer):
    """Makes `x: T = y` an `x = y` everywhere but in the bodies of classes."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        for child in node.body:
            for inner in ast.iter_child_nodes(child) if isinstance(child, ast.AnnAssign) else [child]:
                self.visit(inner)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        self.generic_visit(node)
        if node.value is None:
            return node
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)
