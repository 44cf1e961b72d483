"""Declared dependencies are read from the place that has them, and what is wrong is named by its place and key."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.declarations import load
from cloudmap_discovery.dependencies import Dependency, parse_dependencies
from cloudmap_discovery.errors import ConfigurationError, InvalidValueError
from tests.unit.records import json_values

if TYPE_CHECKING:
    from pathlib import Path

TABLE = "[tool.cloudmap-discovery.dependencies]\n"
PLACE = "pyproject.toml: tool.cloudmap-discovery.dependencies"

names = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}[a-z0-9]", fullmatch=True)
tables = st.fixed_dictionaries(
    {},
    optional={
        "version": st.sampled_from(["^1.2", "2.x", "*", ">=1 <3", "1.4.2", "^1 || ^2"]),
        "tenant": st.sampled_from(["acme", "a b", "42"]),
        "stage": st.sampled_from(["Production", "-", "pr-123>Staging>Production"]),
    },
)


def failure(setting: str | None, folder: Path) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load(setting, folder)
    return caught.value


def test_nothing_is_declared_where_there_is_no_file(tmp_path: Path) -> None:
    assert load(None, tmp_path) == ()
    assert load(None, tmp_path / "nowhere") == ()


def test_the_table_of_pyproject_declares_ranges_and_tables_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        f"{TABLE}users = '^1.2'\nany = {{}}\n"
        "payments = { version = '2.x', tenant = 'acme', stage = 'pr-1>Production' }\n"
    )

    assert load(None, tmp_path) == (
        Dependency("users", "^1.2"),
        Dependency("any"),
        Dependency("payments", "2.x", "acme", "pr-1>Production"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[project]\nname = 'orders'",
        "[project]\ndependencies = ['cloudmap-discovery']",
        "[tool.cloudmap-discovery]",
        "not TOML at all [",
    ],
)
def test_a_pyproject_without_the_table_declares_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)

    assert load(None, tmp_path) == ()


@pytest.mark.parametrize(
    "text",
    [
        "tool.cloudmap-discovery.dependencies.users = '^1.2'",
        "[tool]\ncloudmap-discovery = { dependencies = { users = '^1.2' } }",
        "[tool.'cloudmap-discovery']\ndependencies.users.version = '^1.2'",
    ],
)
def test_the_table_may_be_written_in_every_way_that_toml_has(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)

    assert load(None, tmp_path) == (Dependency("users", "^1.2"),)


def test_the_json_file_goes_before_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(f"{TABLE}users = '^1.2'")
    (tmp_path / "cloudmap-discovery.json").write_text('{"payments": {"tenant": "acme"}}')

    assert load(None, tmp_path) == (Dependency("payments", tenant="acme"),)


def test_an_empty_json_file_declares_that_there_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(f"{TABLE}users = '^1.2'")
    (tmp_path / "cloudmap-discovery.json").write_text("{}")

    assert load(None, tmp_path) == ()


def test_the_setting_goes_before_both_files(tmp_path: Path) -> None:
    (tmp_path / "cloudmap-discovery.json").write_text('{"payments": "1.x"}')
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "needs.json").write_text('{"mail": "*"}')
    (tmp_path / "other.toml").write_text(f"{TABLE}search = '3.0.0'")

    assert load(' {"users": "^1.2"} ', tmp_path) == (Dependency("users", "^1.2"),)
    assert load("deploy/needs.json", tmp_path) == (Dependency("mail", "*"),)
    assert load(str(tmp_path / "other.toml"), tmp_path / "deploy") == (Dependency("search", "3.0.0"),)


@given(st.dictionaries(names, tables, max_size=5))
def test_what_is_declared_is_what_is_read(declared: dict[str, dict[str, str]]) -> None:
    read = parse_dependencies(json.loads(json.dumps(declared)), "x.json")

    assert read == tuple(Dependency(name, **table) for name, table in declared.items())


@given(json_values)
def test_whatever_is_declared_is_read_or_refused_with_its_place(document: Any) -> None:
    refused = None
    read: tuple[Dependency, ...] = ()
    try:
        read = parse_dependencies(document, "x.json")
    except ConfigurationError as error:
        refused = error.variable

    if refused is None:
        assert [each.service for each in read] == list(document)
    else:
        assert refused.startswith("x.json")


@pytest.mark.parametrize(
    ("text", "variable", "value", "allowed"),
    [
        ("users = 1.2", "users", "1.2", "text in quotes, not float"),
        ("users = ''", "users", "", "a range of versions, such as ^1.2: must not be empty"),
        ("users = 'not a range'", "users", "not a range", "a version (1.4.2), an npm-style range"),
        ("users = ['^1']", "users", "['^1']", "text in quotes, not list"),
        ("users.version = '^1 and 2'", "users.version", "^1 and 2", "a version (1.4.2)"),
        ("users.version = 2", "users.version", "2", "text in quotes, not int"),
        ("users.tenant = ''", "users.tenant", "", "the name of a tenant: must not be empty"),
        ("users.tenant = true", "users.tenant", "True", "a str, not bool"),
        ("users.stage = 'a b'", "users.stage", "a b", "a stage, or several with > between them"),
        ("users.stage = 'a>a'", "users.stage", "a>a", "a stage, or several with > between them"),
        ("'a b' = '1.x'", '"a b"', "a b", "named as a service can be"),
        ("'a.b'.tenant = 1", '"a.b".tenant', "1", "a str"),
    ],
)
def test_what_is_wrong_is_named_by_place_and_key(
    tmp_path: Path, text: str, variable: str, value: str, allowed: str
) -> None:
    (tmp_path / "pyproject.toml").write_text(TABLE + text)

    error = failure(None, tmp_path)

    assert (error.variable, error.value) == (f"{PLACE}.{variable}", value)
    assert error.allowed.startswith(allowed)
    assert isinstance(error.__cause__, InvalidValueError)


@pytest.mark.parametrize(
    ("key", "advice"), [("verison", "; did you mean version?"), ("Stage", "; did you mean stage?"), ("x", "")]
)
def test_a_key_that_is_unknown_is_refused_with_the_one_that_was_meant(key: str, advice: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_dependencies({"users": {key: "^1"}}, "cloudmap-discovery.json")

    assert str(caught.value) == (
        f"cloudmap-discovery.json: users.{key} is '^1'; it must be called version, tenant or stage{advice}"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tool.cloudmap-discovery]\ndependancies = {}", "tool.cloudmap-discovery.dependancies is '{}'"),
        ("[tool]\ncloudmap-discovery = 1", "tool.cloudmap-discovery is '1'; it must be a table"),
        ("tool = 'cloudmap-discovery'", "tool is 'cloudmap-discovery'; it must be a table"),
        ("[tool.cloudmap-discovery]\ndependencies = []", "dependencies is '[]'; it must be a table"),
    ],
)
def test_a_table_that_is_not_ours_as_it_should_be_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)

    assert told in str(failure(None, tmp_path))


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        (
            "no-such.json",
            "DISCOVERY_DEPENDENCIES is 'no-such.json'; it must be the path of a file that can be",
        ),
        ("a\0b.json", "the path of a file that can be read: embedded null byte"),
        ("folder.json", "the path of a file that can be read: Is a directory"),
        ("plain.toml", "it must be a file with a table [tool.cloudmap-discovery.dependencies]"),
        ("latin.toml", "latin.toml is "),
        (
            "twice.json",
            'it must be a JSON object, such as {"users": "^1.2"}: the key \'users\' is there twice',
        ),
        ("list.json", "list.json is '[]'; it must be a table of ranges by service"),
        ("deep.json", "it must be a JSON object"),
        ('{"users": ^1}', "DISCOVERY_DEPENDENCIES is '{\"users\": ^1}'; it must be a JSON object"),
    ],
)
def test_what_is_named_and_cannot_be_read_is_refused_by_its_name(
    tmp_path: Path, setting: str, told: str
) -> None:
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "plain.toml").write_text("[tool]")
    (tmp_path / "latin.toml").write_bytes(b"# cloudmap-discovery \xff")
    (tmp_path / "twice.json").write_text('{"users": "^1", "users": "^2"}')
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "deep.json").write_text("[" * 100_000)

    assert told in str(failure(setting, tmp_path))


@pytest.mark.parametrize(
    ("name", "text"),
    [("pyproject.toml", f"{TABLE}users = ^1.2\n"), ("cloudmap-discovery.json", '{\n  "users": ^1.2\n}')],
)
def test_what_is_malformed_is_shown_by_its_line(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)

    error = failure(None, tmp_path)

    assert error.variable == name
    assert error.value is not None
    assert "users" in error.value
    assert "\n" not in error.value


def test_where_nothing_is_declared_nothing_that_reads_it_is_imported(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'orders'")
    script = (
        "import sys\nfrom pathlib import Path\nfrom cloudmap_discovery.declarations import load\n"
        "before = set(sys.modules)\nload(None, Path())\nprint(sorted(set(sys.modules) - before))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"
