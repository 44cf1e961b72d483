"""The commands that work on whole mirrors: snapshot and sync."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from cloudmap_discovery.cli import exits, machine
from cloudmap_discovery.cli.mirror_view import as_json, show_synced
from cloudmap_discovery.cli.options import command_class, common_options
from cloudmap_discovery.cli.snapshot_files import compared, write_file
from cloudmap_discovery.errors import ConfigurationError, RemoteError
from cloudmap_discovery.limits import check_stage
from cloudmap_discovery.settings import S3
from cloudmap_discovery.snapshot_writing import snapshot_text

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    import click

    from cloudmap_discovery.assembly import Core
    from cloudmap_discovery.cli.session import Session
    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.snapshots import Snapshot
    from cloudmap_discovery.syncing import Synced

    Report = Callable[[str, int, int], None]

T = TypeVar("T")


def add_to(group: click.Group) -> None:
    """Add the commands to the program."""
    import click  # noqa: PLC0415 -- comes with the [cli] extra

    timeout = click.option(
        "--timeout",
        "timeout_seconds",
        metavar="SECONDS",
        type=float,
        default=600.0,
        show_default=True,
        help="How long all of it may take.",
    )
    stage = click.option("--stage", metavar="STAGE", help="Only this stage, - for no stage.  [default: all]")
    force = click.option(
        "--force",
        is_flag=True,
        help="Also where most records would go, or what is there cannot be read.",
    )

    @group.command(cls=command_class(), short_help="Make a snapshot of the registry.")
    @stage
    @click.option("--out", metavar="FILE", help="Write it to this file; compressed, if that ends in .gz.")
    @click.option("--publish", is_flag=True, help="Put it into DISCOVERY_BUCKET.")
    @click.option("--diff", is_flag=True, help="Say what would change there, and write nothing.")
    @force
    @timeout
    @common_options
    def snapshot(
        session: Session,
        stage: str | None,
        out: str | None,
        publish: bool,
        diff: bool,
        force: bool,
        timeout_seconds: float,
    ) -> int:
        """Make one document of all that Cloud Map has, and print it, write it to a file, or publish it.

        A file is for functions that are to start without a call (DISCOVERY_SNAPSHOT_FILE); what is published is read
        with one request for all services (s3 in DISCOVERY_SOURCES). Reads Cloud Map at a rate that it bears: some 40
        services a second.

        \b
        Examples:
          cloudmap-discovery snapshot --stage Production --out snapshot.json
          cloudmap-discovery snapshot --publish
          cloudmap-discovery snapshot --publish --diff
        """  # noqa: D301 -- \b is click's mark for lines that are not to be joined
        if publish and out is not None:
            raise click.UsageError("a snapshot goes to one place: --out FILE or --publish")
        chosen = None if stage is None else check_stage(stage)
        if publish or (diff and out is None):
            session.override(mirrors=S3)
            return _sync(session, chosen, dry_run=diff, force=force, timeout_seconds=timeout_seconds)
        return make_snapshot(session, chosen, out, diff=diff, force=force, timeout_seconds=timeout_seconds)

    @group.command(cls=command_class(), short_help="Make the mirrors equal to Cloud Map.")
    @stage
    @click.option("--dry-run", is_flag=True, help="Say what is different, and write nothing.")
    @force
    @timeout
    @common_options
    def sync(session: Session, stage: str | None, dry_run: bool, force: bool, timeout_seconds: float) -> int:
        """Make Parameter Store and the snapshot in S3 equal to Cloud Map, whatever has changed them.

        Which of them is in DISCOVERY_MIRRORS, or follows from DISCOVERY_SOURCES. Parameters that people wrote are left
        as they are. Run it on a schedule: it is what keeps a snapshot from growing too old (DISCOVERY_MAX_SNAPSHOT_AGE).

        \b
        Examples:
          cloudmap-discovery sync --dry-run
          cloudmap-discovery sync
        """  # noqa: D301 -- \b is click's mark for lines that are not to be joined
        if not session.core.syncer.names:
            settings = session.settings
            text = ",".join(settings.sources if settings.mirrors is None else settings.mirrors) or "none"
            variable = "DISCOVERY_SOURCES" if settings.mirrors is None else "DISCOVERY_MIRRORS"
            raise ConfigurationError(
                variable, text, "a list with ssm or s3 in it: there is no mirror to sync"
            )
        chosen = None if stage is None else check_stage(stage)
        return _sync(session, chosen, dry_run=dry_run, force=force, timeout_seconds=timeout_seconds)


def _sync(session: Session, stage: str | None, *, dry_run: bool, force: bool, timeout_seconds: float) -> int:
    async def work(core: Core, report: Report) -> tuple[Synced, ...]:
        return await core.syncer.sync(
            _deadline(core, timeout_seconds), stage=stage, dry_run=dry_run, force=force, report=report
        )

    synced = _counted(session, work)
    if session.as_json:
        session.screen.result(machine.document(as_json(synced, dry_run=dry_run)))
    else:
        show_synced(session.screen, synced, dry_run=dry_run)
    for one in synced:
        if one.error is not None:
            raise one.error
    return exits.DONE


def make_snapshot(
    session: Session, stage: str | None, out: str | None, *, diff: bool, force: bool, timeout_seconds: float
) -> int:
    """Print the snapshot, or write it to a file, or say in what that differs."""

    async def work(core: Core, report: Report) -> Snapshot:
        return await core.syncer.snapshot(stage, _deadline(core, timeout_seconds), report=report)

    snapshot = _counted(session, work)
    if out is None:
        session.screen.result(snapshot_text(snapshot).rstrip("\n"))
        return exits.DONE
    synced = compared(snapshot, out, force=force or diff)
    size = 0 if diff else write_file(snapshot, out)
    if session.as_json:
        session.screen.result(machine.document(as_json([synced], dry_run=diff)))
    else:
        show_synced(session.screen, [synced], dry_run=diff)
        if not diff:
            count = sum(map(len, snapshot.items.values()))
            services = len({service for service, _ in snapshot.items})
            session.note(f"{count} record(s) of {services} service(s), {size:,} bytes")
    return exits.DONE


def _deadline(core: Core, timeout_seconds: float) -> Deadline:
    return core.registry.deadline(timeout_seconds)


def _counted(session: Session, work: Callable[[Core, Report], Coroutine[Any, Any, T]]) -> T:
    try:
        return session.run_counted(work, "Listing Cloud Map")
    except RemoteError as error:
        if error.code == "NamespaceNotFound":
            raise exits.NamespaceNotFoundError(session.settings.namespace) from error
        raise
