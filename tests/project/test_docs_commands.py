"""Every command of the documents is one that its program understands."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import botocore.session
import click
import jmespath  # type: ignore[import-untyped]  # it ships no types
import pytest
from botocore import xform_name
from botocore.exceptions import UnknownServiceError

from cloudmap_discovery.cli.program import PROGRAM, program
from cloudmap_discovery.documents import read_parameter
from cloudmap_discovery.errors import ConfigurationError
from cloudmap_discovery.settings import PREFIX, Settings, definitions
from tests.project.makefile import MAKE, makefiles, would_run
from tests.project.markdown import ROOT, Block, blocks_of
from tests.serverless.commands import check_npm, check_npx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from botocore.model import Shape

ASSIGNMENT: Final = re.compile(r"(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)", re.DOTALL)
# What the AWS CLI takes besides an operation's own parameters.
GLOBAL_OPTIONS: Final = frozenset(
    {"--cli-binary-format", "--cli-read-timeout", "--output", "--profile", "--query", "--region"}
)
STRUCTURES: Final = frozenset({"list", "map", "structure"})


def commands(block: Block) -> Iterator[list[str]]:
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            yield words


def check_make(words: Sequence[str]) -> None:
    known = makefiles()
    for word in words:
        assignment = ASSIGNMENT.fullmatch(word)
        if assignment is not None:
            assert re.search(rf"\b{assignment['name']}\b", known), f"no Makefile knows {assignment['name']}"
    assert would_run(*words)


def check_own_program(words: Sequence[str]) -> None:
    cli = program()
    with cli.make_context(PROGRAM, list(words)) as context:
        name, command, rest = cli.resolve_command(context, [*context._protected_args, *context.args])
        assert name is not None
        assert command is not None
        with command.make_context(name, rest, parent=context):
            pass


def check_aws(words: Sequence[str]) -> None:
    service, operation, *options = words
    # The CLI has commands of its own for S3, and the service's operations under another name.
    name = "s3" if service == "s3api" else service
    model = botocore.session.get_session().get_service_model(name)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in operations, f"{service} has no operation {operation}"
    shape = model.operation_model(operations[operation]).input_shape
    assert shape is not None
    members = {f"--{xform_name(name, '-')}": member for name, member in shape.members.items()}
    required = {f"--{xform_name(name, '-')}" for name in shape.required_members}

    given = {option for option in options if option.startswith("--")}

    assert given <= members.keys() | GLOBAL_OPTIONS
    assert required <= given
    for option, value in zip(options, [*options[1:], "--"], strict=True):
        if option in members:
            check_aws_value(option, value, members[option])
        elif option == "--query":
            jmespath.compile(value)


def check_aws_value(option: str, value: str, shape: Shape) -> None:
    assert not value.startswith("--"), f"{option} has no value"
    if shape.type_name not in STRUCTURES:
        allowed: Sequence[str] = getattr(shape, "enum", ())
        assert not allowed or value in allowed, f"{option} is none of {allowed}"
    elif shape.type_name == "structure":
        # The CLI's shorthand: Variables={NAME=value}
        members: Any = shape.members  # type: ignore[attr-defined]  # only structures have members
        assert value.partition("=")[0] in members, f"{option} has none of {list(members)}"


def check_export(words: Sequence[str]) -> None:
    settings = {setting.variable: setting for setting in definitions()}
    for word in words:
        assignment = ASSIGNMENT.fullmatch(word)
        assert assignment is not None, word
        if assignment["name"].startswith(PREFIX):
            settings[assignment["name"]].read(assignment["value"])


def check_pip(words: Sequence[str]) -> None:
    command, requirement = words
    assert command == "install"
    local = re.fullmatch(r"\.\[(?P<extra>[a-z]+)\]", requirement)
    assert local is not None, f"{requirement} is not this clone with an extra"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert local["extra"] in project["optional-dependencies"]
    assert PROGRAM in project["scripts"]


def check_module(words: Sequence[str]) -> None:
    done = subprocess.run(
        [sys.executable, *words, "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {word for word in words if word.startswith("--")} <= set(re.findall(r"--[a-z-]+", done.stdout))


def check_curl(words: Sequence[str]) -> None:
    (url,) = words
    assert url.startswith("http://127.0.0.1:8080/"), "only what `serve` answers is asked for"


PROGRAMS: Final[dict[str, Callable[[Sequence[str]], None]]] = {
    ".venv/bin/python": check_module,
    "aws": check_aws,
    "cloudmap-discovery": check_own_program,
    "curl": check_curl,
    "export": check_export,
    "make": check_make,
    "npm": check_npm,
    "npx": check_npx,
    "pip": check_pip,
}


@pytest.mark.parametrize("block", blocks_of("bash"), ids=lambda block: block.id)
def test_each_command_of_a_block_is_understood_by_its_program(block: Block) -> None:
    found = list(commands(block))

    assert found
    for name, *words in found:
        assert name in PROGRAMS, f"no check for {name}"
        PROGRAMS[name](words)


def test_parameters_that_the_documents_write_by_hand_are_read_whole() -> None:
    written = [
        dict(pairwise(words))
        for block in blocks_of("bash")
        for words in commands(block)
        if words[:3] == ["aws", "ssm", "put-parameter"]
    ]

    assert written
    for options in written:
        name = options["--name"]
        _, prefix, stage, service = name.split("/")
        content = read_parameter(options["--value"], parameter=name, service=service, stage=stage)
        assert f"/{prefix}" == Settings().parameter_prefix
        assert content.instances
        assert not content.passed_over


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("make no-such-target", AssertionError),
        ("make help NO_SUCH_VARIABLE=1", AssertionError),
        ("aws lambda update-function-configuration --layers arn", AssertionError),
        ("aws lambda update-function-configuration --function-name a --layer arn", AssertionError),
        ("aws lambda no-such-operation", AssertionError),
        ("aws no-such-service get-it", UnknownServiceError),
        ("aws ssm put-parameter --name /a --value b --type Text", AssertionError),
        ("pip install '.[no-such-extra]'", AssertionError),
        ("pip install '.[nosuchextra]'", AssertionError),
        ("pip install cloudmap-discovery", AssertionError),
        (".venv/bin/python -m tests.no_such_module", AssertionError),
        (".venv/bin/python -m tests.standin --port none", AssertionError),
        (".venv/bin/python -m tests.standin --no-such-option", AssertionError),
        ("export DISCOVERY_TTL=soon", ConfigurationError),
        ("export DISCOVERY_TLL=60", KeyError),
        ("cloudmap-discovery no-such-command", click.UsageError),
        ("cloudmap-discovery discover users --no-such-option", click.UsageError),
        ("cloudmap-discovery register users", click.UsageError),
    ],
)
def test_a_command_that_is_wrong_is_found(command: str, wrong: type[Exception]) -> None:
    name, *words = shlex.split(command)

    with pytest.raises(wrong):
        PROGRAMS[name](words)


def test_make_help_lists_what_a_stranger_wants_first_and_every_target_once() -> None:
    command = [MAKE, "--no-print-directory", "help"]  # it would be printed where make runs these tests
    listed = [line.split()[0] for line in subprocess.check_output(command, cwd=ROOT, text=True).splitlines()]
    documented = re.findall(r"^([a-z][a-z-]*):.*## ", makefiles(), re.MULTILINE)

    assert listed[:4] == ["demo", "test", "build", "publish"]
    assert sorted(listed) == sorted(documented)
