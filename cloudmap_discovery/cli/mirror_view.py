"""Shows in what mirrors differ from Cloud Map, or did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.cli import exits
from cloudmap_discovery.cli.screen import ADDRESS, BAD, GOOD, ODD, QUIET, STRONG
from cloudmap_discovery.shown import in_stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloudmap_discovery.cli.screen import Screen
    from cloudmap_discovery.copies import Difference, Fields
    from cloudmap_discovery.syncing import Synced

_MARKS: Final = {"add": ("+ ", GOOD), "change": ("~ ", ODD), "remove": ("- ", BAD)}
_DONE: Final = {"add": "added", "change": "changed", "remove": "removed"}
_TO_DO: Final = {"add": "to add", "change": "to change", "remove": "to remove"}


def show_synced(screen: Screen, synced: Iterable[Synced], *, dry_run: bool) -> None:
    """Print what was different in each mirror, or is."""
    for one in synced:
        screen.line((one.mirror, STRONG), f": {_summary(one, dry_run=dry_run)}")
        for difference in one.differences:
            mark = _MARKS[difference.kind]
            what = [(difference.service, ""), (f" {in_stage(difference.stage)}", QUIET)]
            screen.address(*what, *_told(difference), first="  ", mark=mark)
        for reason in one.left_alone:
            screen.note(f"  {reason}, and is left as it is")


def as_json(synced: Iterable[Synced], *, dry_run: bool) -> dict[str, Any]:
    """Return the same for machines."""
    return {
        "dry_run": dry_run,
        "mirrors": [
            {
                "mirror": one.mirror,
                "created": one.created,
                "differences": [
                    {
                        "kind": difference.kind,
                        "service": difference.service,
                        "stage": difference.stage,
                        "id": difference.id,
                        "before": None if difference.before is None else dict(difference.before),
                        "after": None if difference.after is None else dict(difference.after),
                    }
                    for difference in one.differences
                ],
                "left_alone": list(one.left_alone),
                "error": None if one.error is None else exits.as_json(one.error),
            }
            for one in synced
        ],
    }


def _summary(one: Synced, *, dry_run: bool) -> str:
    kinds = [difference.kind for difference in one.differences]
    words = _TO_DO if dry_run else _DONE
    counts = ", ".join(f"{kinds.count(kind)} {words[kind]}" for kind in words if kind in kinds)
    if one.error is not None:
        return "failed"
    if one.created:
        made = "is not there yet" if dry_run else "created"
        return f"{made}, {counts}" if counts else made
    return counts or "equal to Cloud Map"


def _told(difference: Difference) -> list[str | tuple[str, str]]:
    before, after = difference.before, difference.after
    if before is None or after is None:
        return _record(before or after or {})
    changed = [
        f"{name}: {_short(before.get(name))} -> {_short(after.get(name))}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    return [f"  {'; '.join(changed)}"]


def _record(fields: Fields) -> list[str | tuple[str, str]]:
    if "endpoint" not in fields:
        return [(f"  {'; '.join(f'{name}: {value}' for name, value in fields.items())}", QUIET)]
    about = [str(fields[name]) for name in ("version", "tenant", "variant") if name in fields]
    return ["  ", (str(fields["endpoint"]), ADDRESS), (f"  {' '.join(about)}" if about else "", QUIET)]


def _short(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"  # noqa: PLR2004 -- a line holds two of them
