"""Sources in the slim layer do what they did, in the lines in which they did it."""

from __future__ import annotations

import ast
import tokenize
from io import StringIO
from pathlib import Path
from textwrap import dedent

import pytest

import cloudmap_discovery
from layer import blanking
from layer.blanking import blank_folder, blanked
from layer.errors import BlankingError

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
        "from typing import TYPE_CHECKING, Final",
        "",
        "if TYPE_CHECKING:",
        "    pass",
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


def test_annotations_over_several_lines_stay_where_taking_them_away_would_break_the_line() -> None:
    source = "x: dict[\n    str, int\n] = {}\ndef f() -> dict[\n    str, int\n]:\n    return x"

    assert stripped(source) == source


def test_letters_beyond_ascii_move_nothing() -> None:
    assert (
        stripped('def f(ä: "ö", b: int = 1): # ü\n    return "ß", b') == 'def f(ä, b = 1):\n    return "ß", b'
    )


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_each_source_of_ours_is_left_without_comments_and_compiles(path: Path) -> None:
    source = path.read_text()

    result = blanked(source)

    compile(result, path.name, "exec", dont_inherit=True)
    assert len(result.split("\n")) == len(source.split("\n"))
    kinds = {token.type for token in tokenize.generate_tokens(StringIO(result).readline)}
    assert tokenize.COMMENT not in kinds
    texts = [node for node in ast.walk(ast.parse(result)) if isinstance(node, (ast.Module, ast.FunctionDef))]
    assert not [node for node in texts if ast.get_docstring(node)]


def test_what_would_do_something_else_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blanking, "_comments", lambda _: [((1, 4), (1, 5), "2")])

    with pytest.raises(BlankingError, match=r"source\.py: blanking it would change what it does"):
        blanked("x = 1", "source.py")


def test_a_folder_is_blanked_whole(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    for name in ("a.py", "inner/b.py"):
        (tmp_path / name).write_text("x = 1  # one\n")
    (tmp_path / "c.txt").write_text("# stays\n")

    blank_folder(tmp_path)

    assert (tmp_path / "a.py").read_text() == (tmp_path / "inner/b.py").read_text() == "x = 1\n"
    assert (tmp_path / "c.txt").read_text() == "# stays\n"
