"""How the demo speaks: headings, commands, and a line for each invocation."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDEST: Final = 100
_INDENT: Final = "   "
_INSIDE: Final = _INDENT + "  "
_PROMPT: Final = f"{_INDENT}[green]$[/] "
_CONTINUED: Final = _INSIDE + "    "
_BREAK: Final = " \\"


@dataclass(frozen=True, slots=True)
class Asked:
    """One invocation: what was asked, what the function answered, and what it cost."""

    service: str
    stage: str
    answer: Mapping[str, Any]
    calls: Mapping[str, int]
    log: str


class Story:
    """Writes the demo to a terminal or a file."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._width = min(self._console.width, WIDEST)
        self._chapter = 0
        self._first_of_chapter = True

    @property
    def width_of_output(self) -> int:
        """How many columns the output of a command has."""
        return self._width - len(_INSIDE)

    def chapter(self, title: str, explanation: str) -> None:
        """Begin a chapter."""
        self._chapter += 1
        self._first_of_chapter = True
        self._write(f"\n[bold cyan]{self._chapter}. {escape(title)}[/]")
        self.aside(explanation)
        self._write()

    def gap(self) -> None:
        """Leave a line empty."""
        self._write()

    def aside(self, text: str) -> None:
        """Explain."""
        self._prose(text, style="dim")

    def line(self, text: str) -> None:
        """Write one line of the chapter as it is."""
        self._write(_INDENT + escape(text))

    def total(self, text: str) -> None:
        """Sum up what came before."""
        self._write()
        self._prose(text, style="bold")

    def command(self, words: Sequence[str], output: Sequence[str] = ()) -> None:
        """Show a command as it was typed, and these lines of what it printed."""
        for number, line in enumerate(command_lines(words, self._width)):
            self._write(f"{_CONTINUED if number else _PROMPT}[bold]{escape(line)}[/]")
        for line in output:
            self._write(f"{_INSIDE}{escape(line)}")

    def asked(self, asked: Asked) -> None:
        """Show an invocation."""
        if not self._first_of_chapter:
            self._write()
        self._first_of_chapter = False
        call = f'await discover("{asked.service}", stage="{asked.stage}")'
        self._write(f"{_INDENT}[bold]{escape(call)}[/]")
        answer = asked.answer
        if "error" in answer:
            self._write(f"{_INSIDE}[red]{escape(answer['error'])}[/]")
            self._prose(str(answer["message"]), indent=_INSIDE)
        else:
            age = f"{answer['age_seconds']:.1f} s old"
            mark = f"[yellow]stale, {age}[/]" if answer["stale"] else f"fresh, {age}"
            self._write(f"{_INSIDE}[green]{escape(answer['endpoint'])}[/]")
            self._write(f"{_INSIDE}said by {answer['source']}, {mark}")
        made = ", ".join(f"{count} {name}" for name, count in sorted(asked.calls.items())) or "none"
        for line in asked.log.splitlines():
            message = line.rpartition("\t")[2].strip()
            if message:
                self._prose(f"logged: {message}", indent=_INSIDE, hanging="        ", style="dim")
        self._write(f"{_INSIDE}took {answer['took_ms']:.2f} ms; calls to AWS: {escape(made)}")

    def _prose(self, text: str, *, indent: str = _INDENT, hanging: str = "", style: str = "default") -> None:
        lines = textwrap.wrap(
            text,
            self._width - len(indent),
            subsequent_indent=hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in lines:
            self._write(f"{indent}[{style}]{escape(line)}[/]")

    def _write(self, text: str = "") -> None:
        # Lines are broken here, not by rich, which would break an address in its middle.
        self._console.print(text, soft_wrap=True)


def command_lines(words: Sequence[str], width: int) -> list[str]:
    """Break a command as a shell takes it: before a word, and never between an option and its value."""
    parts: list[str] = []
    for word in words:
        if parts and parts[-1].startswith("--") and " " not in parts[-1] and not word.startswith("--"):
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    lines = [parts[0]]
    for part in parts[1:]:
        indent = len(_INSIDE if len(lines) == 1 else _CONTINUED)
        if indent + len(f"{lines[-1]} {part}{_BREAK}") > width:
            lines[-1] += _BREAK
            lines.append(part)
        else:
            lines[-1] += f" {part}"
    return lines
