"""The commands that look a service up: discover, explain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudmap_discovery.cli import exits, machine
from cloudmap_discovery.cli.explanation_view import show_explanation
from cloudmap_discovery.cli.hints import hints_for
from cloudmap_discovery.cli.options import (
    command_class,
    common_options,
    request_options,
    timeout_option,
)
from cloudmap_discovery.cli.record_view import show_answer
from cloudmap_discovery.errors import InvalidValueError, NoMatchingInstanceError, ServiceNotFoundError
from cloudmap_discovery.settings import CLOUD_MAP

if TYPE_CHECKING:
    from collections.abc import Mapping

    import click

    from cloudmap_discovery.cli.session import Session
    from cloudmap_discovery.model import Explanation


def add_to(group: click.Group) -> None:
    """Add the commands to the program."""
    import click  # noqa: PLC0415 -- comes with the [cli] extra

    @group.command(cls=command_class(), short_help="Print the endpoint of a service.")
    @click.argument("service")
    @request_options
    @click.option(
        "--all", "all_matches", is_flag=True, help="Every match in a table, instead of one endpoint."
    )
    @timeout_option
    @common_options
    def discover(session: Session, service: str, all_matches: bool, **asked: Any) -> int:
        """Print the endpoint of SERVICE, and nothing else.

        Where several instances match, one is drawn by weight from those of the highest version, as a function
        would get it.

        \b
        Examples:
          cloudmap-discovery discover users --stage Production
          cloudmap-discovery discover users --stage 'pr-7>Staging' --version ^1.2
          cloudmap-discovery discover users --stage Staging --where color=blue --all
          curl "$(cloudmap-discovery discover users --stage Production)/health"
        """  # noqa: D301 -- \b is click's mark for lines that are not to be joined
        try:
            return (discover_all if all_matches else discover_one)(session, service, asked)
        except NoMatchingInstanceError:  # it says itself what there is
            raise
        except ServiceNotFoundError:
            session.hints = hints_for(session, service, asked["stage"])
            raise

    @group.command(cls=command_class(), short_help="Show why a lookup answers what it answers.")
    @click.argument("service")
    @request_options
    @timeout_option
    @common_options
    def explain(session: Session, service: str, **asked: Any) -> int:
        """Show why a lookup of SERVICE answers what it answers.

        Asks every store now: what it has, how long it took, which records were passed over and why, and what
        discover makes of it. Its exit code is that of discover.

        \b
        Examples:
          cloudmap-discovery explain users --stage Production
          cloudmap-discovery explain users --stage 'pr-7>Staging' --version ^1.2
          cloudmap-discovery explain users --stage Staging --where color=blue --json
        """  # noqa: D301 -- \b is click's mark for lines that are not to be joined
        return explain_lookup(session, service, asked)


def discover_one(session: Session, service: str, asked: Mapping[str, Any]) -> int:
    """Print one endpoint, or one record for machines."""
    found = session.run(
        lambda core: core.discovery.discover(service, **_arguments(asked)), f"Looking up {service}"
    )
    session.screen.result(machine.document(machine.instance(found)) if session.as_json else found.endpoint)
    return exits.DONE


def discover_all(session: Session, service: str, asked: Mapping[str, Any]) -> int:
    """Print every match."""
    if asked["sticky"] is not None:
        raise InvalidValueError("--sticky", asked["sticky"], "chooses one; --all shows every match")
    arguments = {name: value for name, value in _arguments(asked).items() if name != "sticky"}
    found = session.run(
        lambda core: core.discovery.discover_all(service, **arguments), f"Looking up {service}"
    )
    if session.as_json:
        session.screen.result(machine.document(machine.answer(found)))
    else:
        show_answer(session.screen, found)
    return exits.DONE


def explain_lookup(session: Session, service: str, asked: Mapping[str, Any]) -> int:
    """Print what every store says; the exit code is that of `discover`."""
    explained = session.run(
        lambda core: core.discovery.explain(service, **_arguments(asked)),
        f"Asking every store about {service}",
    )
    code = _exit_code(explained)
    is_unknown = code == exits.NOT_FOUND and explained.source is None
    hints = hints_for(session, service, asked["stage"]) if is_unknown else ()
    if session.as_json:
        session.screen.result(machine.document(machine.explanation(explained) | {"hints": list(hints)}))
    else:
        show_explanation(session.screen, explained)
        for hint in hints:
            session.screen.hint(hint)
    return code


def _arguments(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options as the library takes them."""
    return {**asked, "where": asked["where"] or None}


def _exit_code(explained: Explanation) -> int:
    if explained.found:
        return exits.DONE
    outcomes = {report.store: report.outcome for report in explained.stores}
    authority = CLOUD_MAP if CLOUD_MAP in outcomes else next(iter(outcomes))
    nothing_matches = explained.source is not None
    return exits.UNAVAILABLE if outcomes[authority] == "failed" and not nothing_matches else exits.NOT_FOUND
