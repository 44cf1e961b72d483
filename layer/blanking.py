"""Blanks what only people and tools read in this project's files, for a layer in which every byte is downloaded."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from typing import TYPE_CHECKING

from layer.errors import BlankingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_Place = tuple[int, int]
"""A line from 1 on, and a column from 0 on, in characters."""
_Replacement = tuple[_Place, _Place, str]


def blank_folder(folder: Path) -> None:
    """Blank every source below the folder."""
    for path in sorted(folder.rglob("*.py")):
        path.write_text(blanked(path.read_text("utf-8"), str(path)), "utf-8")


def blank_description(metadata: Path) -> None:
    """Take the text for people, a whole README, out of a distribution's metadata; its fields stay."""
    fields, _, _ = metadata.read_text("utf-8").partition("\n\n")
    metadata.write_text(f"{fields}\n", "utf-8")


def blanked(source: str, name: str = "<source>") -> str:
    """Return the source without comments, docstrings, annotations of anything but fields, and imports for all of these.

    What is left stands in the lines in which it stood, so that tracebacks tell lines of the repository. Raises a
    `BlankingError` where the result would not do the same.
    """
    tree = ast.parse(source)
    try:
        rest = _replaced(source, [*_comments(source), *_unneeded(tree, _Text(source))])
        result = _replaced(rest, _unneeded_imports(ast.parse(rest), _Text(rest)))
        is_same = _essence(ast.parse(result)) == _essence(tree)
    except SyntaxError as error:
        raise BlankingError(f"{name}: blanking it would break it: {error}") from error
    if not is_same:
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


def _replaced(source: str, replacements: Iterable[_Replacement]) -> str:
    text = _Text(source)
    for begin, end, instead in sorted(replacements, reverse=True):
        text.replace(begin, end, instead)
    return str(text)


def _comments(source: str) -> Iterator[_Replacement]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start, token.end, ""


def _unneeded(tree: ast.Module, text: _Text) -> Iterator[_Replacement]:
    fields = _fields(tree)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if first is not None and _is_text(first):
                yield text.begin(first), text.end(first), "pass" if len(node.body) == 1 else ""
        if isinstance(node, ast.If) and _is_for_type_checkers(node):
            if node in tree.body and not node.orelse:
                yield text.begin(node), text.end(node), ""
            else:
                yield text.begin(node.body[0]), text.end(node.body[-1]), "pass"
        if id(node) not in fields:
            yield from _annotation(node, text)


def _annotation(node: ast.AST, text: _Text) -> Iterator[_Replacement]:
    if isinstance(node, ast.arg) and node.annotation is not None:
        line, column = text.begin(node)
        yield (line, column + len(node.arg)), text.end(node.annotation), ""
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns is not None:
        line, column = text.begin(node.returns)
        arrow = text.lines[line - 1].rfind("->", 0, column)
        if arrow >= 0 and node.returns.end_lineno == line:
            yield (line, arrow), text.end(node.returns), ""
    elif isinstance(node, ast.AnnAssign) and node.value is not None and _is_in_one_line(node):
        yield text.end(node.target), text.end(node.annotation), ""


def _unneeded_imports(tree: ast.Module, text: _Text) -> Iterator[_Replacement]:
    """Replace imports that were there for what is no longer: of names that occur nowhere else, and of annotations' future."""
    for node, kept in _imports(tree):
        names = ", ".join(f"{one.name} as {one.asname}" if one.asname else one.name for one in kept)
        if kept != node.names:
            yield text.begin(node), text.end(node), f"from {node.module} import {names}" if names else ""


def _imports(tree: ast.Module) -> Iterator[tuple[ast.ImportFrom, list[ast.alias]]]:
    """Yield what a module imports for annotations, and which of these names are needed still."""
    nodes = list(ast.walk(tree))
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    for node in nodes:  # names of types in quotes, and those in `__all__`
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            used.update(re.findall(r"\w+", node.value))
    if any(isinstance(node, ast.AnnAssign) or _is_annotated(node) for node in nodes):
        used.add("annotations")
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module in {"__future__", "typing"}:
            yield statement, [one for one in statement.names if (one.asname or one.name) in used]


def _fields(tree: ast.Module) -> set[int]:
    """Return the identities of the annotated assignments that stand in bodies of classes, where they make fields."""
    fields = set()
    left: list[ast.AST] = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    while left:
        for node in ast.iter_child_nodes(left.pop()):
            if isinstance(node, ast.AnnAssign):
                fields.add(id(node))
            elif not isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                left.append(node)
    return fields


def _is_annotated(node: ast.AST) -> bool:
    if isinstance(node, ast.arg):
        return node.annotation is not None
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns is not None


def _is_in_one_line(node: ast.AnnAssign) -> bool:
    return node.annotation.end_lineno == node.target.end_lineno


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
    _PlainAssignments(_fields(tree)).visit(tree)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            node.body = [one for one in node.body if not _is_text(one) and not isinstance(one, ast.Pass)]
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        elif isinstance(node, ast.If) and _is_for_type_checkers(node):
            node.body = []
    tree.body = [
        one
        for one in tree.body
        if not (isinstance(one, ast.If) and _is_for_type_checkers(one) and not one.orelse)
    ]
    for statement, kept in _imports(tree):
        statement.names = kept
    tree.body = [one for one in tree.body if not (isinstance(one, ast.ImportFrom) and not one.names)]
    lines = [node.lineno for node in ast.walk(tree) if isinstance(node, (ast.stmt, ast.expr))]
    return f"{ast.dump(tree)}{lines}"


class _PlainAssignments(ast.NodeTransformer):
    """Makes `x: T = y` an `x = y` everywhere but in the bodies of classes."""

    def __init__(self, fields: set[int]) -> None:
        self._fields = fields

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        self.generic_visit(node)
        if node.value is None or id(node) in self._fields:
            return node
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)
