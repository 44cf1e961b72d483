"""The command that lists what is registered: list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudmap_discovery.cli import exits, machine
from cloudmap_discovery.cli.matrix_view import show_matrix
from cloudmap_discovery.cli.options import command_class, common_options
from cloudmap_discovery.cli.record_view import highest_first, show_records
from cloudmap_discovery.limits import check_stage
from cloudmap_discovery.matrix import Matrix
from cloudmap_discovery.shown import in_stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from cloudmap_discovery.assembly import Core
    from cloudmap_discovery.cli.session import Session
    from cloudmap_discovery.model import Instance


def add_to(group: click.Group) -> None:
    """Add the command to the program."""
    import click  # noqa: PLC0415 -- comes with the [cli] extra

    @group.command("list", cls=command_class(), short_help="Show services by stage.")
    @click.option(
        "--stage",
        "stages",
        metavar="STAGE",
        multiple=True,
        help="Only this stage, - for no stage; may be given again. One alone lists its records.",
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
    def list_(session: Session, stages: tuple[str, ...], timeout_seconds: float) -> int:
        """Show which service is registered in which stage, in which versions.

        Reads Cloud Map itself, one call for each service, and never what is held. DISCOVERY_STAGE plays no part.

        \b
        Examples:
          cloudmap-discovery list
          cloudmap-discovery list --stage Staging --stage Production
          cloudmap-discovery list --json | jq -r '.instances[].endpoint'
        """  # noqa: D301 -- \b is click's mark for lines that are not to be joined
        return list_services(session, stages, timeout_seconds)


def list_services(session: Session, stages: Sequence[str], timeout_seconds: float) -> int:
    """Print the records of all stages, or of these."""
    wanted = tuple(dict.fromkeys(check_stage(stage) for stage in stages))
    records = session.run(lambda core: _records(core, wanted, timeout_seconds), "Listing Cloud Map")
    namespace = session.settings.namespace
    if not records and not session.run(
        lambda core: core.registry.has_namespace(), "Looking for the namespace"
    ):
        raise exits.NamespaceNotFoundError(namespace)
    everything = [record for some in records.values() for record in some]
    if session.as_json:
        session.screen.result(
            machine.document(
                {
                    "namespace": namespace,
                    "services": list(records),
                    "instances": machine.instances(everything),
                }
            )
        )
    elif not records:
        where = " or ".join(in_stage(stage) for stage in wanted)
        session.note(f"Nothing is registered{' ' if where else ''}{where} in namespace {namespace}.")
    elif len(wanted) == 1:
        show_records(session.screen, everything, stage=wanted[0], namespace=namespace)
    else:
        show_matrix(session.screen, Matrix.of(records, stages=wanted), namespace=namespace)
    return exits.DONE


async def _records(core: Core, stages: Sequence[str], timeout_seconds: float) -> dict[str, list[Instance]]:
    """Return the records of these stages by service, or all; then services without any are there too."""
    found = await core.registry.records(
        stage=stages[0] if len(stages) == 1 else None, timeout_seconds=timeout_seconds
    )
    wanted = {
        service: [
            record
            for stage in sorted({record.stage for record in found[service]})
            if not stages or stage in stages
            for record in highest_first([record for record in found[service] if record.stage == stage])
        ]
        for service in sorted(found)
    }
    return {service: records for service, records in wanted.items() if records or not stages}
