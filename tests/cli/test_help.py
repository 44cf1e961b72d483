"""The help texts, and that the documentation knows every option."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from cloudmap_discovery.cli.options import _SECTIONS
from cloudmap_discovery.cli.program import PROGRAM, program

if TYPE_CHECKING:
    from tests.cli.cli_bed import CliBed

DOCUMENT = Path(__file__).parents[2] / "docs" / "cli.md"
COMMANDS = [
    "discover",
    "explain",
    "check",
    "list",
    "graph",
    "register",
    "deregister",
    "snapshot",
    "sync",
    "reconcile",
    "serve",
    "policy",
]
COMMON = {"--namespace", "--region", "--endpoint-url", "--timeout", "--json", "--debug", "--stage"}
RECORD = {"--version", "--tenant", "--variant", "--owner", "--owner-ref", "--no-wait", "--dry-run"}
REQUEST = {"--version", "--tenant", "--where", "--sticky"}
OWN = {
    "discover": REQUEST | {"--all"},
    "explain": REQUEST,
    "check": set[str](),
    "list": set[str](),
    "graph": {"--format"},
    "register": RECORD | {"--weight", "--attribute", "--depends-on", "--adopt"},
    "deregister": RECORD,
    "snapshot": {"--out", "--publish", "--diff", "--force"},
    "sync": {"--dry-run", "--force"},
    "reconcile": {"--dry-run", "--force"},
    "serve": {"--host", "--port", "--surface", "--file", "--allow-network", "--allow-writes"},
    "policy": {"--mode", "--with-targets", "--account"},
}
LACKS = {"reconcile": {"--stage"}}  # the tags say the stage


def options_of(command: click.Command) -> list[click.Option]:
    return [parameter for parameter in command.params if isinstance(parameter, click.Option)]


def test_the_commands_are_listed_in_the_order_of_their_use(bed: CliBed) -> None:
    ran = bed.run("--help")

    listed = re.findall(r"^  ([a-z]+)  ", ran.out.partition("Commands:")[2], re.MULTILINE)
    assert ran.code == 0
    assert listed == COMMANDS
    assert max(map(len, ran.out.splitlines())) <= 80


def test_without_a_command_the_help_is_shown(bed: CliBed) -> None:
    assert bed.run().out == bed.run("--help").out


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_these_options_and_its_help_names_each_with_what_it_does(
    bed: CliBed, name: str
) -> None:
    options = options_of(program().commands[name])

    ran = bed.run(name, "--help")

    assert {option.opts[0] for option in options} == COMMON - LACKS.get(name, set()) | OWN[name]
    for option in options:
        assert option.help, option.name
        assert re.search(rf"^  {option.opts[0]}\b", ran.out, re.MULTILINE), option.name


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_of_the_command_and_fits_80_columns(bed: CliBed, name: str) -> None:
    ran = bed.run(name, "--help")

    examples = ran.out.partition("Examples:")[2].partition("\n\n")[0]
    assert f"    {PROGRAM} {name}" in examples
    assert max(map(len, ran.out.splitlines())) <= 80
    assert ran.out.isascii()


@pytest.mark.parametrize("name", COMMANDS)
def test_no_option_falls_into_a_section_by_default(name: str) -> None:
    placed = {parameter for names in _SECTIONS.values() for parameter in names}

    options = options_of(program().commands[name])

    assert {option.name for option in options} <= placed


def test_the_version_is_that_of_the_distribution(bed: CliBed) -> None:
    ran = bed.run("--version")

    assert ran.code == 0
    assert re.fullmatch(r"cloudmap-discovery \d+\.\d+\.\d+\n", ran.out)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_documentation_names_every_command_and_option(name: str) -> None:
    text = DOCUMENT.read_text()

    assert f"## `{name}" in text
    for option in options_of(program().commands[name]):
        assert f"`{option.opts[0]}" in text, option.name


def test_the_documentation_names_every_exit_code() -> None:
    rows = re.findall(r"^\| (\d+) \|", DOCUMENT.read_text(), re.MULTILINE)

    assert rows == ["0", "1", "2", "3", "70", "130", "141"]
