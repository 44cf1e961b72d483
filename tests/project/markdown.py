"""Reads the project's Markdown documents: their fenced blocks, headings, links and tables.

A block is checked by its language. A comment on the line above the fence says what is special about it:

    <!-- check: file orders.py -->      the block is the file that later blocks of the document import
    <!-- check: pytest -->              the block is a test module
    <!-- check: output -->              the block is what the Python block before it prints
    <!-- check: compile, because … -->  the block needs what is not installed here
    <!-- check: part of layer/a.yaml --> the block is a part of that file, which has tests of its own
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
README: Final = ROOT / "README.md"
PART: Final = "part of "

_FENCE: Final = re.compile(r"(?P<fence>`{3,})(?P<language>[a-z]*)")
_CHECK: Final = re.compile(r"<!-- check: (?P<check>.+) -->")
_HEADING: Final = re.compile(r"#{1,6} +(?P<title>.+)")
_LINK: Final = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `line` is where its text begins."""

    path: Path
    line: int
    language: str
    check: str
    text: str

    @property
    def id(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


@cache
def documents() -> tuple[Path, ...]:
    return (README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/*.md")))


@cache
def blocks(path: Path) -> tuple[Block, ...]:
    found: list[Block] = []
    lines = path.read_text().splitlines()
    number = 0
    while number < len(lines):
        opening = _FENCE.fullmatch(lines[number])
        if opening is None:
            number += 1
            continue
        above = _CHECK.fullmatch(lines[number - 1]) if number else None
        end = next(
            (at for at in range(number + 1, len(lines)) if lines[at] == opening["fence"]),
            None,
        )
        if end is None:
            raise ValueError(f"{path}:{number + 1}: this block is never closed")
        text = "\n".join(lines[number + 1 : end]) + "\n"
        found.append(Block(path, number + 2, opening["language"], above["check"] if above else "", text))
        number = end + 1
    return tuple(found)


def blocks_of(*languages: str) -> list[Block]:
    return [block for path in documents() for block in blocks(path) if block.language in languages]


def parts() -> list[Block]:
    """Return the blocks that are parts of files."""
    return [block for path in documents() for block in blocks(path) if block.check.startswith(PART)]


def block_after(heading: str, path: Path, language: str) -> Block:
    """Return the first block of the language below a heading."""
    lines = path.read_text().splitlines()
    at = next(
        number for number, line in enumerate(lines, 1) if re.fullmatch(rf"#+ {re.escape(heading)}", line)
    )
    return next(block for block in blocks(path) if block.line > at and block.language == language)


def prose(path: Path) -> str:
    """Return the document without its blocks."""
    lines = path.read_text().splitlines()
    inside = {
        number
        for block in blocks(path)
        for number in range(block.line - 1, block.line + block.text.count("\n") + 1)
    }
    return "\n".join(line for number, line in enumerate(lines, 1) if number not in inside)


def anchors(path: Path) -> set[str]:
    """Return the fragments that GitHub gives the document's headings."""
    titles = (match["title"] for line in prose(path).splitlines() if (match := _HEADING.fullmatch(line)))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links(path: Path) -> list[str]:
    return [match["target"] for match in _LINK.finditer(prose(path))]


def table(path: Path, *head: str) -> list[tuple[str, ...]]:
    """Return the body of the document's first table whose columns begin with these, cell by cell."""
    body: list[tuple[str, ...]] = []
    is_inside = False
    for line in prose(path).splitlines():
        if not line.startswith("|"):
            if is_inside:
                break
            continue
        row = tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
        if is_inside:
            body.append(row)
        is_inside = is_inside or row[: len(head)] == head
    return body[1:]
