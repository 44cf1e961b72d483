"""The command that shows who depends on whom: graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.cli import exits, machine
from cloudmap_discovery.cli.options import command_class, common_options, stage_option
from cloudmap_discovery.dependency_drawing import to_dot, to_mermaid
from cloudmap_discovery.dependency_graph import draw_up, on_ladder
from cloudmap_discovery.limits import check_ladder
from cloudmap_discovery.shown import in_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence, Sized

    import click

    from cloudmap_discovery.assembly import Core
    from cloudmap_discovery.cli.session import Session
    from cloudmap_discovery.dependency_graph import Edge, Graph
    from cloudmap_discovery.model import Instance

_FORMATS: Final[dict[str, Callable[[Graph], str]]] = {"mermaid": to_mermaid, "dot": to_dot}
_MOST_NAMED: Final = 10


def add_to(group: click.Group) -> None:
    """Add the command to the program."""
    import click  # noqa: PLC0415 -- comes with the [cli] extra

    @group.command("graph", cls=command_class(), short_help="Draw which service depends on which.")
    @stage_option("Only this stage, or what lookups find in a ladder; - for no stage.")
    @click.option(
        "--format",
        "language",
        type=click.Choice(list(_FORMATS)),
        default="mermaid",
        show_default=True,
        help="What draws the picture: Mermaid, as in Markdown on GitHub, or Graphviz.",
    )
    @click.option(
        "--timeout",
        "timeout_seconds",
        metavar="SECONDS",
        type=float,
        default=60.0,
        show_default=True,
        help="How long listing may take.",
    )
    @common_options
    def graph_(session: Session, stage: str | None, language: str, timeout_seconds: float) -> int:
        """Print which service depends on which, as text that Mermaid or Graphviz draws.

        Reads from the records what register --depends-on wrote: in Cloud Map itself, one call for each service.
        What is depended on and not registered is marked. DISCOVERY_STAGE plays no part.

        \b
        Examples:
          cloudmap-discovery graph --stage Production
          cloudmap-discovery graph --stage 'pr-123>Staging' --json
          cloudmap-discovery graph --format dot | dot -Tsvg -o dependencies.svg
        """  # noqa: D301 -- \b is click's mark for lines that are not to be joined
        return print_graph(session, stage, language, timeout_seconds)


def print_graph(session: Session, stage: str | None, language: str, timeout_seconds: float) -> int:
    """Print the graph of all stages, or of the records that the stage or ladder has."""
    stages = () if stage is None else check_ladder(stage)
    records = session.run(lambda core: _records(core, stages, timeout_seconds), "Listing Cloud Map")
    namespace = session.settings.namespace
    if not records and not session.run(
        lambda core: core.registry.has_namespace(), "Looking for the namespace"
    ):
        raise exits.NamespaceNotFoundError(namespace)
    graph = draw_up(records, session.settings.version_suffix)
    if session.as_json:
        session.screen.result(machine.document(_as_json(graph, namespace)))
    else:
        session.screen.result(_FORMATS[language](graph))
    if not graph.nodes:
        where = f" {in_stage(stage)}" if stage else ""
        session.note(f"Nothing is registered{where} in namespace {namespace}.")
    elif not graph.edges:
        session.note(
            "note: no record says what its service depends on; "
            "cloudmap-discovery register … --depends-on NAME writes that"
        )
    _warn(session, graph, records)
    return exits.DONE


async def _records(
    core: Core, stages: Sequence[str], timeout_seconds: float
) -> dict[str, Sequence[Instance]]:
    """Return the records of each service: of the first of these stages that has any, or of all stages."""
    found = await core.registry.records(
        stage=stages[0] if len(stages) == 1 else None, timeout_seconds=timeout_seconds
    )
    return {service: some for service in found if (some := on_ladder(found[service], stages))}


def _named(items: Sequence[str]) -> str:
    more = f"; and {len(items) - _MOST_NAMED} more" if len(items) > _MOST_NAMED else ""
    return f"{'; '.join(items[:_MOST_NAMED])}{more}"


def _warn(session: Session, graph: Graph, records: Mapping[str, Sequence[Instance]]) -> None:
    missing, unmet = _by_dependency(graph.missing), _by_dependency(graph.unmet)
    if missing:
        named = _named([f"{name} (for {_callers(edges)})" for name, edges in missing.items()])
        session.warn(f"{_dependencies(missing)} missing: {named}")
    if unmet:
        named = _named(
            [f"{name} has {_versions(records[name])}, not {_wanted(edges)}" for name, edges in unmet.items()]
        )
        session.warn(f"{_dependencies(unmet)} not met by any version: {named}")


def _dependencies(which: Sized) -> str:
    return f"{len(which)} {'dependency is' if len(which) == 1 else 'dependencies are'}"


def _by_dependency(edges: Iterable[Edge]) -> dict[str, list[Edge]]:
    found: dict[str, list[Edge]] = {}
    for edge in edges:
        found.setdefault(edge.dependency, []).append(edge)
    return dict(sorted(found.items()))


def _callers(edges: Iterable[Edge]) -> str:
    return ", ".join(dict.fromkeys(edge.service for edge in edges))


def _wanted(edges: Iterable[Edge]) -> str:
    return ", ".join(f"{edge.version} (for {edge.service})" for edge in edges)


def _versions(records: Iterable[Instance]) -> str:
    found = dict.fromkeys(record.version for record in records if record.version is not None)
    return ", ".join(found) or "no version"


def _as_json(graph: Graph, namespace: str) -> dict[str, Any]:
    return {
        "namespace": namespace,
        "nodes": [{"service": node.service, "registered": node.registered} for node in graph.nodes],
        "edges": [
            {
                "service": edge.service,
                "dependency": edge.dependency,
                "version": edge.version,
                "state": edge.state,
            }
            for edge in graph.edges
        ],
    }
