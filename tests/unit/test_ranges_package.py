"""Ranges are read by node-semver, imported where one is asked for; what stands in its place is named."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from cloudmap_discovery.errors import ConfigurationError
from cloudmap_discovery.ranges import parse_range

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM: Final = """
import sys
from cloudmap_discovery.errors import ConfigurationError
from cloudmap_discovery.ranges import parse_range
def ask(text):
    try:
        return parse_range(text).matches("1.2.3")
    except ConfigurationError as error:
        return error
"""


def run(script: str, *, first: Path | None = None) -> str:
    front = f"import sys; sys.path.insert(0, {str(first)!r})\n" if first else ""
    done = subprocess.run(
        [sys.executable, "-c", front + _PROGRAM + script],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


def test_an_exact_version_imports_no_nodesemver_and_a_range_does() -> None:
    script = "print(ask('1.2.3'), 'nodesemver' in sys.modules, ask('^1.2'), 'nodesemver' in sys.modules)"

    assert run(script) == "True False True True"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def parse(version): ...", "ImportError: cannot import name 'make_range' from 'nodesemver' ("),
        ("print(", "SyntaxError: "),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def make_range(text): ...", "TypeError: make_range() got an unexpected keyword argument 'loose'"),
        ("def make_range(text, loose): return text", "ValueError: it takes ^1.2 for '^1.2'"),
    ],
)
def test_another_module_of_nodesemvers_name_is_named_with_its_path(
    source: str, why: str, tmp_path: Path
) -> None:
    foreign = tmp_path / "nodesemver.py"
    foreign.write_text(source)

    said = run("print(ask('1.2.3'), ask('^1.2'))", first=tmp_path)

    assert said.startswith(
        "True version is '^1.2'; it must be a full version, such as 1.4.2, as long as nodesemver, of the package "
        f"node-semver, which reads ranges, cannot be used here ({why}"
    )


def test_without_nodesemver_a_range_is_an_error_that_names_the_package() -> None:
    script = "sys.modules['nodesemver'] = None\nprint(ask('1.2.3'), ask('latest'))"

    said = run(script)

    assert said.startswith("True version is 'latest'; it must be a full version")
    assert "package node-semver, which reads ranges, cannot be used here (ModuleNotFoundError" in said


def test_what_keeps_nodesemver_from_being_used_is_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nodesemver", None)

    with pytest.raises(ConfigurationError) as caught:
        parse_range("~7.7.7")

    assert (caught.value.variable, caught.value.value) == ("version", "~7.7.7")
    assert isinstance(caught.value.__cause__, ImportError)
