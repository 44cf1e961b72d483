"""What a screen does with text: it escapes, wraps, aligns and keeps quiet where nobody looks."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.cli.screen import Column, Screen
from cloudmap_discovery.shown import counted, duration, shown
from tests.cli.cli_bed import Terminal


@given(st.text())
def test_whatever_is_shown_can_be_printed(text: str) -> None:
    assert shown(text).isprintable()


@given(st.text(alphabet=st.characters(exclude_categories=("C", "Z"))))
def test_what_can_be_printed_is_shown_as_it_is(text: str) -> None:
    assert shown(text) == text


def test_numbers_get_their_noun() -> None:
    assert [counted(number, "record") for number in (0, 1, 2)] == ["0 records", "1 record", "2 records"]
    assert counted(2, "match", "matches") == "2 matches"


def test_durations_have_three_digits_at_most() -> None:
    told = [duration(seconds) for seconds in (0, 0.0412, 0.9994, 0.9996, 1.2345, 70, 999.6, 4000)]

    assert told == ["0 ms", "41 ms", "999 ms", "1 s", "1.23 s", "70 s", "1000 s", "4000 s"]


def test_paragraphs_are_wrapped_behind_what_stands_before_their_lines() -> None:
    out = io.StringIO()
    screen = Screen({"COLUMNS": "24"}, out=out, err=io.StringIO())

    screen.line("one two three four five six", first="- ", rest="> ")

    assert out.getvalue() == "- one two three four\n> five six\n"


def test_a_word_wider_than_the_terminal_is_broken() -> None:
    out = io.StringIO()
    screen = Screen({"COLUMNS": "24"}, out=out, err=io.StringIO())

    screen.line("a" * 30, first="  ")

    assert out.getvalue() == f"  {'a' * 22}\n  {'a' * 8}\n"


def test_wide_characters_count_twice() -> None:
    screen = Screen({}, out=io.StringIO(), err=io.StringIO())

    assert screen.width("日本") == 4


def test_items_are_never_broken_between_their_words() -> None:
    out = io.StringIO()
    screen = Screen({"COLUMNS": "24"}, out=out, err=io.StringIO())

    screen.items(["version 1.4.2", "weight 10", "owner somebody else"], first="  ")

    assert out.getvalue() == "  version 1.4.2\n  weight 10\n  owner somebody else\n"


def test_no_items_make_no_line() -> None:
    out = io.StringIO()

    Screen({}, out=out, err=io.StringIO()).items([])

    assert out.getvalue() == ""


def test_errors_are_one_line_in_a_file_and_wrapped_on_a_terminal() -> None:
    text = "word " * 30
    file, terminal = io.StringIO(), Terminal()

    Screen({}, out=io.StringIO(), err=file).error(text)
    Screen({"COLUMNS": "40", "NO_COLOR": "1"}, out=io.StringIO(), err=terminal).error(text)

    assert file.getvalue().count("\n") == 1
    assert terminal.getvalue().count("\n") > 3
    assert terminal.getvalue().count("word") == text.count("word")


def test_a_table_s_cells_are_not_markup() -> None:
    out = io.StringIO()

    Screen({}, out=out, err=io.StringIO()).table([Column("[b]A[/b]")], [[["[red]x[/red]"]]])

    assert "[b]A[/b]" in out.getvalue()
    assert "[red]x[/red]" in out.getvalue()


def test_progress_is_shown_on_a_terminal_alone() -> None:
    terminal, dumb, file = Terminal(), Terminal(), io.StringIO()

    for err, environment in (
        (terminal, {"TERM": "xterm"}),
        (dumb, {"TERM": "dumb"}),
        (file, {"FORCE_COLOR": "1"}),
    ):
        with Screen(environment, out=io.StringIO(), err=err).working("Asking [b]") as now_doing:
            now_doing("Waiting \x1b[2J")

    assert "Asking [b]" in terminal.getvalue()
    assert r"Waiting \x1b[2J" in terminal.getvalue()
    assert (dumb.getvalue(), file.getvalue()) == ("", "")


def test_a_warning_during_progress_stands_above_it() -> None:
    terminal = Terminal()
    screen = Screen({"TERM": "xterm"}, out=io.StringIO(), err=terminal)

    with screen.working("Asking"):
        screen.warning("look here")

    assert "look here" in terminal.getvalue()
    assert terminal.getvalue().rindex("Asking") > terminal.getvalue().index("look here")
