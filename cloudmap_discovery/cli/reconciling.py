"""The command that reconciles the registry with the tags of functions: reconcile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudmap_discovery.cli import exits, machine
from cloudmap_discovery.cli.options import command_class, common_options
from cloudmap_discovery.events import Deregistered, Registered
from cloudmap_discovery.shown import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    import click

    from cloudmap_discovery.cli.session import Session
    from cloudmap_discovery.events import Event
    from cloudmap_discovery.registrar.parts import Parts
    from cloudmap_discovery.registrar.reconcile import Plan
    from cloudmap_discovery.registrar.runs import Read, Summary


def add_to(group: click.Group) -> None:
    """Add the command to the program."""
    import click  # noqa: PLC0415 -- comes with the [cli] extra

    @group.command(cls=command_class(), short_help="Make records agree with functions' tags.")
    @click.option("--dry-run", is_flag=True, help="Print the plan, and write nothing.")
    @click.option(
        "--force",
        is_flag=True,
        help="Remove however many records there are to remove. [no more than 3, or 15 % of those that tags own]",
    )
    @click.option(
        "--timeout",
        "timeout_seconds",
        metavar="SECONDS",
        type=float,
        default=900.0,
        show_default=True,
        help="How long all of it may take.",
    )
    @common_options
    def reconcile(session: Session, dry_run: bool, force: bool, timeout_seconds: float) -> int:
        """Make the records that belong to functions' tags agree with what the tags say, as the registrar does.

        Reads the tagged functions of the account that the credentials are of, in one region, and all records of the
        namespace; registers and updates what tags (discovery:service and its like) ask for, and removes records
        whose function is gone or does not want them any more. Then it makes the mirrors equal to Cloud Map and
        removes services that have long been empty, as a scheduled run of the registrar does.

        DISCOVERY_REGISTRAR_SERVICES, DISCOVERY_REGISTRAR_STAGES and DISCOVERY_REGISTRAR_URLS say what it may touch,
        here as for the registrar itself, and so do DISCOVERY_STAGE and DISCOVERY_MIRRORS: set them as they are
        set there.

        Exit code 0: done, or planned, also where there are tags that cannot be used; 2: removals were stopped,
        which --force allows; 3: something could not be read or written, and trying again may help.

        \b
        Examples:
          cloudmap-discovery reconcile --dry-run
          cloudmap-discovery reconcile --dry-run --json | jq '.remove'
          cloudmap-discovery reconcile --force
        """  # noqa: D301 -- \b is click's mark for lines that are not to be joined
        if dry_run:
            return print_plan(session, force=force, timeout_seconds=timeout_seconds)
        return run_registrar(session, force=force, timeout_seconds=timeout_seconds)


def print_plan(session: Session, *, force: bool, timeout_seconds: float) -> int:
    """Print what a run would do; the exit code is the one that it would end with, as far as that can be told."""
    from cloudmap_discovery.cli.reconcile_view import show_plan  # noqa: PLC0415 -- loads the registrar
    from cloudmap_discovery.registrar.report import as_plan  # noqa: PLC0415 -- the same

    async def work(parts: Parts) -> tuple[Read, bool]:
        read = await parts.runs.read(parts.core.registry.deadline(timeout_seconds), forced=force)
        return read, bool(read.records) or await parts.core.registry.has_namespace()

    read, has_namespace = session.run_registrar(work, "Reading functions and records", lambda _: None)
    if session.as_json:
        session.screen.result(machine.document(_about(session, dry_run=True) | as_plan(read.plan)))
    else:
        show_plan(session.screen, read.plan, session.registrar)
    if not has_namespace:
        session.note(f"There is no namespace {session.settings.namespace!r} yet: registering creates it.")
    _warn(session, read.plan)
    return _exit_code(read.plan, is_troubled=bool(read.plan.unread))


def run_registrar(session: Session, *, force: bool, timeout_seconds: float) -> int:
    """Make a whole run, as on a schedule, and print what it did."""
    from cloudmap_discovery.cli.reconcile_view import show_summary  # noqa: PLC0415 -- loads the registrar
    from cloudmap_discovery.registrar.hints import Hints  # noqa: PLC0415 -- the same
    from cloudmap_discovery.registrar.report import as_summary  # noqa: PLC0415 -- the same

    async def work(parts: Parts) -> Summary:
        # By hand is what people do where something is amiss: then mirrors and services are to be mended, too.
        hints = Hints(scheduled=True, triggers=("by hand",))
        return await parts.runs.run(hints, parts.core.registry.deadline(timeout_seconds), forced=force)

    summary = session.run_registrar(work, "Reading functions and records", _counting())
    if session.as_json:
        session.screen.result(machine.document(_about(session, dry_run=False) | as_summary(summary)))
    else:
        show_summary(session.screen, summary, session.registrar)
    _warn(session, summary.plan)
    errors = [one.error for one in summary.synced if one.error is not None]
    codes = [exits.exit_code(error) for error in errors]
    is_troubled = not summary.is_clean or bool(summary.swept.failed) or exits.UNAVAILABLE in codes
    return max(_exit_code(summary.plan, is_troubled=is_troubled), *codes, exits.DONE)


def _about(session: Session, *, dry_run: bool) -> dict[str, Any]:
    home = session.registrar.home
    return {
        "dry_run": dry_run,
        "namespace": session.settings.namespace,
        "account": home.account,
        "region": home.region,
    }


def _counting() -> Callable[[Event], str | None]:
    """Return what says how many records were written so far."""
    written = removed = 0

    def after(event: Event) -> str | None:
        nonlocal written, removed
        written += isinstance(event, Registered)
        removed += isinstance(event, Deregistered)
        if not (written or removed):
            return None
        return f"Reconciling: {counted(written, 'record')} written, {removed} removed"

    return after


def _warn(session: Session, plan: Plan) -> None:
    """Tell of what makes a run do less than it should."""
    if plan.incomplete is not None:
        nothing = "; nothing is removed before they can be" if plan.stopped else ""
        session.warn(f"not all functions could be listed: {plan.incomplete}{nothing}")
    elif plan.stopped is not None:
        session.warn(f"nothing is removed: {plan.stopped}")


def _exit_code(plan: Plan, *, is_troubled: bool) -> int:
    # Trouble first: a plan from half of what there is is none to be forced.
    if is_troubled or plan.incomplete is not None:
        return exits.UNAVAILABLE
    return exits.DONE if plan.stopped is None else exits.WRONG_USE
