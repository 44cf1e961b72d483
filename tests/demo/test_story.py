"""The demo fits the terminal, and what it shows can be copied."""

from __future__ import annotations

import shlex
import subprocess
from io import StringIO

import pytest
from rich.console import Console

from tests.demo.story import WIDEST, Asked, Story, command_lines

REGISTER = shlex.split(
    "cloudmap-discovery register user-management-service "
    "https://a1b2c3d4.execute-api.eu-central-1.amazonaws.com --stage Production"
)
LOG = (
    "[WARNING]\t2026-01-01T00:00:00.000Z\t1\tusers (stage Production): serving a stale answer of cloudmap, 3 s old: "
    "no connection for DiscoverInstances of users at servicediscovery.eu-central-1.amazonaws.com"
)


def told(width: int) -> str:
    file = StringIO()
    story = Story(Console(file=file, width=width, highlight=False))
    story.chapter("Title", "An explanation that goes on and on. " * 8)
    story.command(REGISTER, ["✓ Registered."])
    answer = {
        "endpoint": "https://u.test",
        "source": "ssm",
        "stale": True,
        "age_seconds": 1.0,
        "took_ms": 1.0,
    }
    story.asked(Asked("users", "Production", answer, {"GetParameters": 1}, LOG))
    story.asked(Asked("users", "-", {"error": "E", "message": "not [there] " * 20, "took_ms": 1.0}, {}, ""))
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal_or_what_one_reads_with_ease(width: int) -> None:
    lines = told(width).splitlines()

    assert max(map(len, lines)) <= min(width, WIDEST)
    assert [line for line in lines if line != line.rstrip()] == []


@pytest.mark.parametrize("width", [80, 100])
def test_a_broken_command_is_the_same_command_for_a_shell(width: int) -> None:
    lines = command_lines(REGISTER, width)

    assert len(lines) > 1
    assert all(line.endswith(" \\") for line in lines[:-1])
    said = subprocess.check_output(["/bin/sh", "-c", "printf '%s\\n' " + "\n".join(lines)], text=True)
    assert said.splitlines() == REGISTER


def test_an_option_stays_with_its_value() -> None:
    assert command_lines(["make", "--stage", "Production", "--wait"], 29) == [
        "make \\",
        "--stage Production \\",
        "--wait",
    ]


def test_a_command_that_fits_is_one_line() -> None:
    assert command_lines(["make", "build"], 80) == ["make build"]


def test_what_was_logged_is_shown_to_its_end() -> None:
    assert "servicediscovery.eu-central-1.amazonaws.com" in told(80)
    assert "no connection for DiscoverInstances of users" in " ".join(told(80).split())
