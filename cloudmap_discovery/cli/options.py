"""Options that commands share, and how their help is laid out."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import click

    from cloudmap_discovery.cli.session import Session

_SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "Which record": ("stage", "stages", "version", "tenant", "variant", "where", "sticky", "all_matches"),
    "What it says": ("weight", "attribute", "depends_on"),
    "Whose it is": ("owner", "owner_ref", "adopt"),
    "What it allows": ("mode", "with_targets", "account"),
    "Where it goes": ("out", "publish"),
    "What it serves": ("host", "port", "surfaces", "snapshot_file", "allowed_networks", "allow_writes"),
    "How": ("dry_run", "diff", "force", "wait", "timeout_seconds"),
    "Where to ask": ("namespace", "region", "endpoint_url", "timeout"),
    "Output": ("language", "as_json", "debug"),
}
_OTHERS: Final = "Output"


def pairs(_context: click.Context, parameter: click.Parameter, texts: Iterable[str]) -> dict[str, str]:
    """Return `key=value` texts as a mapping."""
    option = parameter.opts[0]
    found: dict[str, str] = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not key or not separator:
            raise InvalidValueError(option, text, f"must be key=value, such as {option} color=blue")
        if key in found:
            raise InvalidValueError(option, text, f"the key {key!r} is given twice")
        found[key] = value
    return found


def stage_option(purpose: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option `--stage`."""
    import click  # noqa: PLC0415 -- comes with the [cli] extra

    return click.option("--stage", metavar="STAGE", help=purpose)


def identity_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what tells a record apart from others of its service and stage."""
    import click  # noqa: PLC0415 -- comes with the [cli] extra

    for option in (
        click.option("--variant", metavar="NAME", help="What else tells it apart, such as blue or canary."),
        click.option("--tenant", metavar="NAME", help="The customer whose own deployment it is."),
        click.option("--version", metavar="VERSION", help="Its semantic version, such as 1.4.2."),
        stage_option("Its stage; - for none. Needed, here or in DISCOVERY_STAGE."),
    ):
        function = option(function)
    return function


def request_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what a lookup asks for beside the service."""
    import click  # noqa: PLC0415 -- comes with the [cli] extra

    for option in (
        click.option("--sticky", metavar="KEY", help="Choose what this key always gets, such as a customer."),
        click.option(
            "--where",
            metavar="KEY=VALUE",
            multiple=True,
            callback=pairs,
            help="Only records with exactly this attribute; may be given again.",
        ),
        click.option(
            "--tenant", metavar="NAME", help="This customer's own records rather than those of none."
        ),
        click.option(
            "--version",
            metavar="RANGE",
            help="Only versions in this range: ^1.2, 2.x, 1.4.2. [what is declared, or the highest release]",
        ),
        stage_option(
            "The stage to look in, or several, 'pr-7>Staging'; - for none. [DISCOVERY_STAGE, or no stage]"
        ),
    ):
        function = option(function)
    return function


def waiting_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what a command that writes has in common with others that do."""
    import click  # noqa: PLC0415 -- comes with the [cli] extra

    for option in (
        click.option(
            "--timeout",
            "timeout_seconds",
            metavar="SECONDS",
            type=float,
            default=60.0,
            show_default=True,
            help="How long all of it may take.",
        ),
        click.option(
            "--no-wait",
            "wait",
            is_flag=True,
            flag_value=False,
            default=True,
            help="Do not wait until lookups see the change.",
        ),
        click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing."),
    ):
        function = option(function)
    return function


def timeout_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--timeout` as the budget of a lookup."""
    import click  # noqa: PLC0415 -- comes with the [cli] extra

    return click.option(
        "--timeout", metavar="SECONDS", help="The budget of the lookup. [DISCOVERY_TIMEOUT, or 2]"
    )(function)


def common_options(function: Callable[..., int]) -> Callable[..., int]:
    """Add the options of every command, and call it with the session, on which they are set."""
    import click  # noqa: PLC0415 -- comes with the [cli] extra

    def command(
        session: Session,
        /,
        *,
        namespace: str | None,
        region: str | None,
        endpoint_url: str | None,
        timeout: str | None = None,
        **options: Any,
    ) -> int:
        session.override(namespace=namespace, region=region, endpoint_url=endpoint_url, timeout=timeout)
        return function(session, **options)

    functools.update_wrapper(command, function)
    with_options: Callable[..., int] = click.pass_obj(command)
    for option in (
        click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error."),
        click.option(
            "--json", "as_json", is_flag=True, expose_value=False, help="Print JSON, errors and warnings too."
        ),
        click.option(
            "--endpoint-url",
            metavar="URL",
            help="Where to send calls instead of AWS. [DISCOVERY_ENDPOINT_URL]",
        ),
        click.option("--region", metavar="REGION", help="The AWS region. [DISCOVERY_REGION, or AWS's own]"),
        click.option(
            "--namespace",
            metavar="NAME",
            help="The Cloud Map namespace, by its HttpName. [DISCOVERY_NAMESPACE, or services]",
        ),
    ):
        with_options = option(with_options)
    return with_options


@functools.cache
def command_class() -> type[click.Command]:
    """Return a command whose help has its options in sections."""
    import click  # noqa: PLC0415 -- comes with the [cli] extra

    class SectionedCommand(click.Command):
        def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
            sections: dict[str, list[tuple[str, str]]] = {title: [] for title in _SECTIONS}
            for parameter in self.get_params(ctx):
                entry = parameter.get_help_record(ctx)
                if entry is not None and parameter.param_type_name == "option":
                    sections[_section_of(parameter.name or "")].append(entry)
            width = max(len(term) for entries in sections.values() for term, _ in entries)
            for title, entries in sections.items():
                if entries:
                    with formatter.section(title):
                        formatter.write_dl([(term.ljust(width), text) for term, text in entries])

    return SectionedCommand


@functools.cache
def group_class() -> type[click.Group]:
    """Return a group that lists its commands in the order in which they were added."""
    import click  # noqa: PLC0415 -- comes with the [cli] extra

    class OrderedGroup(click.Group):
        def list_commands(self, _context: click.Context) -> list[str]:
            return list(self.commands)

    return OrderedGroup


def _section_of(name: str) -> str:
    return next((title for title, names in _SECTIONS.items() if name in names), _OTHERS)
