"""Shows what the registrar is to do, or did, to make records agree with functions' tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudmap_discovery.cli.record_view import changed_fields, traits
from cloudmap_discovery.cli.screen import ADDRESS, BAD, GOOD, ODD, QUIET, STRONG
from cloudmap_discovery.registrar.permits import tagged_function
from cloudmap_discovery.registrar.reconcile import REASONS
from cloudmap_discovery.shown import counted, in_stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cloudmap_discovery.cli.screen import Screen, Span
    from cloudmap_discovery.model import Instance
    from cloudmap_discovery.registrar.parts import Parts
    from cloudmap_discovery.registrar.reconcile import Change, Kept, Plan, Removal
    from cloudmap_discovery.registrar.runs import Summary
    from cloudmap_discovery.syncing import Synced

_INDENT: Final = "  "
_DEEP: Final = _INDENT * 3
_ARROW: Final = " -> "
# The option --force of this command is about records of Cloud Map, not about mirrors.
_ADVICE: Final[Mapping[str, str]] = {
    "pass force=True": "run `cloudmap-discovery sync --force`",
    "pass a larger timeout_seconds": "pass a larger --timeout",
}


def show_plan(screen: Screen, plan: Plan, parts: Parts) -> None:
    """Print what is to be done, what is wrong, and last how much of each there is."""
    view = _View(screen, parts)
    removals = () if plan.stopped else plan.removals
    view.steps(plan.changes, removals)
    view.stopped(plan)
    view.problems(plan, plan.kept)
    new = [change for change in plan.changes if change.present is None]
    view.counts(
        (
            f"{len(new)} to register",
            f"{len(plan.changes) - len(new)} to update",
            f"{len(removals)} to remove",
            f"{plan.unchanged} unchanged",
        ),
        plan,
    )


def show_summary(screen: Screen, summary: Summary, parts: Parts) -> None:
    """Print what was done, what is left, what is wrong, and last how much of each there is."""
    view = _View(screen, parts)
    plan, done = summary.plan, summary.done
    written = {_place(record) for record in (*done.registered, *done.updated)}
    removed = {_place(record) for record in done.removed}
    view.steps(
        [change for change in plan.changes if _place(change.record) in written],
        [removal for removal in plan.removals if _place(removal.record) in removed],
    )
    view.failed(done.failed, done.unfinished)
    view.stopped(plan)
    view.problems(plan, (*plan.kept, *done.kept))
    view.gone(summary.gone)
    view.mended(summary)
    failed = len(done.failed) + done.unfinished
    view.counts(
        (
            f"{len(done.registered)} registered",
            f"{len(done.updated)} updated",
            f"{len(done.removed)} removed",
            f"{plan.unchanged} unchanged",
            *([f"{failed} failed"] if failed else []),
        ),
        plan,
    )


class _View:
    """Prints one run, in sections with an empty line between them; what there is none of is left out."""

    def __init__(self, screen: Screen, parts: Parts) -> None:
        self._screen = screen
        self._home = parts.home
        screen.line(
            (f"Namespace {parts.settings.namespace}", STRONG),
            (
                screen.symbols.between.join(("", f"account {parts.home.account}", parts.home.region)),
                QUIET,
            ),
        )

    def steps(self, changes: Iterable[Change], removals: Iterable[Removal]) -> None:
        """Print what is written and removed."""
        for change in changes:
            if change.present is None:
                self._record(change.record, ("+ ", GOOD))
                self._screen.address((change.record.endpoint, ADDRESS), first=_DEEP)
            else:
                self._record(change.record, ("~ ", ODD))
                self._changes(change.present, change.record)
        for removal in removals:
            self._removal(removal, ("- ", BAD))

    def stopped(self, plan: Plan) -> None:
        """Print what would be removed if it were allowed."""
        if plan.stopped is not None:
            self._heading("Not removed, see the warning")
            for removal in plan.removals:
                self._removal(removal, (f"{self._screen.symbols.none} ", QUIET))

    def failed(self, failed: Sequence[tuple[Instance, str]], unfinished: int) -> None:
        """Print what could not be written or removed."""
        if failed or unfinished:
            self._heading("Failed")
        for record, error in failed:
            self._record(record, self._no)
            self._screen.line(_advised(error), first=_DEEP)
        if unfinished:
            self._screen.line(
                f"{counted(unfinished, 'record')} not begun, for want of time or because AWS failed all along; "
                "the next run goes on",
                first=_INDENT,
                mark=self._no,
            )

    def problems(self, plan: Plan, kept: Sequence[Kept]) -> None:
        """Print what people have to look at."""
        if plan.rejected:
            self._heading("Tags that cannot be used")
        for rejected in plan.rejected:
            self._screen.line((self._function(rejected.function), STRONG), first=_INDENT, mark=self._odd)
            for reason in rejected.reasons:
                self._screen.line(reason, first=_DEEP)
        if plan.conflicts:
            self._heading("Wanted by a second one: give it another name, stage or variant")
        for conflict in plan.conflicts:
            self._record(conflict.record, self._odd)
            self._screen.line(
                f"function {self._function(conflict.function)} wants it, too; its owner is "
                f"{self._owner(conflict.owner)}",
                first=_DEEP,
            )
        if kept:
            self._heading("Kept, though no function asks for it")
        for one in kept:
            self._record(one.record, (f"{self._screen.symbols.none} ", QUIET))
            self._screen.line(one.reason, first=_DEEP)
        if plan.unread:
            self._heading("Functions that could not be read")
        for function, reason in plan.unread:
            self._screen.line((self._function(function), STRONG), first=_INDENT, mark=self._no)
            self._screen.line(reason, first=_DEEP)

    def gone(self, records: Sequence[Instance]) -> None:
        """Print records of others whose function does not exist."""
        if records:
            self._heading(
                "Their function does not exist any more, but they are not the registrar's to remove"
            )
        for record in records:
            self._record(record, self._odd)
            self._screen.address((record.endpoint, ADDRESS), first=_DEEP)
            self._screen.line(f"owner {self._owner(record.owner or 'manual')}", first=_DEEP)

    def mended(self, summary: Summary) -> None:
        """Print what became of the mirrors, and of services without records."""
        swept, screen = summary.swept, self._screen
        if summary.synced or summary.sync_error or swept.removed or swept.failed:
            self._heading("Beside the records")
        for one in summary.synced:
            mark = self._yes if one.error is None else self._no
            screen.line(f"mirror {one.mirror}: {_synced(one)}", first=_INDENT, mark=mark, rest=_DEEP)
        if summary.sync_error is not None:
            screen.line(
                f"mirrors: not compared with Cloud Map: {_advised(summary.sync_error)}",
                first=_INDENT,
                mark=self._no,
                rest=_DEEP,
            )
        if swept.removed:
            names = ", ".join(swept.removed)
            screen.line(f"empty services removed: {names}", first=_INDENT, mark=self._yes, rest=_DEEP)
        for name, error in swept.failed:
            screen.line(f"empty service {name}: {_advised(error)}", first=_INDENT, mark=self._no, rest=_DEEP)

    def counts(self, done: Iterable[str], plan: Plan) -> None:
        """Print how much there was of everything."""
        stopped = len(plan.removals) if plan.stopped else 0
        others = (
            (stopped, "not removed"),
            (len(plan.rejected), "rejected"),
            (len(plan.conflicts), "in conflict"),
            (len(plan.unread), "unread"),
            (len(plan.not_permitted), "not this registrar's"),
        )
        self._screen.blank()
        self._screen.line(
            (", ".join([*done, *(f"{number} {what}" for number, what in others if number)]), STRONG)
        )

    def _changes(self, present: Instance, record: Instance) -> None:
        # Attributes that AWS adds are none of ours, and stay.
        changes = [one for one in changed_fields(present, record) if not one[0].startswith("attribute AWS_")]
        for name, *values in changes:
            was, now = map(self._owner, values) if name == "owner" else values
            self._change(f"{name}: ", was, now)
        if not changes:
            self._screen.line(
                "is written anew: somebody changed what it says beside these fields", first=_DEEP
            )

    def _change(self, before: str, was: str, now: str) -> None:
        screen = self._screen
        if screen.width(f"{_DEEP}{before}{was}{_ARROW}{now}") <= screen.columns:
            screen.address(was, (f"{_ARROW}{now}", ODD), first=f"{_DEEP}{before}")
            return
        # An address is copied from its line: each has one of its own rather than a break in it.
        screen.address(was, first=f"{_DEEP}{before}")
        screen.address(
            (f"{_ARROW.lstrip()}{now}", ODD), first=f"{_DEEP}{' ' * (len(before) - len(_ARROW) + 1)}"
        )

    def _removal(self, removal: Removal, mark: Span) -> None:
        self._record(removal.record, mark)
        reason = f"{REASONS[removal.proof]}: {self._function(removal.function)}"
        self._screen.line(reason, first=_DEEP)

    def _record(self, record: Instance, mark: Span) -> None:
        about = self._screen.symbols.between.join(traits(record))
        self._screen.line(
            (record.service, STRONG),
            (f" {in_stage(record.stage)}", QUIET),
            (f"{_INDENT}{about}" if about else "", ""),
            first=_INDENT,
            mark=mark,
            rest=_DEEP,
        )

    def _heading(self, text: str) -> None:
        self._screen.blank()
        self._screen.line((text, STRONG))

    def _function(self, arn: str) -> str:
        """Return the function's name, since account and region have been said."""
        return arn.rpartition(":")[2] if self._home.function(arn) == arn else arn

    def _owner(self, owner: str) -> str:
        function = tagged_function(owner)
        return owner if function is None else f"function {self._function(function)}"

    @property
    def _yes(self) -> Span:
        return (f"{self._screen.symbols.yes} ", GOOD)

    @property
    def _odd(self) -> Span:
        return (f"{self._screen.symbols.odd} ", ODD)

    @property
    def _no(self) -> Span:
        return (f"{self._screen.symbols.no} ", BAD)


def _synced(one: Synced) -> str:
    if one.error is not None:
        return _advised(str(one.error))
    number = len(one.differences)
    return f"{counted(number, 'difference')} mended" if number else "equal to Cloud Map"


def _advised(error: str) -> str:
    """Return what an error says, with the library's advice in the words of the command line."""
    for words, ours in _ADVICE.items():
        error = error.replace(words, ours)
    return error


def _place(record: Instance) -> tuple[str, str]:
    return (record.service, record.id)
