"""The picture of a ladder: where each step, line and word of it stands."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.shown import shown as escaped
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudmap_discovery.server.page_ladder import Ladder, Outcome, Rung, Step

WIDTH: Final = 424
_RAIL: Final = 34
_TEXT: Final = 64
_RETURN: Final = 412
"""How far to the right the way from the step that decides to the answer runs."""
_PANEL_LEFT: Final = 8
_PANEL_RIGHT: Final = 388
_SIGNS: Final[Mapping[Outcome, str]] = {
    "found": "check",
    "unfit": "unequal",
    "unused": "check",
    "absent": "dash",
    "failed": "cross",
}
_COLUMNS: Final = 43
"""How many characters stand in a line: so many of any usual font fit."""
_ADDRESS_COLUMNS: Final = 43
_SHARE_COLUMNS: Final = 6
_MOST_LINES: Final = 4
_FEW_LINES: Final = 2
_FIRST_LINE: Final = 18
_LINE: Final = 19
_GAP: Final = 24
_STAGE: Final = 40
_STAGE_COLUMNS: Final = 16
_RADIUS: Final = 12


@value
class Text:
    """One line of text; `kind` is the class that says how it looks."""

    x: int
    y: int
    kind: str
    text: str


@value
class Stop:
    """A step on the rail: its sign at `y`, and its lines."""

    y: int
    kind: str
    sign: str
    is_needed: bool
    lines: tuple[Text, ...]


@value
class Line:
    """A part of the rail; `is_taken`: the lookup comes along here."""

    top: int
    bottom: int
    is_taken: bool


@value
class Panel:
    """A box from `y` on: around a stage, or the answer. `head` is what stands in its first line."""

    y: int
    height: int
    kind: str
    head: tuple[Text, ...]


@value
class Picture:
    """All of it, in the order in which it is drawn; `way` is the path from the step that decides to the answer."""

    width: int
    height: int
    panels: tuple[Panel, ...]
    rail: tuple[Line, ...]
    stops: tuple[Stop, ...]
    way: str
    way_kind: str


def picture(shown: Ladder) -> Picture:
    """Return the picture of what a lookup does, from the top to the answer at the bottom."""
    drawing = _Drawing()
    for rung in shown.rungs:
        drawing.rung(rung)
    return drawing.finished(shown)


class _Drawing:
    """A picture that grows downwards."""

    def __init__(self) -> None:
        self._y = 8
        self._panels: list[Panel] = []
        self._stops: list[Stop] = []
        self._rail: list[Line] = []
        self._deciding = 0

    def rung(self, rung: Rung) -> None:
        """Add a stage: in a box of its own if the ladder has several."""
        top = self._y
        if rung.role:
            self._y += _STAGE
        for step in rung.steps:
            self._step(step)
        if rung.role:
            head = (
                Text(_TEXT, top + 27, "stage", _fit(rung.stage, _STAGE_COLUMNS)),
                Text(_PANEL_RIGHT - 16, top + 27, "role", rung.role),
            )
            kind = "deciding" if rung.decides else "other"
            self._panels.append(Panel(top, self._y - top - 8, kind, head))
            self._y += 12

    def _step(self, step: Step) -> None:
        y = self._y + _FIRST_LINE
        if self._stops:
            above = self._stops[-1]
            self._rail.append(Line(above.y + _RADIUS, y - _RADIUS, is_taken=step.is_needed))
        lines = [Text(_TEXT, y + 5, "name", step.name)]
        if step.role:
            lines.append(Text(_PANEL_RIGHT - 16, y + 5, "answers" if step.answers else "role", step.role))
        facts = " · ".join((step.says, *step.facts))
        below = [("facts", line) for line in _lines(facts, _COLUMNS)]
        below += [("error", line) for line in _lines(step.error or "", _COLUMNS)]
        for number, (kind, line) in enumerate(below, start=1):
            lines.append(Text(_TEXT, y + 5 + number * _LINE, kind, line))
        kind = step.outcome if step.is_needed else "idle"
        self._stops.append(Stop(y, kind, _SIGNS[step.outcome], step.is_needed, tuple(lines)))
        if step.is_needed:
            self._deciding = y  # the last one that the lookup gets to
        self._y = y + 5 + len(below) * _LINE + _GAP

    def finished(self, shown: Ladder) -> Picture:
        """Add the answer, and the way to it."""
        top = self._y + 4
        says = ", ".join(("Answer", *(f"marked {mark}" for mark in shown.marks)))
        head = [Text(_TEXT - 32, top + 30, "verdict", says if shown.found else "No answer, discover fails")]
        y = top + 30
        for candidate in shown.candidates:
            y += 24
            if candidate.share:
                head.append(Text(_TEXT - 32, y, "share", candidate.share))
            x = _TEXT + 16 if candidate.share else _TEXT - 32
            columns = _ADDRESS_COLUMNS - (_SHARE_COLUMNS if candidate.share else 0)
            address = escaped(candidate.endpoint)
            head.append(Text(x, y, "address", address[:columns]))
            if len(address) > columns:
                y += _LINE
                head.append(Text(x, y, "address", _fit(address[columns:], columns)))
        if shown.more:
            y += 24
            head.append(Text(_TEXT - 32, y, "facts", f"and {shown.more} more"))
        for line in _lines(shown.error or "", _COLUMNS + 4, _FEW_LINES):
            y += _LINE + 2
            head.append(Text(_TEXT - 32, y, "error", line))
        height = y - top + 20
        self._panels.append(Panel(top, height, "good" if shown.found else "bad", tuple(head)))
        return Picture(
            width=WIDTH,
            height=top + height + 8,
            panels=tuple(self._panels),
            rail=tuple(self._rail),
            stops=tuple(self._stops),
            way=self._way(top + height // 2),
            way_kind="good" if shown.found else "bad",
        )

    def _way(self, bottom: int) -> str:
        """Return the path from the step that decides along the right-hand side to the answer."""
        return (
            f"M{_PANEL_RIGHT - 8} {self._deciding} H{_RETURN - 10} q10 0 10 10 "
            f"V{bottom - 10} q0 10 -10 10 H{_PANEL_RIGHT + 4}"
        )


def _lines(text: str, columns: int, most: int = _MOST_LINES) -> Sequence[str]:
    """Return the text in lines that fit, the last one cut off where there are too many; all of it stands in the list."""
    broken = wrap(escaped(text), columns, break_on_hyphens=False)
    if len(broken) <= most:
        return broken
    return [*broken[: most - 1], _fit(f"{broken[most - 1]} {broken[most]}", columns)]


def _fit(text: str, columns: int) -> str:
    printable = escaped(text)
    if len(printable) <= columns:
        return printable
    return f"{printable[: columns - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}"
