"""The program: its commands together, and how a run of it ends."""

from __future__ import annotations

import contextlib
import os
import traceback
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.cli import (
    checking,
    exits,
    graph,
    listing,
    lookups,
    machine,
    mirroring,
    policy,
    reconciling,
    serving,
    writing,
)
from cloudmap_discovery.cli.options import group_class
from cloudmap_discovery.cli.screen import Screen
from cloudmap_discovery.cli.session import Session, wired_registrar
from cloudmap_discovery.errors import DiscoveryError, DiscoveryUnavailableError, ServiceNotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TextIO

    import click

    from cloudmap_discovery.cli.session import CoreFactory, RegistrarFactory

PROGRAM: Final = "cloudmap-discovery"
COMPLETION_VARIABLE: Final = "_CLOUDMAP_DISCOVERY_COMPLETE"


def program() -> click.Group:
    """Return the program with all its commands."""
    import click  # noqa: PLC0415 -- comes with the [cli] extra

    @click.group(
        cls=group_class(),
        name=PROGRAM,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog="\b\n"
        "Exit codes: 0 found or done, 1 not found, 2 wrong use, 3 unavailable.\n"
        "Environment variables DISCOVERY_* hold settings; options prevail over them.",
    )
    @click.version_option(package_name="cloudmap-discovery", message="%(prog)s %(version)s")
    def cli() -> None:
        """Find services by name and stage, and say where they are.

        The registry is AWS Cloud Map, with Parameter Store behind it. Credentials and region are found as the AWS
        CLI finds them.

        \b
        Examples:
          cloudmap-discovery register users https://users.example.com --stage Staging
          cloudmap-discovery discover users --stage Staging
          cloudmap-discovery list
        """  # noqa: D301 -- \b is click's mark for lines that are not to be joined

    for commands in (lookups, checking, listing, graph, writing, mirroring, reconciling, serving, policy):
        commands.add_to(cli)
    return cli


def run(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    core_factory: CoreFactory,
    out: TextIO,
    err: TextIO,
    registrar_factory: RegistrarFactory = wired_registrar,
) -> int:
    """Run the program and return its exit code."""
    import click  # noqa: PLC0415 -- comes with the [cli] extra

    # Not click's parser: a wrong command line has to be told as these two say, too.
    flags = set(arguments[: list(arguments).index("--")] if "--" in arguments else arguments)
    session = Session(
        environment,
        core_factory=core_factory,
        screen=Screen(environment, out=out, err=err),
        as_json="--json" in flags,
        registrar_factory=registrar_factory,
    )
    shows_traceback = "--debug" in flags
    try:
        with contextlib.redirect_stdout(out):  # where click prints help
            code = _run_command(list(arguments), session)
        out.flush()
    except click.exceptions.Exit as end:
        code = end.exit_code
    except click.ClickException as error:
        code = _tell_usage(session, error)
    except (KeyboardInterrupt, click.Abort):
        session.screen.error("interrupted; a change that was under way may still happen")
        code = exits.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())  # the interpreter flushes it once more
        code = exits.BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 -- the outermost frame: people get a paragraph, --debug the traceback
        if shows_traceback:
            session.screen.trouble("".join(traceback.format_exception(error)))
        code = _tell(session, error) if isinstance(error, DiscoveryError) else _tell_bug(session, error)
    finally:
        session.close()
    return code


def _run_command(arguments: list[str], session: Session) -> int:
    cli = program()
    if COMPLETION_VARIABLE in session.environment:
        cli.main(arguments, prog_name=PROGRAM, complete_var=COMPLETION_VARIABLE)
    with cli.make_context(PROGRAM, arguments or ["--help"], obj=session) as context, session.warnings_shown():
        code = cli.invoke(context)
    return code if isinstance(code, int) else exits.DONE


def _tell(session: Session, error: DiscoveryError) -> int:
    if session.as_json:
        session.screen.trouble(machine.line({"error": exits.as_json(error, session.hints)}))
    else:
        session.screen.error(f"{exits.message(error)}{_advice(error, session.hints)}")
        for hint in session.hints:
            session.screen.hint(hint)
    return exits.exit_code(error)


def _advice(error: DiscoveryError, hints: Sequence[str]) -> str:
    if any(hint.startswith("Try: ") for hint in hints):
        return ""
    if isinstance(error, (ServiceNotFoundError, DiscoveryUnavailableError)):
        return ". The same with explain instead of discover shows what each store says"
    return ""


def _tell_usage(session: Session, error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    text = error.format_message().rstrip(".")
    if context is not None:
        text = f"{text}{'' if text.endswith('?') else '.'} See {context.command_path} --help"
    if session.as_json:
        problem = {
            "type": "UsageError",
            "message": text,
            "exit_code": exits.WRONG_USE,
            "causes": [],
            "hints": [],
        }
        session.screen.trouble(machine.line({"error": problem}))
    else:
        session.screen.error(text)
    return exits.WRONG_USE


def _tell_bug(session: Session, error: Exception) -> int:
    text = (
        f"a bug in cloudmap-discovery, or something that it does not expect: {type(error).__name__}: {error}. "
        "The same command with --debug shows where; please report that"
    )
    if session.as_json:
        problem = {
            "type": type(error).__name__,
            "message": text,
            "exit_code": exits.BUG,
            "causes": [],
            "hints": [],
        }
        session.screen.trouble(machine.line({"error": problem}))
    else:
        session.screen.error(text)
    return exits.BUG
