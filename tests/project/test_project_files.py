"""The files that surround the code fit it and each other: hooks, versions, targets."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

import cloudmap_discovery
from tests.project.makefile import would_run
from tests.project.markdown import ROOT, documents, prose
from tests.project.yaml_text import read_yaml

PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONFIG: Final = read_yaml((ROOT / ".pre-commit-config.yaml").read_text())
HOOKS: Final[list[dict[str, Any]]] = [hook for repository in CONFIG["repos"] for hook in repository["hooks"]]


def test_the_hooks_are_valid() -> None:
    program = Path(sys.executable).with_name("pre-commit")

    done = subprocess.run(
        [program, "validate-config", ".pre-commit-config.yaml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_hooks_download_nothing() -> None:
    assert {repository["repo"] for repository in CONFIG["repos"]} == {"local"}
    assert {hook["language"] for hook in HOOKS} == {"system"}


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_runs_a_tool_that_make_check_runs(hook: dict[str, Any]) -> None:
    program, *arguments = hook["entry"].split()

    checked = would_run("lint", "types", "test").split()

    assert program in checked
    assert {word for word in arguments if word.isalpha()} <= set(checked)
    assert [word for word in arguments if word.startswith("tests/") and not (ROOT / word).exists()] == []


def test_the_package_and_the_project_have_the_same_version() -> None:
    assert cloudmap_discovery.__version__ == PROJECT["project"]["version"]


def test_ci_runs_make_check() -> None:
    assert "exec make check" in (ROOT / ".ci/run").read_text()


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_every_target_of_make_that_a_text_names_exists(path: Path) -> None:
    named = {
        tuple(word for word in span.split()[1:] if re.fullmatch(r"[a-z-]+", word))
        for span in re.findall(r"`(make [^`]+)`", prose(path))
    }

    for targets in named:
        would_run(*targets)


def test_no_file_of_the_project_names_a_path_of_a_machine() -> None:
    texts = [*documents(), ROOT / "Makefile", ROOT / "pyproject.toml", ROOT / ".pre-commit-config.yaml"]

    assert [
        path.name for path in texts if re.search(r"(?<![\w.$])/(?:work|root|home)/", path.read_text())
    ] == []
