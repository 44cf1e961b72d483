"""Prints an explanation: what is held, what each store says, what `discover` makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.cli.record_view import highest_first, provenance, traits
from cloudmap_discovery.cli.screen import ADDRESS, BAD, GOOD, ODD, QUIET, STRONG
from cloudmap_discovery.cli.shown import counted, duration, in_stage
from cloudmap_discovery.selection import draw_weights

if TYPE_CHECKING:
    from cloudmap_discovery.cli.screen import Screen, Span
    from cloudmap_discovery.model import Explanation, StoreReport

_INDENT: Final = "  "
_MOST_RECORDS: Final = 20
_HELD: Final = {
    "nothing": "nothing: each run of this command starts anew; functions hold answers",
    "expired": "an expired answer",
    "missing": "an answer that is too old to be used",
    "absent": "that it does not exist",
    "failing": "that asking failed",
}
_OUTCOMES: Final = {"absent": "does not have it", "failed": "failed"}


@dataclass(frozen=True, slots=True)
class _Entry:
    """A record as it is shown under its store: a mark, its address or place, what it says, and what is said of it."""

    mark: Span
    title: Span
    says: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    remark: str = ""


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
    repeats = is_ignored and _records(report) == _records_of_source(explained)
    remarks = [
        f"the same as {explained.source}" if repeats else report.note,
        "not used" if is_ignored else None,
    ]
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
    entries = [] if repeats else _entries(screen, report, explained)
    entries.extend(_unusable(screen, report))
    shown = entries if len(entries) <= _MOST_RECORDS else entries[: _MOST_RECORDS - 1]
    for number, entry in enumerate(shown, start=1):
        _show_entry(screen, entry, is_last=number == len(entries))
    if len(shown) < len(entries):
        more = f"{len(entries) - len(shown)} more; --json has them all"
        screen.line((more, QUIET), first=_INDENT * 2 + screen.symbols.last)


def _entries(screen: Screen, report: StoreReport, explained: Explanation) -> list[_Entry]:
    """Return the records that the store has: those that would be chosen first, then those that would not."""
    chosen = {instance.id for instance in explained.candidates} if report.store == explained.source else set()
    reasons = {item.record: item.reason for item in explained.passed_over}
    symbols = screen.symbols
    entries = []
    for instance in sorted(highest_first(report.instances), key=lambda instance: instance.id not in chosen):
        reason = reasons.get(instance.id) if report.store == explained.source else None
        entries.append(
            _Entry(
                mark=(f"{symbols.chosen} ", GOOD) if instance.id in chosen else (f"{symbols.none} ", QUIET),
                title=(instance.endpoint, ADDRESS),
                says=tuple(traits(instance)),
                about=tuple(f"{name} {value}" for name, value in provenance(instance)),
                remark=f"not chosen: {reason}" if reason else "",
            )
        )
    return entries


def _unusable(screen: Screen, report: StoreReport) -> list[_Entry]:
    mark = (f"{screen.symbols.odd} ", BAD)
    return [_Entry(mark, item.record, remark=f"passed over: {item.reason}") for item in report.passed_over]


def _records(report: StoreReport) -> set[tuple[str, str]]:
    return {(instance.id, instance.endpoint) for instance in report.instances}


def _records_of_source(explained: Explanation) -> set[tuple[str, str]]:
    return next((_records(report) for report in explained.stores if report.store == explained.source), set())


def _show_entry(screen: Screen, entry: _Entry, *, is_last: bool) -> None:
    symbols = screen.symbols
    branch = _INDENT * 2 + (symbols.last if is_last else symbols.fork)
    trunk = _INDENT * 2 + (" " * len(symbols.trunk) if is_last else symbols.trunk) + _INDENT
    screen.address(entry.title, first=branch, mark=entry.mark, rest=trunk)
    screen.items(entry.says, first=trunk)
    screen.items(entry.about, first=trunk, style=QUIET)
    if entry.remark:
        screen.line((entry.remark, ODD), first=trunk, rest=trunk)


def _show_result(screen: Screen, explained: Explanation) -> None:
    candidates = explained.candidates
    if explained.error is not None or not candidates:
        screen.line(("No answer", STRONG), (", discover fails", QUIET))
        screen.line((f"{screen.symbols.no} ", BAD), explained.error or "nothing was found", first=_INDENT)
        return
    screen.line(
        ("Answer", STRONG),
        (f", from {explained.source}", QUIET),
        ("" if len(candidates) == 1 else ", drawn from these by weight", QUIET),
        (", marked stale" if explained.stale else "", ODD),
    )
    totals = draw_weights(candidates)
    before = 0.0
    for instance, total in zip(candidates[:_MOST_RECORDS], totals, strict=False):
        share = f"{(total - before) / totals[-1]:6.1%}  " if len(candidates) > 1 else ""
        before = total
        screen.address((share, STRONG), (instance.endpoint, ADDRESS), first=_INDENT)
    if len(candidates) > _MOST_RECORDS:
        screen.line((f"and {len(candidates) - _MOST_RECORDS} more", QUIET), first=_INDENT)
