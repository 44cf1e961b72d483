"""Prints an explanation: what is held, what each store says, what `discover` makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.cli.record_view import details
from cloudmap_discovery.cli.screen import ADDRESS, BAD, GOOD, ODD, QUIET, STRONG
from cloudmap_discovery.cli.shown import counted, duration, in_stage
from cloudmap_discovery.selection import draw_weights

if TYPE_CHECKING:
    from cloudmap_discovery.cli.screen import Screen, Span
    from cloudmap_discovery.model import Explanation, Instance, StoreReport

_INDENT: Final = "  "
_MOST_RECORDS: Final = 20
_HELD: Final = {
    "nothing": "nothing: every run of this command starts anew, while a function holds its answers",
    "missing": "an answer that is too old to be used",
    "absent": "that it does not exist",
    "failing": "that asking failed",
}
_OUTCOMES: Final = {"absent": "does not have it", "failed": "failed"}


@dataclass(frozen=True, slots=True)
class _Entry:
    """A record as it is shown under its store: a mark, its address or place, and what is said of it."""

    mark: Span
    title: Span
    lines: tuple[Span, ...]


def show_explanation(screen: Screen, explained: Explanation) -> None:
    """Print it all, the answer last, where the eye ends up."""
    wanted = ", ".join(f"{key}={value}" for key, value in explained.where.items())
    screen.line(
        (explained.service, STRONG),
        f" {in_stage(explained.stage)}",
        f", where {wanted}" if wanted else "",
        (f", namespace {explained.namespace}", QUIET),
    )
    screen.blank()
    screen.line(("Held in memory", STRONG))
    screen.line((_held(explained), QUIET if explained.held.state == "nothing" else ""), first=_INDENT)
    screen.blank()
    screen.line(("Stores", STRONG), (", asked just now, all at once", QUIET))
    for report in explained.stores:
        _show_store(screen, report, explained)
    screen.blank()
    _show_result(screen, explained)


def _held(explained: Explanation) -> str:
    held = explained.held
    text = _HELD.get(held.state, f"a {held.state} answer")
    if held.source is not None:
        text += f": {counted(len(held.instances), 'record')} from {held.source}"
    if held.age_seconds is not None:
        text += f", {duration(held.age_seconds)} old"
    if held.detail is not None:
        text += f"; {held.detail}"
    if held.back_off_seconds is not None:
        text += f"; the next attempt is in {duration(held.back_off_seconds)}"
    return text


def _show_store(screen: Screen, report: StoreReport, explained: Explanation) -> None:
    marks: dict[str, tuple[str, str]] = {
        "found": (screen.symbols.yes, GOOD),
        "absent": (screen.symbols.none, ODD),
        "failed": (screen.symbols.no, BAD),
    }
    mark, style = marks[report.outcome]
    is_ignored = report.outcome == "found" and explained.source != report.store
    remarks = [report.note, "not used" if is_ignored else None]
    screen.line(
        (f"{mark} ", style),
        (report.store, STRONG),
        " ",
        (_OUTCOMES.get(report.outcome, f"has {counted(len(report.instances), 'record')}"), style),
        (f" ({duration(report.took_seconds)})", QUIET),
        "".join(f", {remark}" for remark in remarks if remark),
        first=_INDENT,
        rest=_INDENT * 2,
    )
    if report.error is not None:
        screen.line(report.error, first=_INDENT * 2)
    entries = _entries(screen, report, explained)
    shown = entries if len(entries) <= _MOST_RECORDS else entries[: _MOST_RECORDS - 1]
    for number, entry in enumerate(shown, start=1):
        _show_entry(screen, entry, is_last=number == len(entries))
    if len(shown) < len(entries):
        more = f"{len(entries) - len(shown)} more; --json has them all"
        screen.line((more, QUIET), first=_INDENT * 2 + screen.symbols.last)


def _entries(screen: Screen, report: StoreReport, explained: Explanation) -> list[_Entry]:
    """Return what the store has: what would be chosen first, then what would not, then what cannot be used."""
    chosen = {instance.id for instance in explained.candidates} if report.store == explained.source else set()
    reasons = {item.record: item.reason for item in explained.passed_over}
    entries = []
    for instance in sorted(report.instances, key=lambda instance: instance.id not in chosen):
        about: list[Span] = [(_inline(screen, instance), QUIET)]
        if instance.id in chosen:
            mark: Span = (screen.symbols.chosen, GOOD)
        else:
            mark = (screen.symbols.none, QUIET)
            if report.store == explained.source and instance.id in reasons:
                about.append((f"not chosen: {reasons[instance.id]}", ODD))
        entries.append(_Entry(mark, (instance.endpoint, ADDRESS), tuple(about)))
    entries.extend(
        _Entry((screen.symbols.odd, BAD), item.record, ((f"passed over: {item.reason}", ODD),))
        for item in report.passed_over
    )
    return entries


def _inline(screen: Screen, instance: Instance) -> str:
    parts = [instance.id]
    for name, value in details(instance):
        kind, _, key = name.partition(" ")
        parts.append(f"{key}={value}" if kind == "attribute" else f"{name} {value}")
    return screen.symbols.between.join(parts)


def _show_entry(screen: Screen, entry: _Entry, *, is_last: bool) -> None:
    symbols = screen.symbols
    branch = _INDENT * 2 + (symbols.last if is_last else symbols.fork)
    trunk = _INDENT * 2 + (" " * len(symbols.trunk) if is_last else symbols.trunk) + _INDENT
    screen.address(entry.mark, " ", entry.title, first=branch)
    for line in entry.lines:
        screen.line(line, first=trunk, rest=trunk)


def _show_result(screen: Screen, explained: Explanation) -> None:
    candidates = explained.candidates
    if explained.error is not None or not candidates:
        screen.line(("discover fails", STRONG))
        screen.line((f"{screen.symbols.no} ", BAD), explained.error or "nothing was found", first=_INDENT)
        return
    screen.line(
        ("discover answers", STRONG),
        "" if len(candidates) == 1 else " one of these, drawn by weight",
        (f", from {explained.source}", QUIET),
        (", marked stale", ODD) if explained.stale else "",
    )
    totals = draw_weights(candidates)
    before = 0.0
    for instance, total in zip(candidates[:_MOST_RECORDS], totals, strict=False):
        share = f"{(total - before) / totals[-1]:6.1%}  " if len(candidates) > 1 else ""
        before = total
        screen.address((share, STRONG), (instance.endpoint, ADDRESS), first=_INDENT)
    if len(candidates) > _MOST_RECORDS:
        screen.line((f"and {len(candidates) - _MOST_RECORDS} more", QUIET), first=_INDENT)
