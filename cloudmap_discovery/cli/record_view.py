"""Prints records: in a table, or one of them with all its fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.cli.screen import ADDRESS, ODD, QUIET, STRONG, Column
from cloudmap_discovery.encoding import encode_time
from cloudmap_discovery.model import DEFAULT_WEIGHT, NO_STAGE
from cloudmap_discovery.selection import matching
from cloudmap_discovery.shown import counted, duration, in_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudmap_discovery.cli.screen import Screen, Span
    from cloudmap_discovery.model import Answer, Instance


_FRAME_COLUMNS: Final = 3
_INDENT: Final = "  "
_NONE: Final = "(none)"
_OF_THE_WRITING: Final = frozenset({"id", "registered"})


@dataclass(frozen=True, slots=True)
class _Field:
    """A field as a column; `is_shown` says whether a record gives reason to show it at all."""

    column: Column
    text: Callable[[Instance], str]
    is_shown: Callable[[Instance], bool] = lambda _: True


_SERVICE: Final = _Field(Column("Service", style=STRONG), lambda record: record.service)
_FIELDS: Final = (
    _Field(Column("Version"), lambda record: record.version or "", lambda record: record.version is not None),
    _Field(Column("Variant"), lambda record: record.variant or "", lambda record: record.variant is not None),
    _Field(Column("Tenant"), lambda record: record.tenant or "", lambda record: record.tenant is not None),
    _Field(
        Column("Weight", is_number=True),
        lambda record: str(record.weight),
        lambda record: record.weight != DEFAULT_WEIGHT,
    ),
    _Field(Column("Endpoint", style=ADDRESS), lambda record: record.endpoint),
    _Field(
        Column("Attributes"),
        lambda record: ", ".join(f"{key}={value}" for key, value in record.attributes.items()),
        lambda record: bool(record.attributes),
    ),
)


def show_answer(screen: Screen, answer: Answer) -> None:
    """Print every match and where it comes from."""
    freshness: list[Span] = [(f", stale: {duration(answer.age_seconds)} old", ODD)] if answer.stale else []
    screen.line(
        (answer.service, STRONG),
        f" {in_stage(answer.stage)}",
        (f"{screen.symbols.between}{counted(len(answer), 'match', 'matches')} from {answer.source}", QUIET),
        *freshness,
    )
    _show(screen, answer, with_service=False)


def show_records(screen: Screen, records: Sequence[Instance], *, stage: str, namespace: str) -> None:
    """Print the records of one stage, of which there is at least one."""
    services = len({record.service for record in records})
    counts = screen.symbols.between.join(("", counted(services, "service"), counted(len(records), "record")))
    screen.line(
        ("No stage" if stage == NO_STAGE else f"Stage {stage}", STRONG),
        (f", namespace {namespace}{counts}", QUIET),
    )
    _show(screen, records, with_service=True)


def highest_first(records: Sequence[Instance]) -> list[Instance]:
    """Return the records in the order of `discover_all`, those of tenants behind them, by tenant and id."""
    own = matching(records)
    of_tenants = [record for record in records if record.tenant is not None]
    return [*own, *sorted(of_tenants, key=lambda record: (record.tenant or "", record.id))]


def show_record(screen: Screen, record: Instance, *, before: Instance | None = None) -> None:
    """Print all fields of one record, and what they were `before` where that was something else."""
    fields = _fields(record)
    earlier = fields if before is None else _fields(before)
    names = list(dict.fromkeys((*fields, *earlier)))
    width = max(len(name) for name in names)
    for name in names:
        value, was = fields.get(name), earlier.get(name)
        screen.address(
            (value or _NONE, ADDRESS if name == "endpoint" else ""),
            (f"  was {was or _NONE}", ODD) if value != was else "",
            first=f"  {name.ljust(width)}  ",
        )


def changed_fields(before: Instance, after: Instance) -> list[tuple[str, str, str]]:
    """Return the name of each field that is not the same, with what it was and is, but for when that was written."""
    was, now = _fields(before), _fields(after)
    names = [name for name in dict.fromkeys((*now, *was)) if name not in _OF_THE_WRITING]
    return [
        (name, was.get(name, _NONE), now.get(name, _NONE)) for name in names if was.get(name) != now.get(name)
    ]


def traits(record: Instance) -> list[str]:
    """Return what the record says beside its address, its weight only if that is not the usual one."""
    fields = [
        ("version", record.version),
        ("variant", record.variant),
        ("tenant", record.tenant),
        ("weight", None if record.weight == DEFAULT_WEIGHT else str(record.weight)),
    ]
    named = [f"{name} {value}" for name, value in fields if value is not None]
    return [*named, *(f"{key}={value}" for key, value in record.attributes.items())]


def provenance(record: Instance) -> list[tuple[str, str]]:
    """Return where the record comes from, each piece with its name."""
    moment = record.registered_at
    fields = [
        ("id", record.id),
        ("owner", record.owner),
        ("owner-ref", record.owner_ref),
        ("registered", None if moment is None else encode_time(moment)),
    ]
    return [(name, value) for name, value in fields if value is not None]


def _fields(record: Instance) -> dict[str, str]:
    identity = {"version": record.version, "variant": record.variant, "tenant": record.tenant}
    return {
        "endpoint": record.endpoint,
        **{name: value for name, value in identity.items() if value is not None},
        "weight": str(record.weight),
        **{f"attribute {key}": value for key, value in record.attributes.items()},
        **dict(provenance(record)),
    }


def _show(screen: Screen, records: Sequence[Instance], *, with_service: bool) -> None:
    """Print the records in a table, or, where addresses would be broken in it, below each other."""
    shown = [field for field in _FIELDS if any(field.is_shown(record) for record in records)]
    fields = [_SERVICE, *shown] if with_service else shown
    widths = [
        _FRAME_COLUMNS + max(screen.width(text) for text in (field.column.heading, *map(field.text, records)))
        for field in fields
    ]
    if sum(widths) < screen.columns:
        screen.table(
            [field.column for field in fields],
            [[[field.text(record)] for field in fields] for record in records],
        )
        return
    service = None
    for record in records:
        if with_service and record.service != service:
            screen.line((record.service, STRONG))
            service = record.service
        screen.address((record.endpoint, ADDRESS), first=_INDENT)
        screen.items(traits(record), first=_INDENT * 2)
