"""Reads pages as a browser without style does: their words, tables and links."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Final

_SILENT: Final = frozenset({"style", "script", "title", "datalist"})
_BLOCKS: Final = frozenset({"dd", "div", "dt", "h1", "h2", "h3", "h4", "li", "p", "td", "th"})
_VOID: Final = frozenset({"meta", "link", "input", "img"})


class Page(HTMLParser):
    """A page: `text` is all its words, `tables` has the words of each cell, `links` what `href`s say.

    `tags` has every opening tag with its attributes.
    """

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.tables: list[list[list[str]]] = []
        self._open: list[str] = []
        self._words: list[str] = []
        self._cell: list[str] | None = None
        self.feed(source)

    @property
    def text(self) -> str:
        return _joined(self._words)

    @property
    def links(self) -> list[str]:
        return [attributes["href"] for tag, attributes in self.tags if tag == "a"]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self._cell = []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag in _BLOCKS:
            self.handle_data(" ")
        if tag in {"td", "th"} and self._cell is not None:
            self.tables[-1][-1].append(_joined(self._cell))
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in _SILENT:
            self._words.append(data)
            if self._cell is not None:
                self._cell.append(data)


def _joined(words: list[str]) -> str:
    return " ".join("".join(words).split())
