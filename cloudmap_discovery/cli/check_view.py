"""Prints what lookups of the declared dependencies came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.cli import exits
from cloudmap_discovery.cli.screen import ADDRESS, BAD, GOOD, QUIET, STRONG, Column
from cloudmap_discovery.errors import DiscoveryUnavailableError, NoMatchingInstanceError
from cloudmap_discovery.model import NO_STAGE
from cloudmap_discovery.shown import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudmap_discovery.cli.checking import Check
    from cloudmap_discovery.cli.screen import Screen, Span
    from cloudmap_discovery.settings import Settings

_FRAME_COLUMNS: Final = 3
_MARK_COLUMNS: Final = _FRAME_COLUMNS + 1
_INDENT: Final = "  "


@dataclass(frozen=True, slots=True)
class _Field:
    """A field as a column, and `before` as a word in front of its text where there are no columns."""

    column: Column
    text: Callable[[Check], str]
    before: str = ""


def _wants(check: Check) -> str:
    wanted = check.dependency
    parts = [
        wanted.version or "",
        f"tenant {wanted.tenant}" if wanted.tenant else "",
        f"stage {wanted.stage}" if wanted.stage else "",
    ]
    return ", ".join(part for part in parts if part)


def _stage(check: Check) -> str:
    stage = "" if check.answer is None else check.answer.stage
    return "(no stage)" if stage == NO_STAGE else stage


def _version(check: Check) -> str:
    return (check.chosen.version or "") if check.chosen else ""


def _source(check: Check) -> str:
    if check.answer is None:
        return ""
    return f"{check.answer.source}, stale" if check.answer.stale else check.answer.source


def _outcome(check: Check) -> str:
    match check.error:
        case None:
            return check.chosen.endpoint if check.chosen else ""
        case NoMatchingInstanceError():
            return "none matches"
        case _:
            return "not registered" if check.is_missing else "could not be looked up"


_SERVICE: Final = _Field(Column("Service", style=STRONG), lambda check: check.dependency.service)
_ENDPOINT: Final = _Field(Column("Endpoint"), _outcome)
_STAGE: Final = _Field(Column("Stage"), _stage, "stage ")
_FIELDS: Final = (
    _SERVICE,
    _Field(Column("Wants"), _wants, "wants "),
    _STAGE,
    _Field(Column("Version"), _version, "version "),
    _ENDPOINT,
    _Field(Column("From"), _source, "from "),
)


def show_checks(screen: Screen, checks: Sequence[Check], settings: Settings) -> None:
    """Print each dependency, then what is wrong with those that were not found, then how many that are."""
    stage = settings.stage or NO_STAGE
    screen.line(
        ("No stage" if stage == NO_STAGE else f"Stage {stage}", STRONG),
        (f", namespace {settings.namespace}{screen.symbols.between}", QUIET),
        (_counted(len(checks)), QUIET),
    )
    is_elsewhere = any(check.answer is not None and check.answer.stage != stage for check in checks)
    _show(screen, checks, [field for field in _FIELDS if is_elsewhere or field is not _STAGE])
    failed = sum(check.error is not None for check in checks)
    if not failed:
        words = (
            "The dependency was found." if len(checks) == 1 else f"All {len(checks)} dependencies were found."
        )
        screen.line((f"{screen.symbols.yes} {words}", GOOD))
        return
    screen.blank()
    for names, reason in _reasons(checks):
        screen.line((names, STRONG), f": {reason}", mark=(f"{screen.symbols.no} ", BAD))
    missing = sum(check.is_missing for check in checks)
    unknown = failed - missing
    parts = [f"{missing} {'is' if missing == 1 else 'are'} missing"] if missing else []
    parts += [f"{unknown} could not be looked up"] if unknown else []
    screen.line((f"{screen.symbols.no} Of {_counted(len(checks))}, {' and '.join(parts)}.", BAD))


def _reasons(checks: Sequence[Check]) -> list[tuple[str, str]]:
    """Return names of services and why they were not found, those together that the same failures kept from it."""
    found: dict[str, list[str]] = {}
    errors = [(check, check.error) for check in checks if check.error is not None]
    for check, error in errors:
        if isinstance(error, DiscoveryUnavailableError):
            causes = "; ".join(f"{cause.store}: {cause}" for cause in error.causes)
            reason = f"could not be looked up ({causes})"
        else:
            reason = exits.message(error)
        found.setdefault(reason, []).append(check.dependency.service)
    return [(", ".join(names), reason) for reason, names in found.items()]


def _show(screen: Screen, checks: Sequence[Check], among: Sequence[_Field]) -> None:
    """Print the checks in a table, or, where addresses would be broken in it, below each other."""
    fields = [field for field in among if any(map(field.text, checks))]
    widths = [
        _FRAME_COLUMNS + max(screen.width(text) for text in (field.column.heading, *map(field.text, checks)))
        for field in fields
    ]
    if _MARK_COLUMNS + sum(widths) < screen.columns:
        columns = [Column(""), *(field.column for field in fields)]
        screen.table(
            columns,
            [[[_mark(screen, check)], *([_cell(field, check)] for field in fields)] for check in checks],
        )
        return
    for check in checks:
        screen.line((check.dependency.service, STRONG), mark=_mark(screen, check, after=" "))
        screen.address(_cell(_ENDPOINT, check), first=_INDENT)
        others = (field for field in fields if field.before)
        says = [f"{field.before}{text}" for field in others if (text := field.text(check))]
        screen.items(says, first=_INDENT * 2)


def _mark(screen: Screen, check: Check, *, after: str = "") -> Span:
    symbol, style = (screen.symbols.yes, GOOD) if check.error is None else (screen.symbols.no, BAD)
    return f"{symbol}{after}", style


def _cell(field: _Field, check: Check) -> Span:
    if field is _ENDPOINT:
        return (field.text(check), ADDRESS if check.error is None else BAD)
    return field.text(check)


def _counted(number: int) -> str:
    return counted(number, "dependency", "dependencies")
