"""Sources in the slim layer do what they did, in the lines in which they did it."""

from __future__ import annotations
import __future__

import ast
import builtins
import dis
import tokenize
from io import StringIO
from pathlib import Path
from textwrap import dedent
from types import CodeType
from typing import TYPE_CHECKING, TypeGuard

import pytest

import cloudmap_discovery
from layer import blanking
from layer.blanking import blank_description, blank_folder, blanked
from layer.errors import BlankingError

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(cloudmap_discovery.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))


def stripped(source: str) -> str:
    return blanked(dedent(source)).rstrip("\n")


def test_what_only_people_and_tools_read_goes_and_every_line_stays_where_it_was() -> None:
    source = '''\
        """What it is."""

        from typing import TYPE_CHECKING, Final

        if TYPE_CHECKING:
            from x import Y
            from z import W

        LIMIT: Final = 5  # of them


        def work(first: "Y", *rest: str, last: dict[str, int] = {"#": 1}, **more: "W") -> list[str]:
            """Say what it does.

            At length.
            """
            text: str = "# no comment"
            return f"{text}#{first}"  # the last
    '''

    assert stripped(source).split("\n") == [
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "LIMIT = 5",
        "",
        "",
        'def work(first, *rest, last = {"#": 1}, **more) :',
        "",
        "",
        "",
        "",
        '    text = "# no comment"',
        '    return f"{text}#{first}"',
    ]


def test_fields_of_classes_and_texts_that_are_values_stay() -> None:
    source = '''\
        class Thing:
            size: int
            name: str = "x"
            """Described."""

        """not a docstring, but where one could be"""
        text = """a
        # b"""
    '''

    assert stripped(source) == dedent(source).rstrip("\n")


def test_a_body_of_a_docstring_alone_is_still_a_body() -> None:
    assert stripped('class A(Exception):\n    """It."""\n') == "class A(Exception):\n    pass"


def test_imports_that_only_annotations_needed_go_and_those_of_fields_and_values_stay() -> None:
    source = """\
        from __future__ import annotations
        from typing import (
            Any,
            Final as Constant,
            Literal as Choice,
            TypeVar,
        )
        from json import loads
        T = TypeVar("T")
        SIZE: Constant = 1
        class Thing:
            chosen: "Choice[1]"
            def f(self, x: Any) -> T: return x
    """

    assert stripped(source).split("\n") == [
        "from __future__ import annotations",
        "from typing import Literal as Choice, TypeVar",
        *[""] * 5,
        "from json import loads",
        'T = TypeVar("T")',
        "SIZE = 1",
        "class Thing:",
        '    chosen: "Choice[1]"',
        "    def f(self, x) : return x",
    ]


def test_what_is_there_instead_of_imports_for_type_checkers_stays() -> None:
    source = """\
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from x import Y
        else:
            Y = object
    """

    assert stripped(source).split("\n") == [
        "from typing import TYPE_CHECKING",
        "if TYPE_CHECKING:",
        "    pass",
        "else:",
        "    Y = object",
    ]


def test_fields_below_a_condition_are_fields() -> None:
    source = "class Thing:\n    if True:\n        size: int = 1\n    def f(self):\n        x: int = 1"

    assert stripped(source) == source.replace("x: int", "x")


def test_annotations_over_several_lines_stay_where_taking_them_away_would_break_the_line() -> None:
    source = "x: dict[\n    str, int\n] = {}\ndef f() -> dict[\n    str, int\n]:\n    return x"

    assert stripped(source) == source


def test_letters_beyond_ascii_move_nothing() -> None:
    assert (
        stripped('def f(ä: "ö", b: int = 1): # ü\n    return "ß", b') == 'def f(ä, b = 1):\n    return "ß", b'
    )


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_source_of_ours_does_the_same_in_the_same_lines_without_comments(path: Path) -> None:
    source = path.read_text()

    result = blanked(source)

    whole, before = ast.parse(result), without_what_goes(source)
    kinds = {token.type for token in tokenize.generate_tokens(StringIO(result).readline)}
    assert tokenize.COMMENT not in kinds
    assert not [node for node in ast.walk(whole) if is_described(node)]
    assert len(result.split("\n")) == len(source.split("\n"))
    after = without_what_goes(result)
    assert ast.dump(after) == ast.dump(before)
    assert content(compiled(after)) == content(compiled(before))
    assert unresolved(compiled(result)) <= unresolved(compiled(source)), "an import is missing"


def is_described(node: ast.AST) -> bool:
    return isinstance(node, (ast.Module, ast.FunctionDef)) and ast.get_docstring(node) is not None


def without_what_goes(source: str) -> ast.Module:
    """Return the tree of a source without any of what blanking takes, whether that was there or not."""
    tree = _Assignments().visit(ast.parse(source))
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and (
            ast.get_docstring(node) is not None
        ):
            node.body[:1] = [] if node.body[1:] else [ast.copy_location(ast.Pass(), node.body[0])]
        if is_for_type_checkers(node):
            node.body = [ast.copy_location(ast.Pass(), node.body[0])]
    tree.body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.ImportFrom) and node.module in {"typing", "__future__"})
        and not (is_for_type_checkers(node) and not node.orelse)
    ]
    found: ast.Module = tree
    return found


def is_for_type_checkers(node: ast.AST) -> TypeGuard[ast.If]:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


class _Assignments(ast.NodeTransformer):
    """Takes annotations off what is assigned in modules and functions."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        for child in node.body:
            if not isinstance(child, ast.AnnAssign):
                self.visit(child)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        if node.value is None:
            return node
        return ast.copy_location(ast.Assign([node.target], node.value), node)


def compiled(source: str | ast.Module) -> CodeType:
    flags = __future__.annotations.compiler_flag
    code: CodeType = compile(source, "source", "exec", flags=flags, dont_inherit=True)
    return code


def content(code: CodeType) -> tuple[object, ...]:
    """Return what a code object does, and in which lines."""
    constants = [content(one) if isinstance(one, CodeType) else one for one in code.co_consts]
    lines = list(code.co_lines())
    return code.co_name, code.co_code, code.co_names, code.co_varnames, code.co_firstlineno, lines, constants


def unresolved(code: CodeType) -> set[str]:
    """Return the names that are read somewhere, and are neither set anywhere nor built in."""
    instructions = [one for inner in code_objects(code) for one in dis.get_instructions(inner)]
    read = {one.argval for one in instructions if one.opname in {"LOAD_GLOBAL", "LOAD_NAME"}}
    written = {one.argval for one in instructions if one.opname in {"STORE_GLOBAL", "STORE_NAME"}}
    return read - written - set(dir(builtins))


def code_objects(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from code_objects(constant)


def test_what_would_do_something_else_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blanking, "_comments", lambda _: [((1, 4), (1, 5), "2")])

    with pytest.raises(BlankingError, match=r"source\.py: blanking it would change what it does"):
        blanked("x = 1", "source.py")


def test_what_would_not_compile_is_an_error() -> None:
    with pytest.raises(BlankingError, match=r"source\.py: blanking it would break it"):
        blanked('"""Text."""; x = 1', "source.py")


def test_metadata_keep_their_fields_and_lose_the_text_for_people(tmp_path: Path) -> None:
    metadata = tmp_path / "METADATA"
    metadata.write_text("Name: it\nVersion: 1\n\n# It\n\nDoes this.\n")

    blank_description(metadata)

    assert metadata.read_text() == "Name: it\nVersion: 1\n"


def test_a_folder_is_blanked_whole(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    for name in ("a.py", "inner/b.py"):
        (tmp_path / name).write_text("x = 1  # one\n")
    (tmp_path / "c.txt").write_text("# stays\n")

    blank_folder(tmp_path)

    assert (tmp_path / "a.py").read_text() == (tmp_path / "inner/b.py").read_text() == "x = 1\n"
    assert (tmp_path / "c.txt").read_text() == "# stays\n"
