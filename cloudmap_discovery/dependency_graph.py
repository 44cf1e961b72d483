"""Which service depends on which, from what their records say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cloudmap_discovery.depends_on import decode_depends_on
from cloudmap_discovery.ranges import parse_range
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudmap_discovery.dependencies import Dependency
    from cloudmap_discovery.model import Instance

State = Literal["met", "unmet", "missing"]
"""Whether a dependency has a record that will do, only others, or none at all."""


@value
class Node:
    """A service; `registered` says whether it has a record."""

    service: str
    registered: bool


@value
class Edge:
    """`service` depends on `dependency`, in this range of versions; None means any."""

    service: str
    dependency: str
    version: str | None
    state: State


@value
class Graph:
    """Services and what each depends on, both by name."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    @property
    def missing(self) -> tuple[Edge, ...]:
        """The dependencies that have no record."""
        return tuple(edge for edge in self.edges if edge.state == "missing")

    @property
    def unmet(self) -> tuple[Edge, ...]:
        """The dependencies that have records, but none in the range."""
        return tuple(edge for edge in self.edges if edge.state == "unmet")


def draw_up(records: Mapping[str, Sequence[Instance]], version_suffix: str = "") -> Graph:
    """Return the graph of these records by service; a service without any counts as not registered.

    `version_suffix` is appended to every version that is depended on, as lookups do.
    """
    there = {service for service, some in records.items() if some}
    wanted = {
        service: {
            dependency for record in records[service] for dependency in decode_depends_on(record.attributes)
        }
        for service in there
    }
    edges = [
        Edge(service, dependency.service, dependency.version, _state(dependency, records, version_suffix))
        for service, dependencies in wanted.items()
        for dependency in dependencies
    ]
    names = there | {edge.dependency for edge in edges}
    return Graph(
        nodes=tuple(Node(name, name in there) for name in sorted(names)),
        edges=tuple(sorted(edges, key=lambda edge: (edge.service, edge.dependency, edge.version or ""))),
    )


def _state(dependency: Dependency, records: Mapping[str, Sequence[Instance]], version_suffix: str) -> State:
    candidates = records.get(dependency.service, ())
    if not candidates:
        return "missing"
    if dependency.version is None:
        return "met"
    wanted = parse_range(dependency.version, version_suffix)
    return "met" if any(wanted.matches(record.version) for record in candidates) else "unmet"


def on_ladder(records: Sequence[Instance], stages: Sequence[str]) -> Sequence[Instance]:
    """Return those of a service's records that a lookup on the ladder finds: of the first stage that has any, or all."""
    if not stages:
        return records
    rungs = ([record for record in records if record.stage == stage] for stage in stages)
    return next((rung for rung in rungs if rung), ())
