"""Prints an explanation: what is held, what each store says, what `discover` makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.cli.record_view import highest_first, provenance, traits
from cloudmap_discovery.cli.screen import ADDRESS, BAD, GOOD, ODD, QUIET, STRONG
from cloudmap_discovery.limits import LADDER
from cloudmap_discovery.overriding import OVERRIDE
from cloudmap_discovery.selection import draw_weights
from cloudmap_discovery.shown import counted, duration, in_stage

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
    screen.line(
        (explained.service, STRONG),
        f" {in_stage(LADDER.join(rung.stage for rung in explained.rungs) or explained.stage)}",
        "".join(f", {wish}" for wish in _wishes(explained)),
        (f", namespace {explained.namespace}", QUIET),
    )
    screen.blank()
    if explained.rungs:
        _show_rungs(screen, explained)
    else:
        screen.line(("Held in memory", STRONG))
        screen.line((_held(explained), QUIET if explained.held.state == "nothing" else ""), first=_INDENT)
        screen.blank()
        screen.line(("Stores", STRONG), (", asked just now, all at once", QUIET))
        for report in explained.stores:
            _show_store(screen, report, explained)
    screen.blank()
    _show_result(screen, explained)


def _wishes(explained: Explanation) -> list[str]:
    where = ", ".join(f"{key}={value}" for key, value in explained.where.items())
    wishes = [
        f"{name} {value}"
        for name, value in (
            ("version", explained.version),
            ("tenant", explained.tenant),
            ("sticky to", explained.sticky),
        )
        if value is not None
    ]
    return [*wishes, f"where {where}"] if where else wishes


def _show_rungs(screen: Screen, explained: Explanation) -> None:
    """Print each stage of a ladder with its stores; the one that decides as it is explained."""
    screen.line(("Stages", STRONG), (", their stores asked just now, all at once", QUIET))
    is_above = True
    for rung in explained.rungs:
        is_deciding = rung.stage == explained.stage
        role = _role(explained) if is_deciding else "is passed over" if is_above else "is not needed"
        is_above = is_above and not is_deciding
        screen.line(
            (rung.stage, STRONG), (f" {role}", GOOD if is_deciding and explained.found else ""), first=_INDENT
        )
        if rung.held.state != "nothing":
            screen.line(f"held: {_held(rung)}", first=_INDENT * 2)
        for report in rung.stores:
            _show_store(screen, report, explained if is_deciding else rung, first=_INDENT * 2)


def _role(explained: Explanation) -> str:
    if explained.source == OVERRIDE:
        return "is overridden"
    if explained.found:
        return "serves"
    if explained.source is not None:
        return "has it, and ends the ladder"
    failed = any(report.outcome == "failed" for report in explained.stores)
    return "could not be asked" if failed else "does not have it, either"


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


def _show_store(screen: Screen, report: StoreReport, explained: Explanation, *, first: str = _INDENT) -> None:
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
        first=first,
        rest=first + _INDENT,
    )
    if report.error is not None:
        screen.line(report.error, first=first + _INDENT)
    entries = [] if repeats else _entries(screen, report, explained)
    entries.extend(_unusable(screen, report))
    shown = entries if len(entries) <= _MOST_RECORDS else entries[: _MOST_RECORDS - 1]
    for number, entry in enumerate(shown, start=1):
        _show_entry(screen, entry, first=first + _INDENT, is_last=number == len(entries))
    if len(shown) < len(entries):
        more = f"{len(entries) - len(shown)} more; --json has them all"
        screen.line((more, QUIET), first=first + _INDENT + screen.symbols.last)


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


def _show_entry(screen: Screen, entry: _Entry, *, first: str, is_last: bool) -> None:
    symbols = screen.symbols
    branch = first + (symbols.last if is_last else symbols.fork)
    trunk = first + (" " * len(symbols.trunk) if is_last else symbols.trunk) + _INDENT
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
    source = "an override, which no store is asked for" if explained.source == OVERRIDE else explained.source
    screen.line(
        ("Answer", STRONG),
        (f", from {source}", QUIET),
        (f", for {explained.sticky}" if explained.chosen is not None else "", QUIET),
        (
            "" if explained.chosen is not None or len(candidates) == 1 else ", drawn from these by weight",
            QUIET,
        ),
        (", marked stale" if explained.stale else "", ODD),
        (
            ", drained (weight 0), and serving all the same: there is no other" if explained.drained else "",
            ODD,
        ),
    )
    if explained.chosen is not None:
        screen.address((explained.chosen.endpoint, ADDRESS), first=_INDENT)
        return
    totals = draw_weights(candidates)
    before = 0.0
    for instance, total in zip(candidates[:_MOST_RECORDS], totals, strict=False):
        share = f"{(total - before) / totals[-1]:6.1%}  " if len(candidates) > 1 else ""
        before = total
        screen.address((share, STRONG), (instance.endpoint, ADDRESS), first=_INDENT)
    if len(candidates) > _MOST_RECORDS:
        screen.line((f"and {len(candidates) - _MOST_RECORDS} more", QUIET), first=_INDENT)
