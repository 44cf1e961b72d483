"""The commands that write to the registry: register, deregister."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.cli import exits, machine
from cloudmap_discovery.cli.options import (
    command_class,
    common_options,
    identity_options,
    pairs,
    waiting_options,
)
from cloudmap_discovery.cli.record_view import show_record
from cloudmap_discovery.cli.screen import GOOD, ODD, QUIET, STRONG
from cloudmap_discovery.depends_on import encode_depends_on, is_depends_on, parse_entry
from cloudmap_discovery.endpoints import is_arn, is_url
from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.events import Deregistered, MirrorFailed, Registered
from cloudmap_discovery.model import DEFAULT_WEIGHT, NO_STAGE, record_id
from cloudmap_discovery.registration import MANUAL_OWNER
from cloudmap_discovery.settings import CLOUD_MAP
from cloudmap_discovery.shown import in_stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import click

    from cloudmap_discovery.cli.session import Session
    from cloudmap_discovery.dependencies import Dependency
    from cloudmap_discovery.model import Instance
    from cloudmap_discovery.plans import Plan

_MOST_OTHERS: Final = 5


def add_to(group: click.Group) -> None:
    """Add the commands to the program."""
    import click  # noqa: PLC0415 -- comes with the [cli] extra

    @group.command(cls=command_class(), short_help="Register an endpoint of a service.")
    @click.argument("service")
    @click.argument("endpoint")
    @identity_options
    @click.option(
        "--weight",
        metavar="NUMBER",
        type=int,
        default=DEFAULT_WEIGHT,
        show_default=True,
        help="Its share where several instances match; 0 drains it.",
    )
    @click.option(
        "--attribute",
        "attribute",
        metavar="KEY=VALUE",
        multiple=True,
        callback=pairs,
        help="Anything else to find it by, or to know of it; may be given again.",
    )
    @click.option(
        "--depends-on",
        metavar="NAME[@RANGE]",
        multiple=True,
        callback=_dependencies,
        help="A service that it calls, in which versions, for graph; may be given again.",
    )
    @click.option("--owner", metavar="NAME", help=f"Whose record it is.  [default: {MANUAL_OWNER}]")
    @click.option("--owner-ref", metavar="NAME", help="Which one of the owner's it is.")
    @click.option("--adopt", is_flag=True, help="Take the record over if it is another owner's.")
    @waiting_options
    @common_options
    def register(session: Session, service: str, endpoint: str, **options: Any) -> int:
        """Register ENDPOINT, a URL, an ARN or any other address, as an instance of SERVICE.

        Creates what is missing, and replaces the record of the same identity: registering twice is registering
        once. Then waits until lookups see it.

        \b
        Examples:
          cloudmap-discovery register users https://users.example.com --stage Staging
          cloudmap-discovery register users https://blue.example.com --stage Staging \\
              --version 1.4.2 --variant blue --weight 10 --attribute color=blue
          cloudmap-discovery register orders https://orders.test --stage Staging \\
              --depends-on users --depends-on 'payments@^1.2'
          cloudmap-discovery register users https://example.com --stage - --dry-run
        """  # noqa: D301 -- \b is click's mark for lines that are not to be joined
        return register_endpoint(session, service, endpoint, **options)

    @group.command(cls=command_class(), short_help="Remove a record of a service.")
    @click.argument("service")
    @identity_options
    @click.option("--owner", metavar="NAME", help=f"As whom to remove it.  [default: {MANUAL_OWNER}]")
    @click.option("--owner-ref", metavar="NAME", help="Only if it is this one of the owner's.")
    @waiting_options
    @common_options
    def deregister(session: Session, service: str, **options: Any) -> int:
        """Remove the record of SERVICE with exactly this identity.

        That it is not there is no error: removing twice is removing once.

        \b
        Examples:
          cloudmap-discovery deregister users --stage Production
          cloudmap-discovery deregister users --stage Staging --version 1.4.2
        """  # noqa: D301 -- \b is click's mark for lines that are not to be joined
        return deregister_record(session, service, **options)


def register_endpoint(
    session: Session,
    service: str,
    endpoint: str,
    *,
    attribute: Mapping[str, str],
    depends_on: Sequence[Dependency],
    adopt: bool,
    dry_run: bool,
    wait: bool,
    **options: Any,
) -> int:
    """Register, or say what registering would do."""
    options |= {"attributes": _with_dependencies(attribute, depends_on), "adopt": adopt}
    # Also before writing: only then can be said what it replaces.
    try:
        planned = session.run(
            lambda core: core.registry.plan_register(service, endpoint, **options), f"Looking at {service}"
        )
    except InvalidValueError as error:
        if depends_on and error.field == "attributes" and isinstance(error.value, int):
            raise _too_many(depends_on, error) from error
        raise
    if not (is_url(endpoint) or is_arn(endpoint)):
        session.note(
            f"note: {endpoint} is neither a URL nor an ARN; lookups answer it exactly as it stands here"
        )
    if dry_run:
        return _tell_plan(session, planned)
    if planned.refusal is not None:
        raise planned.refusal
    unwritten: set[str] = set()
    unsubscribe = session.subscribe(
        lambda event: unwritten.add(event.mirror) if isinstance(event, MirrorFailed) else None
    )
    written = session.run(
        lambda core: core.registry.register(service, endpoint, wait=wait, **options),
        f"Registering {service}",
        {Registered: f"Registered {service}; waiting until lookups see it"},
    )
    unsubscribe()
    if session.as_json:
        session.screen.result(machine.document(machine.instance(written)))
        return exits.DONE
    screen = session.screen
    screen.line(
        (f"{screen.symbols.yes} ", GOOD),
        "Updated " if planned.action == "update" else "Registered ",
        (service, STRONG),
        f" {in_stage(written.stage)}."
        if wait
        else f" {in_stage(written.stage)}; lookups will see it in a moment.",
    )
    show_record(screen, written, before=planned.present)
    mirrors = [name for name in planned.mirrors if name not in unwritten]
    if mirrors:
        screen.line((f"Also written: mirror {', '.join(mirrors)}.", QUIET))
    return exits.DONE


def deregister_record(session: Session, service: str, *, dry_run: bool, wait: bool, **options: Any) -> int:
    """Deregister, or say what deregistering would do."""
    if dry_run:
        planned = session.run(
            lambda core: core.registry.plan_deregister(service, **options), f"Looking at {service}"
        )
        return _tell_plan(session, planned)
    removed = session.run(
        lambda core: core.registry.deregister(service, wait=wait, **options),
        f"Deregistering {service}",
        {Deregistered: f"Deregistered {service}; waiting until lookups see that"},
    )
    stage = options["stage"] or session.settings.stage or NO_STAGE
    if session.as_json:
        session.screen.result(machine.document({"service": service, "stage": stage, "removed": removed}))
        return exits.DONE
    screen = session.screen
    if removed:
        which = ", ".join(
            f"{name} {options[name]}"
            for name in ("version", "tenant", "variant")
            if options[name] is not None
        )
        screen.line(
            (f"{screen.symbols.yes} ", GOOD),
            "Deregistered ",
            (service, STRONG),
            f" {in_stage(stage)}{', ' if which else ''}{which}.",
        )
    else:
        screen.line(f"Nothing to do: there is no such record of {service} {in_stage(stage)}.")
        _tell_others(session, service, stage)
    return exits.DONE


def _dependencies(
    _context: click.Context, parameter: click.Parameter, texts: Iterable[str]
) -> tuple[Dependency, ...]:
    """Return the dependencies that `NAME` and `NAME@RANGE` say."""
    option = parameter.opts[0]
    found: dict[str, Dependency] = {}
    for text in texts:
        try:
            dependency = parse_entry(text)
        except InvalidValueError as error:
            raise InvalidValueError(option, text, error.limit) from error
        if dependency.service in found:
            raise InvalidValueError(option, text, f"{dependency.service} is given twice")
        found[dependency.service] = dependency
    return tuple(found.values())


def _with_dependencies(attributes: Mapping[str, str], depends_on: Sequence[Dependency]) -> dict[str, str]:
    twice = next((name for name in attributes if is_depends_on(name)), None) if depends_on else None
    if twice is not None:
        raise InvalidValueError("--attribute", twice, "--depends-on says this already; give one or the other")
    return {**attributes, **encode_depends_on(depends_on)}


def _too_many(depends_on: Sequence[Dependency], error: InvalidValueError) -> InvalidValueError:
    """Return what to do where Cloud Map does not take all attributes of a record together."""
    return InvalidValueError(
        "--depends-on",
        f"{len(depends_on)} services",
        f"with them the record has {error.value} {error.limit}. Leave out their ranges, or name only those that "
        "are called directly",
    )


def _tell_plan(session: Session, planned: Plan) -> int:
    if session.as_json:
        session.screen.result(machine.document(machine.plan(planned)))
    else:
        screen = session.screen
        refusal = planned.refusal
        steps = planned.steps() if refusal is None else [f"fail: {exits.message(refusal)}"]
        for step in steps:
            screen.line(("Would ", f"{STRONG} {ODD}"), f"{step}.")
        if planned.written is not None and refusal is None:
            show_record(screen, planned.written, before=planned.present)
        if planned.action == "nothing":
            _tell_others(session, planned.service, planned.stage)
    return exits.DONE if planned.refusal is None else exits.exit_code(planned.refusal)


def _tell_others(session: Session, service: str, stage: str) -> None:
    """Say which records there are, since perhaps one of them was meant."""
    explained = session.run(
        lambda core: core.discovery.explain(service, stage=stage), f"Looking for other records of {service}"
    )
    others = [
        _identity(record)
        for report in explained.stores
        if report.store == CLOUD_MAP
        for record in report.instances
        if record.id == record_id(service, stage, record.version, record.tenant, record.variant)
    ]
    if others:
        shown = "; ".join(others[:_MOST_OTHERS])
        more = f" and {len(others) - _MOST_OTHERS} more" if len(others) > _MOST_OTHERS else ""
        session.note(f"A record is removed by all of its identity. There are: {shown}{more}.")


def _identity(record: Instance) -> str:
    options = (("version", record.version), ("tenant", record.tenant), ("variant", record.variant))
    given = [f"--{name} {shlex.quote(value)}" for name, value in options if value is not None]
    return " ".join(given) or "one without version, tenant and variant"
