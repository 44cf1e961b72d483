"""The plugin's own tests pass, and it holds the registry's limits as the library does."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from cloudmap_discovery import __version__
from cloudmap_discovery.depends_on import parse_entry
from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.limits import (
    MAX_ATTRIBUTE_KEY,
    MAX_ATTRIBUTE_VALUE,
    MAX_SERVICE_NAME,
    MAX_WEIGHT,
    RESERVED_ATTRIBUTES,
    check_attribute_value,
    check_service,
    check_stage,
    check_user_attributes,
    check_version,
    check_weight,
)
from tests.serverless.osls import NAME, PLUGIN, program

if TYPE_CHECKING:
    from collections.abc import Callable

HERE: Final = Path(__file__).parent
FILES: Final = sorted(path for folder in (".", "lib", "test") for path in (PLUGIN / folder).glob("*.js"))
TESTS: Final = sorted(PLUGIN.glob("test/*.test.js"))
TEXTS: Final = (
    *("", "users", "a", "_", "_a", "a_", "-a", "a-", "a..b", "a.b", "users v2", "ü", "a\n", " a", "a ", "~"),
    *("x" * length for length in (40, 41, 63, 64, MAX_SERVICE_NAME, MAX_SERVICE_NAME + 1)),
    *("x" * length for length in (MAX_ATTRIBUTE_KEY, MAX_ATTRIBUTE_KEY + 1)),
    *("x" * length for length in (MAX_ATTRIBUTE_VALUE, MAX_ATTRIBUTE_VALUE + 1)),
    ".".join(["x" * 63] * 2),
    ".".join(["x" * 62] * 2) + ".x",
    *(
        "1.2.3",
        "v1.2.3",
        "01.2.3",
        "1.2",
        "2.0.0-rc.1",
        "1.0.0-",
        "1.0.0-01",
        "1.0.0+build",
        "1.0.0-" + "x" * 250,
    ),
    *("1.0.0-" + "x" * 251, "AWS_X", "aws_x", "Stage", "-", "dev>prod", "pr-1", *sorted(RESERVED_ATTRIBUTES)),
    *("users@", "users@^1.2", "@1.0.0", "users@1,2", " users @ ^1.2 || 2.x ", "a b@1.0.0"),
)
NUMBERS: Final = (-1, 0, 1, 0.5, MAX_WEIGHT, MAX_WEIGHT + 1)


def label(value: str) -> None:
    if not value:
        raise InvalidValueError("tenant", value, "must not be empty")
    check_attribute_value("tenant", value)


LIMITS: Final[dict[str, tuple[Callable[[Any], object], tuple[Any, ...]]]] = {
    "service": (check_service, TEXTS),
    "stage": (check_stage, TEXTS),
    "version": (check_version, TEXTS),
    "label": (label, TEXTS),
    "weight": (check_weight, NUMBERS),
    "attributeKey": (lambda key: check_user_attributes({key: ""}), TEXTS),
    "attributeValue": (lambda value: check_attribute_value("color", value), TEXTS),
    "dependency": (parse_entry, TEXTS),
}


def allows(check: Callable[[Any], object], value: Any) -> bool:
    try:
        check(value)
    except InvalidValueError:
        return False
    return True


def node(*arguments: str, data: object = None) -> str:
    done = subprocess.run(
        [program("node"), *arguments],
        cwd=PLUGIN,
        input=json.dumps(data),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_plugins_own_tests_pass() -> None:
    printed = node("--test", "--test-reporter=tap", *(str(path) for path in TESTS))

    counted = {name: int(count) for name, count in re.findall(r"^# (\w+) (\d+)$", printed, re.MULTILINE)}
    assert counted["pass"] == counted["tests"] > len(TESTS)
    assert counted["skipped"] == counted["todo"] == 0


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_is_where_the_library_has_it(name: str) -> None:
    check, values = LIMITS[name]
    script = (
        f"const check = require('./lib/limits').{name};"
        "const values = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));"
        "console.log(JSON.stringify(values.map((value) => check(value) === undefined)));"
    )

    allowed = json.loads(node("-e", script, data=values))

    disagreed = [
        value for value, answer in zip(values, allowed, strict=True) if answer != allows(check, value)
    ]
    assert disagreed == []
    assert 0 < sum(allowed) < len(allowed)


def test_the_plugin_is_of_the_projects_version_and_needs_nothing_when_it_runs() -> None:
    package = json.loads((PLUGIN / "package.json").read_text())

    assert package["name"] == NAME
    assert package["version"] == __version__
    assert package["license"] == "Apache-2.0"
    assert package.get("dependencies", {}) == {}
    assert all(one["optional"] for one in package["peerDependenciesMeta"].values())
    assert package["peerDependencies"].keys() == package["peerDependenciesMeta"].keys()


def test_what_is_installed_for_the_tests_is_pinned_with_hashes_and_names_no_registry() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    _, *packages = lock["packages"].items()

    assert all("integrity" in package and "resolved" not in package for _, package in packages)
    assert wanted == {"osls": dict(packages)["node_modules/osls"]["version"]}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_imports_nothing_but_nodes_own_modules_and_the_plugins(path: Path) -> None:
    imported = re.findall(r'require\("([^"]+)"\)', path.read_text())

    assert [name for name in imported if not name.startswith(("node:", "./", "../")) and name != ".."] == []
