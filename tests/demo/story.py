"""How the demo speaks: headings, commands, and a line for each invocation."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

_INDENT = "   "


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

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._chapter = 0
        self._first_of_chapter = True

    def chapter(self, title: str, explanation: str) -> None:
        """Begin a chapter."""
        self._chapter += 1
        self._first_of_chapter = True
        self._console.print(f"\n[bold cyan]{self._chapter}. {escape(title)}[/]")
        for line in textwrap.wrap(explanation, 96):
            self._console.print(f"{_INDENT}[dim]{escape(line)}[/]")
        self._console.print()

    def line(self, text: str) -> None:
        """Write a line of the chapter, in rich's markup."""
        self._console.print(_INDENT + text)

    def command(self, words: list[str], output: str) -> None:
        """Show a command as it was typed, and what it printed."""
        self._console.print(f"{_INDENT}[green]$[/] [bold]{escape(' '.join(words))}[/]")
        for line in output.splitlines():
            self._console.print(f"{_INDENT}  {escape(line)}")

    def asked(self, asked: Asked) -> None:
        """Show an invocation."""
        if not self._first_of_chapter:
            self._console.print()
        self._first_of_chapter = False
        call = f'await discover("{asked.service}", stage="{asked.stage}")'
        self._console.print(f"{_INDENT}[bold]{escape(call)}[/]")
        answer = asked.answer
        if "error" in answer:
            self._console.print(f"{_INDENT}  [red]{answer['error']}[/]")
            for line in textwrap.wrap(str(answer["message"]), 92):
                self._console.print(f"{_INDENT}  {escape(line)}")
        else:
            age = f"{answer['age_seconds']:.1f} s old"
            mark = f"[yellow]stale, {age}[/]" if answer["stale"] else f"fresh, {age}"
            self._console.print(f"{_INDENT}  [green]{escape(answer['endpoint'])}[/]")
            self._console.print(f"{_INDENT}  said by {answer['source']}, {mark}")
        made = ", ".join(f"{count} {name}" for name, count in sorted(asked.calls.items())) or "none"
        for line in asked.log.splitlines():
            message = line.rpartition("\t")[2].strip()
            if message:
                self._console.print(f"{_INDENT}  [dim]logged: {escape(textwrap.shorten(message, 92))}[/]")
        self._console.print(f"{_INDENT}  took {answer['took_ms']:.2f} ms; calls to AWS: {escape(made)}")
