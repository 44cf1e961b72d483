"""What the page of the whole registry shows: services by stage, as far as the filter leaves them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.depends_on import decode_depends_on
from cloudmap_discovery.matrix import Matrix
from cloudmap_discovery.model import NO_STAGE
from cloudmap_discovery.selection import matching
from cloudmap_discovery.server.page_text import age, natural, stage_name
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudmap_discovery.model import Instance, Place

_MOST_VERSIONS: Final = 3


@value
class Moment:
    """When a record was registered: how long ago, and the moment itself in UTC."""

    age: str
    iso: str
    text: str

    @classmethod
    def of(cls, moment: datetime, now: float) -> Moment:
        """Return the moment as it is seen at `now`, in seconds since the epoch."""
        utc = moment.astimezone(UTC)
        return cls(
            age=age(now - utc.timestamp()),
            iso=utc.isoformat(timespec="seconds"),
            text=f"{utc.replace(tzinfo=None).isoformat(' ', timespec='minutes')} UTC",
        )


@value
class Version:
    """One version in a cell; no `text` stands for records without one. `moment` is the newest record's."""

    text: str
    number: int
    is_drained: bool
    moment: Moment | None


@value
class CellView:
    """The records of one service in one stage; `more` versions are not shown, `tenants` have records of their own."""

    versions: tuple[Version, ...]
    more: int
    tenants: int
    is_drained: bool


@value
class Row:
    """One service with a cell for each column, or None where it is missing; `override` is what answers instead.

    `needed` is how many services of each column's stage depend on it. `has_records`: in any stage.
    """

    service: str
    cells: tuple[CellView | None, ...]
    needed: tuple[int, ...]
    override: str | None
    has_records: bool


@value
class Column:
    """One stage, and how many services have records there."""

    stage: str
    label: str
    present: int


@value
class Filter:
    """What is asked for: these stages, or all, and services in whose records the text stands."""

    stages: tuple[str, ...] = ()
    text: str = ""

    def __bool__(self) -> bool:
        return bool(self.stages or self.text)


@value
class Glance:
    """The registry at a glance. `stages` are all there are, `unknown_stages` those asked for that are not; `services` and `records` count everything, too."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    stages: tuple[str, ...]
    services: int
    records: int
    overridden: int
    missing: int
    wanted: Filter
    unknown_stages: tuple[str, ...] = ()

    @property
    def has_quiet_gaps(self) -> bool:
        """Whether something is not there that nobody there needs."""
        return any(
            cell is None and not n for row in self.rows for cell, n in zip(row.cells, row.needed, strict=True)
        )

    @property
    def has_needed(self) -> bool:
        """Whether something is missing that others need."""
        return any(
            cell is None and n for row in self.rows for cell, n in zip(row.cells, row.needed, strict=True)
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing, whatever is asked for."""
        return self.services == 0


def glance(
    listed: Mapping[str, Sequence[Instance]], overrides: Mapping[str, str], wanted: Filter, now: float
) -> Glance:
    """Return the page's content; services that are overridden or depended on are there, registered or not."""
    records = with_named(listed, overrides)
    all_stages = stages_of(records)
    stages = tuple(stage for stage in all_stages if stage in wanted.stages) or all_stages
    shown = {
        service: [record for record in some if record.stage in stages]
        for service, some in records.items()
        if _has(service, some, overrides.get(service), wanted.text)
    }
    matrix = Matrix.of(shown, stages=stages)
    needed = [_needed(records, stage) for stage in stages]
    rows = tuple(
        Row(
            service,
            cells=tuple(_cell(matrix, (service, stage), shown[service], now) for stage in stages),
            needed=tuple(counts[service] for counts in needed),
            override=overrides.get(service),
            has_records=bool(records[service]),
        )
        for service in matrix.services
    )
    columns = tuple(
        Column(stage, stage_name(stage), sum((service, stage) in matrix.cells for service in matrix.services))
        for stage in stages
    )
    return Glance(
        columns=columns,
        rows=rows,
        stages=all_stages,
        services=len(records),
        records=sum(map(len, records.values())),
        overridden=len(overrides),
        missing=matrix.missing,
        wanted=wanted,
        unknown_stages=tuple(stage for stage in dict.fromkeys(wanted.stages) if stage not in all_stages),
    )


def with_named(
    listed: Mapping[str, Sequence[Instance]], overrides: Mapping[str, str]
) -> dict[str, Sequence[Instance]]:
    """Return the records by service, with services that have none but are overridden, or that others depend on."""
    depended_on = {
        dependency.service
        for records in listed.values()
        for record in records
        for dependency in decode_depends_on(record.attributes)
    }
    return {**dict.fromkeys((*depended_on, *overrides), ()), **listed}


def _needed(records: Mapping[str, Sequence[Instance]], stage: str) -> Counter[str]:
    """Return how many services of the stage depend on each."""
    pairs = {
        (record.service, dependency.service)
        for some in records.values()
        for record in some
        if record.stage == stage
        for dependency in decode_depends_on(record.attributes)
    }
    return Counter(dependency for _, dependency in pairs)


def stages_of(records: Mapping[str, Sequence[Instance]]) -> tuple[str, ...]:
    """Return the stages in the order of their columns: those of most services first, no stage last.

    Of those with equally many, the ones with a number, such as previews, come last, and `pr-2` before `pr-10`.
    """
    places = {(record.service, record.stage) for some in records.values() for record in some}
    services = Counter(stage for _, stage in places)

    def place(stage: str) -> tuple[object, ...]:
        words = natural(stage)
        return (stage == NO_STAGE, -services[stage], len(words) > 1, words, stage)

    return tuple(sorted(services, key=place))


def _has(service: str, records: Sequence[Instance], override: str | None, text: str) -> bool:
    """Return whether the text is in the service's name, or in a record, whatever the case."""
    sought = text.casefold()
    said = [service, override or ""]
    for record in records:
        said += [record.endpoint, record.version or "", record.tenant or "", record.owner or ""]
    return any(sought in one.casefold() for one in said)


def _cell(matrix: Matrix, place: Place, records: Sequence[Instance], now: float) -> CellView | None:
    cell = matrix.cells.get(place)
    if cell is None:
        return None
    own = matching([record for record in records if record.stage == place[1]])
    return CellView(
        versions=tuple(
            _version(text, [record for record in own if (record.version or "") == text], now)
            for text, _ in cell.versions[:_MOST_VERSIONS]
        ),
        more=len(cell.versions[_MOST_VERSIONS:]),
        tenants=cell.tenants,
        is_drained=cell.drained,
    )


def _version(text: str, records: Sequence[Instance], now: float) -> Version:
    moments = [record.registered_at for record in records if record.registered_at is not None]
    return Version(
        text=text,
        number=len(records),
        is_drained=all(record.weight == 0 for record in records),
        moment=Moment.of(max(moments), now) if moments else None,
    )
