"""The command that looks up what is declared: check."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloudmap_discovery.cli import exits, machine
from cloudmap_discovery.cli.check_view import show_checks
from cloudmap_discovery.cli.declared import declared
from cloudmap_discovery.cli.hints import hints_for
from cloudmap_discovery.cli.options import command_class, common_options, stage_option, timeout_option
from cloudmap_discovery.errors import (
    DiscoveryUnavailableError,
    NoMatchingInstanceError,
    ServiceNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from cloudmap_discovery.assembly import Core
    from cloudmap_discovery.cli.session import Session
    from cloudmap_discovery.dependencies import Dependency
    from cloudmap_discovery.model import Answer, Instance


@dataclass(frozen=True, slots=True)
class Check:
    """A dependency, and what a lookup of it came to: an `answer` with the instance `chosen` of it, or an `error`."""

    dependency: Dependency
    answer: Answer | None = None
    chosen: Instance | None = None
    error: ServiceNotFoundError | DiscoveryUnavailableError | None = None

    @property
    def is_missing(self) -> bool:
        """Whether the registry answered and does not have it."""
        return isinstance(self.error, ServiceNotFoundError)

    @property
    def outcome(self) -> str:
        """What became of it, in one word."""
        return "found" if self.error is None else "missing" if self.is_missing else "unavailable"


def add_to(group: click.Group) -> None:
    """Add the command to the program."""

    @group.command(cls=command_class(), short_help="Look up every declared dependency.")
    @stage_option("Where those are that declare no stage of their own. [DISCOVERY_STAGE, or no stage]")
    @timeout_option
    @common_options
    def check(session: Session, stage: str | None) -> int:
        """Look up every declared dependency, and show what was found where.

        For pipelines, before a deployment: fails if one is missing. Dependencies are declared in pyproject.toml
        under [tool.cloudmap-discovery.dependencies], in cloudmap-discovery.json, or in DISCOVERY_DEPENDENCIES.

        \b
        Examples:
          cloudmap-discovery check --stage Production
          cloudmap-discovery check --stage 'pr-123>Staging' --json
        """  # noqa: D301 -- \b is click's mark for lines that are not to be joined
        session.override(stage=stage)
        return check_dependencies(session)


def check_dependencies(session: Session) -> int:
    """Look all of them up and print what was found; the exit code says whether all were."""
    dependencies = declared(session)
    checks = session.run(lambda core: _checks(core, dependencies), "Looking up the dependencies")
    session.told += [str(check.error) for check in checks if check.error is not None]
    missing = [check for check in checks if check.is_missing]
    if session.as_json:
        session.screen.result(machine.document([_as_json(check) for check in checks]))
    else:
        show_checks(session.screen, checks, session.settings)
        unknown = [check for check in missing if not isinstance(check.error, NoMatchingInstanceError)]
        if unknown:
            dependency = unknown[0].dependency
            for hint in hints_for(session, dependency.service, dependency.stage):
                session.screen.hint(hint)
    if missing:
        return exits.NOT_FOUND
    return exits.DONE if all(check.error is None for check in checks) else exits.UNAVAILABLE


async def _checks(core: Core, dependencies: Sequence[Dependency]) -> list[Check]:
    async def checked(dependency: Dependency) -> Check:
        try:
            answer = await core.discovery.discover_all(dependency.service)
            chosen = await core.discovery.discover(dependency.service)
        except (ServiceNotFoundError, DiscoveryUnavailableError) as error:
            return Check(dependency, error=error)
        return Check(dependency, answer, chosen)

    return await asyncio.gather(*map(checked, dependencies))


def _as_json(check: Check) -> dict[str, Any]:
    dependency, answer = check.dependency, check.answer
    return {
        "service": dependency.service,
        "wants": {"version": dependency.version, "tenant": dependency.tenant, "stage": dependency.stage},
        "outcome": check.outcome,
        "stage": None if answer is None else answer.stage,
        "source": None if answer is None else answer.source,
        "stale": None if answer is None else answer.stale,
        "instance": None if check.chosen is None else machine.instance(check.chosen),
        "error": None if check.error is None else exits.as_json(check.error),
    }
