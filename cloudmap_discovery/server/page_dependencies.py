"""What the page of one service shows of dependencies: its own and those on it, each in every stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cloudmap_discovery.dependency_graph import draw_up, on_ladder
from cloudmap_discovery.limits import LADDER
from cloudmap_discovery.selection import ordered
from cloudmap_discovery.server.page_glance import stages_of
from cloudmap_discovery.server.page_text import stage_name
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cloudmap_discovery.dependency_graph import Edge, Graph
    from cloudmap_discovery.model import Instance

State = Literal["met", "unmet", "missing", "overridden"]


@value
class Standing:
    """How a dependency stands in one stage, and which versions are there."""

    state: State
    versions: str


@value
class Dependence:
    """The service at the other end, the range that is wanted of it or of us, and how that stands in each column."""

    service: str
    range: str | None
    standings: tuple[Standing | None, ...]


@value
class Dependencies:
    """A table of them; `columns` are stages, or one whole ladder of them, by what stands over them."""

    columns: tuple[str, ...]
    rows: tuple[Dependence, ...]


def dependencies(
    service: str,
    records: Mapping[str, Sequence[Instance]],
    stages: Sequence[str],
    *,
    version_suffix: str,
    overrides: Mapping[str, str],
) -> tuple[Dependencies, Dependencies]:
    """Return what the service depends on, and what depends on it: as lookups in these stages find it, or in each stage."""
    columns = [_Column(stages, records, version_suffix)] if stages else []
    if not stages:
        columns = [_Column([stage], records, version_suffix) for stage in stages_of(records)]

    def table(mine: Callable[[Edge], str], other: Callable[[Edge], str]) -> Dependencies:
        found = [[edge for edge in column.graph.edges if mine(edge) == service] for column in columns]
        used = [(column, edges) for column, edges in zip(columns, found, strict=True) if edges]
        pairs = sorted({(other(edge), edge.version or "") for _, edges in used for edge in edges})
        return Dependencies(
            tuple(column.label for column, _ in used),
            tuple(
                Dependence(
                    name,
                    wanted or None,
                    tuple(
                        _standing(
                            column, edges, lambda edge: (other(edge), edge.version or ""), pair, overrides
                        )
                        for column, edges in used
                    ),
                )
                for pair in pairs
                for name, wanted in [pair]
            ),
        )

    return (
        table(lambda edge: edge.service, lambda edge: edge.dependency),
        table(lambda edge: edge.dependency, lambda edge: edge.service),
    )


class _Column:
    """The registry as lookups in a stage, or in a ladder of them, see it."""

    def __init__(
        self, stages: Sequence[str], records: Mapping[str, Sequence[Instance]], version_suffix: str
    ) -> None:
        self.label = f" {LADDER} ".join(map(stage_name, stages))
        self.records = {service: on_ladder(some, stages) for service, some in records.items()}
        self.graph: Graph = draw_up(self.records, version_suffix)

    def versions(self, service: str) -> str:
        """Return the versions of a service, highest first."""
        found = dict.fromkeys(record.version for record in ordered(self.records.get(service, ())))
        return ", ".join(version for version in found if version is not None)


def _standing(
    column: _Column,
    edges: Sequence[Edge],
    key: Callable[[Edge], tuple[str, str]],
    wanted: tuple[str, str],
    overrides: Mapping[str, str],
) -> Standing | None:
    edge = next((edge for edge in edges if key(edge) == wanted), None)
    if edge is None:
        return None
    state: State = "overridden" if edge.dependency in overrides else edge.state
    return Standing(state, column.versions(edge.dependency))
