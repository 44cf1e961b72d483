"""What the page of one service shows of its records: each with all that it says, by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudmap_discovery.model import DEFAULT_WEIGHT
from cloudmap_discovery.selection import matching
from cloudmap_discovery.server.page_glance import Moment
from cloudmap_discovery.server.page_text import link_of, stage_name
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudmap_discovery.model import Instance


@value
class RecordView:
    """One record; `link` is its endpoint where a browser may follow it. `has_usual_weight`: the weight says nothing."""

    endpoint: str
    link: str | None
    version: str | None
    variant: str | None
    tenant: str | None
    weight: int
    has_usual_weight: bool
    fields: tuple[tuple[str, str], ...]
    moment: Moment | None
    attributes: tuple[tuple[str, str], ...]

    @property
    def is_drained(self) -> bool:
        """Whether it takes no traffic."""
        return self.weight == 0


@value
class StageView:
    """The records of one stage, in the order in which a lookup prefers them, those of tenants last."""

    stage: str
    label: str
    records: tuple[RecordView, ...]


def by_stage(records: Sequence[Instance], stages: Sequence[str], now: float) -> tuple[StageView, ...]:
    """Return the records of these stages, in this order."""
    return tuple(
        StageView(stage, stage_name(stage), tuple(_record(record, now) for record in _in(records, stage)))
        for stage in stages
    )


def _in(records: Sequence[Instance], stage: str) -> list[Instance]:
    there = [record for record in records if record.stage == stage]
    of_tenants = [record for record in there if record.tenant is not None]
    return [*matching(there), *sorted(of_tenants, key=lambda record: (record.tenant or "", record.id))]


def _record(record: Instance, now: float) -> RecordView:
    fields = (("id", record.id), ("owner", record.owner), ("owner ref", record.owner_ref))
    return RecordView(
        endpoint=record.endpoint,
        link=link_of(record.endpoint),
        version=record.version,
        variant=record.variant,
        tenant=record.tenant,
        weight=record.weight,
        has_usual_weight=record.weight == DEFAULT_WEIGHT,
        fields=tuple((name, text) for name, text in fields if text is not None),
        moment=None if record.registered_at is None else Moment.of(record.registered_at, now),
        attributes=tuple(record.attributes.items()),
    )
