"""Prints records: in a table, or one of them with all its fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.cli.screen import ADDRESS, ODD, QUIET, STRONG, Column
from cloudmap_discovery.cli.shown import counted, duration, in_stage
from cloudmap_discovery.encoding import encode_time
from cloudmap_discovery.model import DEFAULT_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudmap_discovery.cli.screen import Screen, Span
    from cloudmap_discovery.model import Answer, Instance


@dataclass(frozen=True, slots=True)
class _Field:
    """A field as a column; `is_shown` says whether a record gives reason to show it at all."""

    column: Column
    text: Callable[[Instance], str]
    is_shown: Callable[[Instance], bool]


_FIELDS: Final = (
    _Field(Column("Version"), lambda record: record.version or "", lambda record: record.version is not None),
    _Field(Column("Variant"), lambda record: record.variant or "", lambda record: record.variant is not None),
    _Field(Column("Tenant"), lambda record: record.tenant or "", lambda record: record.tenant is not None),
    _Field(
        Column("Weight", is_number=True),
        lambda record: str(record.weight),
        lambda record: record.weight != DEFAULT_WEIGHT,
    ),
    _Field(Column("Endpoint", style=ADDRESS, folds=True), lambda record: record.endpoint, lambda _: True),
    _Field(
        Column("Attributes", folds=True),
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
    _show_table(screen, answer, with_service=False)


def show_records(screen: Screen, records: Sequence[Instance], *, namespace: str) -> None:
    """Print the records of one stage."""
    services = len({record.service for record in records})
    screen.line(
        (f"Namespace {namespace} {in_stage(records[0].stage)}", STRONG),
        (
            screen.symbols.between.join(("", counted(services, "service"), counted(len(records), "record"))),
            QUIET,
        ),
    )
    _show_table(screen, records, with_service=True)


def show_record(screen: Screen, record: Instance, *, before: Instance | None = None) -> None:
    """Print all fields of one record, and what they were `before` where that was something else."""
    fields = _fields(record)
    earlier = fields if before is None else _fields(before)
    names = list(dict.fromkeys((*fields, *earlier)))
    width = max(len(name) for name in names)
    for name in names:
        value, was = fields.get(name), earlier.get(name)
        screen.address(
            (value or "(none)", ADDRESS if name == "endpoint" else ""),
            (f"  was {was or '(none)'}", ODD) if value != was else "",
            first=f"  {name.ljust(width)}  ",
        )


def identity_and_weight(record: Instance) -> list[tuple[str, str]]:
    """Return what tells the record apart, and its weight if that is not the usual one, each with its name."""
    fields = [
        ("version", record.version),
        ("variant", record.variant),
        ("tenant", record.tenant),
        ("weight", None if record.weight == DEFAULT_WEIGHT else str(record.weight)),
    ]
    return [(name, value) for name, value in fields if value is not None]


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
    attributes = {f"attribute {key}": value for key, value in record.attributes.items()}
    return {
        "endpoint": record.endpoint,
        **dict(identity_and_weight(record)),
        **attributes,
        **dict(provenance(record)),
    }


def _show_table(screen: Screen, records: Sequence[Instance], *, with_service: bool) -> None:
    fields = [field for field in _FIELDS if any(field.is_shown(record) for record in records)]
    if with_service:
        fields.insert(
            0,
            _Field(
                Column("Service", style=STRONG, folds=True), lambda record: record.service, lambda _: True
            ),
        )
    screen.table(
        [field.column for field in fields], [[[field.text(record)] for field in fields] for record in records]
    )
