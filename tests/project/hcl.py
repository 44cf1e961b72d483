"""Reads as much of Terraform's language as documents and examples use: blocks, attributes, lists, objects, references, calls."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

_TOKEN: Final = re.compile(
    r'(?:\s|#[^\n]*\n)*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z0-9_][A-Za-z0-9_.-]*)|(?P<sign>[{}\[\]()=,]))'
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that Terraform resolves, such as `aws_iam_role.orders.arn`."""

    name: str


@dataclass(slots=True)
class Body:
    """What stands between the braces of a block, or in a file."""

    attributes: dict[str, Any] = field(default_factory=dict)
    blocks: dict[tuple[str, ...], Body] = field(default_factory=dict)


class _Reader:
    def __init__(self, source: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while source[at:].strip():
            match = _TOKEN.match(source, at)
            if match is None:
                raise ValueError(f"cannot read {source[at : at + 40]!r}")
            self._tokens.append((match.lastgroup or "", match[match.lastgroup or 0]))
            at = match.end()
        self._tokens.append(("end", ""))
        self._at = 0

    def body(self, end: str) -> Body:
        body = Body()
        while not self._takes(end):
            names = [self._name()]
            while self._sees("text") or self._sees("word"):
                names.append(self._name())
            if self._takes("="):
                (name,) = names
                body.attributes[name] = self._value()
            else:
                self._expect("{")
                body.blocks[tuple(names)] = self.body("}")
        return body

    def _value(self) -> Any:
        if self._sees("text"):
            return self._name()
        if self._takes("["):
            return list(self._items("]"))
        if self._takes("{"):
            return dict(self._pairs())
        word = self._name()
        if self._takes("("):
            (argument,) = self._items(")")
            return argument if word == "jsonencode" else {word: argument}
        return Reference(word)

    def _items(self, end: str) -> list[Any]:
        items = []
        while not self._takes(end):
            items.append(self._value())
            self._takes(",")
        return items

    def _pairs(self) -> list[tuple[str, Any]]:
        pairs = []
        while not self._takes("}"):
            key = self._name()
            self._expect("=")
            pairs.append((key, self._value()))
            self._takes(",")
        return pairs

    def _name(self) -> str:
        kind, token = self._tokens[self._at]
        if kind not in {"text", "word"}:
            raise ValueError(f"expected a name or text, not {token!r}")
        self._at += 1
        return token.strip('"')

    def _expect(self, sign: str) -> None:
        if not self._takes(sign):
            raise ValueError(f"expected {sign!r}, not {self._tokens[self._at][1]!r}")

    def _takes(self, sign: str) -> bool:
        if self._tokens[self._at][1] != sign or self._sees("text"):
            return False
        self._at += 1
        return True

    def _sees(self, kind: str) -> bool:
        return self._tokens[self._at][0] == kind


def read_hcl(source: str) -> Body:
    """Return the content of a file, or raise a `ValueError`."""
    return _Reader(source).body("")
