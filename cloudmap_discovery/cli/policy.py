"""The command that prints what IAM has to allow: policy."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.cli import exits, machine
from cloudmap_discovery.cli.declared import declared
from cloudmap_discovery.cli.hints import command_line
from cloudmap_discovery.cli.options import command_class, common_options, stage_option, timeout_option
from cloudmap_discovery.errors import DiscoveryUnavailableError, InvalidValueError, ServiceNotFoundError
from cloudmap_discovery.policies import MAX_POLICY_CHARACTERS, Scope, reader_policy, writer_policy
from cloudmap_discovery.setting_text import account as parse_account
from cloudmap_discovery.settings import MIRRORS
from cloudmap_discovery.transport.endpoints import region_of
from cloudmap_discovery.wiring import snapshot_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from cloudmap_discovery.assembly import Core
    from cloudmap_discovery.cli.session import Session
    from cloudmap_discovery.dependencies import Dependency
    from cloudmap_discovery.model import Instance

_READER: Final = "reader"
_WRITER: Final = "writer"


def add_to(group: click.Group) -> None:
    """Add the command to the program."""
    import click  # noqa: PLC0415 -- comes with the [cli] extra

    @group.command(cls=command_class(), short_help="Print the IAM policy for what is declared.")
    @stage_option("Where those are that declare no stage of their own. [DISCOVERY_STAGE, or no stage]")
    @click.option(
        "--mode",
        type=click.Choice([_READER, _WRITER]),
        default=_READER,
        show_default=True,
        help="For what looks the dependencies up, or for what registers them.",
    )
    @click.option(
        "--with-targets",
        is_flag=True,
        help="Look the dependencies up, and allow calling what is found.",
    )
    @click.option("--account", metavar="ID", help="The account in ARNs.  [default: any]")
    @timeout_option
    @common_options
    def policy(
        session: Session, stage: str | None, mode: str, with_targets: bool, account: str | None
    ) -> int:
        """Print the least IAM policy for exactly the declared dependencies, as JSON.

        Calls nothing, unless --with-targets asks for it. The region in ARNs is that of the settings; without any,
        every region is meant.

        \b
        Examples:
          cloudmap-discovery policy --stage Production --account 123456789012
          cloudmap-discovery policy --stage 'pr-123>Staging' --with-targets
          cloudmap-discovery policy --mode writer --stage Production
        """  # noqa: D301 -- \b is click's mark for lines that are not to be joined
        if with_targets and mode == _WRITER:
            raise click.UsageError(
                "--with-targets goes with --mode reader: what registers a service need not call it"
            )
        session.override(stage=stage)
        return print_policy(session, mode, account, with_targets=with_targets)


def print_policy(session: Session, mode: str, account: str | None, *, with_targets: bool) -> int:
    """Print the policy; `with_targets` looks the dependencies up."""
    checked = None if account is None else _account(account)
    dependencies = declared(session)
    settings = session.settings
    mirrors = settings.sources if settings.mirrors is None else settings.mirrors
    scope = Scope(
        namespace=settings.namespace,
        parameter_prefix=settings.parameter_prefix,
        stores=settings.sources if mode == _READER else tuple(name for name in mirrors if name in MIRRORS),
        stage=settings.stage,
        region=region_of(settings.region, session.environment),
        account=checked,
        owner_account=settings.owner_account,
        snapshot=None if settings.bucket is None else "/".join(snapshot_object(settings)),
    )
    targets: Sequence[Instance] = ()
    if with_targets:
        try:
            targets = session.run(lambda core: _targets(core, dependencies), "Looking up the dependencies")
        except (ServiceNotFoundError, DiscoveryUnavailableError):
            stage = session.overridden.get("stage")
            session.hints = (command_line(session, "check", *(("--stage", stage) if stage else ())),)
            raise
    made = (
        reader_policy(dependencies, scope, targets) if mode == _READER else writer_policy(dependencies, scope)
    )
    session.screen.result(machine.document(made.document))
    for note in made.notes:
        session.note(f"note: nothing is allowed for {note}")
    if made.characters > MAX_POLICY_CHARACTERS:
        session.warn(
            f"the policy has {made.characters:,} characters without white space; a managed policy holds "
            f"{MAX_POLICY_CHARACTERS:,}: divide its statements between several"
        )
    return exits.DONE


async def _targets(core: Core, dependencies: Sequence[Dependency]) -> list[Instance]:
    answers = await asyncio.gather(*(core.discovery.discover_all(each.service) for each in dependencies))
    return [instance for answer in answers for instance in answer]


def _account(text: str) -> str:
    try:
        return parse_account(text.strip())
    except ValueError as error:
        raise InvalidValueError("--account", text, "an AWS account id of 12 digits") from error
