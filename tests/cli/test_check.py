"""The command `check`."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.dependencies import Dependency
from cloudmap_discovery.errors import AccessDeniedError
from cloudmap_discovery.testing import FakeStore
from tests.cli.cli_bed import record

if TYPE_CHECKING:
    from cloudmap_discovery.clock import Instant
    from cloudmap_discovery.model import Key
    from cloudmap_discovery.stores.port import Absent, Found
    from cloudmap_discovery.testing import FakeClock
    from tests.cli.cli_bed import CliBed

PRODUCTION = {"DISCOVERY_STAGE": "Production", "COLUMNS": "80"}
DENIED = AccessDeniedError("servicediscovery:DiscoverInstances is not allowed")


class Together(FakeStore):
    """A store that answers nobody before so many have asked."""

    def __init__(self, number: int, *, clock: FakeClock) -> None:
        super().__init__(clock=clock)
        self._barrier = asyncio.Barrier(number)

    async def fetch(
        self, key: Key, *, timeout_seconds: float, since: Instant | None = None
    ) -> Found | Absent:
        async with asyncio.timeout(timeout_seconds):
            await self._barrier.wait()
        return await super().fetch(key, timeout_seconds=timeout_seconds, since=since)


def several(bed: CliBed) -> None:
    bed.dependencies = (
        Dependency("users", "^1.2"),
        Dependency("payments", tenant="acme"),
        Dependency("mail"),
    )
    bed.cloud_map.put(
        record("users", version="1.4.2"),
        record("payments", "https://acme.test", tenant="acme"),
        record("mail"),
    )


def test_what_was_found_is_a_table_and_the_last_line_says_that_it_is_all(bed: CliBed) -> None:
    several(bed)

    ran = bed.run("check", environment=PRODUCTION)

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "Stage Production, namespace services · 3 dependencies",
        "╭───┬──────────┬─────────────┬─────────┬────────────────────┬──────────╮",
        "│   │ Service  │ Wants       │ Version │ Endpoint           │ From     │",
        "├───┼──────────┼─────────────┼─────────┼────────────────────┼──────────┤",
        "│ ✓ │ users    │ ^1.2        │ 1.4.2   │ https://users.test │ cloudmap │",
        "│ ✓ │ payments │ tenant acme │         │ https://acme.test  │ cloudmap │",
        "│ ✓ │ mail     │             │         │ https://mail.test  │ cloudmap │",
        "╰───┴──────────┴─────────────┴─────────┴────────────────────┴──────────╯",
        "✓ All 3 dependencies were found.",
    ]


def test_one_that_is_missing_is_exit_code_1_and_has_a_paragraph(bed: CliBed) -> None:
    several(bed)
    bed.cloud_map.remove(record("mail"))
    bed.cloud_map.put(record("mail", stage="Staging"))

    ran = bed.run("check", environment=PRODUCTION)

    assert ran.code == 1
    assert "│ ✗ │ mail     │             │         │ not registered     │          │" in ran.out.splitlines()
    assert ran.out.splitlines()[-3:] == [
        "",
        "✗ mail: no service 'mail' in stage 'Production'; asked cloudmap, ssm",
        "✗ Of 3 dependencies, 1 is missing.",
    ]
    assert ran.err.splitlines() == [
        "hint: 'mail' is registered in: Staging",
        "hint: Try: cloudmap-discovery explain mail --stage Staging",
    ]


def test_one_of_which_no_record_matches_is_missing_and_its_paragraph_says_what_is_there(bed: CliBed) -> None:
    bed.dependencies = (Dependency("users", "^2"), Dependency("mail"))
    bed.cloud_map.put(record("users", version="1.4.2"))

    ran = bed.run("check", "--stage", "Production", environment={})

    assert ran.code == 1
    assert "│ none matches   │" in ran.out
    assert "has no instance with version ^2" in ran.out
    assert "1.4.2" in ran.out
    assert ran.out.endswith("✗ Of 2 dependencies, 2 are missing.\n")


def test_one_that_could_not_be_looked_up_is_exit_code_3_with_its_causes_told_once(bed: CliBed) -> None:
    bed.dependencies = (Dependency("users"), Dependency("mail"))
    bed.cloud_map.failure = DENIED
    bed.parameters.failure = AccessDeniedError("ssm:GetParameters is not allowed")

    ran = bed.run("check", environment={**PRODUCTION, "COLUMNS": "84"})

    assert (ran.code, ran.err) == (3, "")
    assert ran.out.splitlines()[-3:] == [
        "✗ users, mail: could not be looked up (cloudmap: servicediscovery:DiscoverInstances",
        "  is not allowed; ssm: ssm:GetParameters is not allowed)",
        "✗ Of 2 dependencies, 2 could not be looked up.",
    ]


def test_one_that_is_missing_makes_exit_code_1_whatever_else_could_not_be_looked_up(bed: CliBed) -> None:
    bed.dependencies = (Dependency("users", "^2"), Dependency("mail"))
    bed.cloud_map.failure = DENIED
    bed.parameters.put(record("users", version="1.4.2"))

    ran = bed.run("check", environment=PRODUCTION)

    assert ran.code == 1
    assert ran.out.endswith("✗ Of 2 dependencies, 1 is missing and 1 could not be looked up.\n")


def test_what_a_fallback_answered_is_found_stale_and_a_warning(bed: CliBed) -> None:
    bed.dependencies = (Dependency("users"),)
    bed.cloud_map.failure = DENIED
    bed.parameters.put(record("users"))

    ran = bed.run("check", environment=PRODUCTION)

    assert ran.code == 0
    assert "│ ✓ │ users   │ https://users.test │ ssm, stale │" in ran.out.splitlines()
    assert ran.out.endswith("✓ The dependency was found.\n")
    assert ran.err.startswith("warning: users (stage Production): answered by the fallback ssm")


def test_a_ladder_shows_the_stage_that_served(bed: CliBed) -> None:
    bed.dependencies = (Dependency("users"), Dependency("mail", stage="Staging"))
    bed.cloud_map.put(record("users"), record("users", stage="Staging"), record("mail", stage="Staging"))

    ran = bed.run("check", "--stage", "pr-123>Production", environment={})

    assert ran.code == 0
    assert ran.out.splitlines()[0] == "Stage pr-123>Production, namespace services · 2 dependencies"
    assert "│ ✓ │ users   │               │ Production │ https://users.test │ cloudmap │" in ran.out
    assert "│ ✓ │ mail    │ stage Staging │ Staging    │ https://mail.test  │ cloudmap │" in ran.out


def test_the_option_stands_in_for_the_variable_but_not_for_a_stage_of_its_own(bed: CliBed) -> None:
    bed.dependencies = (Dependency("users"), Dependency("mail", stage="-"))
    bed.cloud_map.put(record("users", stage="Staging"), record("mail", stage="-"))

    wrong = bed.run("check", environment=PRODUCTION)
    right = bed.run("check", "--stage", "Staging", environment=PRODUCTION)

    assert (wrong.code, right.code) == (1, 0)
    assert "│ (no stage) │" in right.out


def test_dependencies_are_looked_up_once_each_and_all_at_once(bed: CliBed) -> None:
    bed.cloud_map = Together(3, clock=bed.clock)
    several(bed)

    ran = bed.run("check", environment={**PRODUCTION, "DISCOVERY_SOURCES": "cloudmap"})

    assert ran.code == 0
    assert sorted(key.service for key in bed.cloud_map.asked) == ["mail", "payments", "users"]


def test_addresses_that_do_not_fit_beside_the_rest_stand_below_their_services(bed: CliBed) -> None:
    address = f"https://{'a' * 50}.test"
    bed.dependencies = (Dependency("users", "^1"), Dependency("mail"))
    bed.cloud_map.put(record("users", address, version="1.0.0"))

    ran = bed.run("check", environment=PRODUCTION)

    assert ran.out.splitlines()[1:6] == [
        "✓ users",
        f"  {address}",
        "    wants ^1 · version 1.0.0 · from cloudmap",
        "✗ mail",
        "  not registered",
    ]
    assert max(map(len, ran.out.splitlines())) <= 80


def test_json_is_a_list_with_what_became_of_each(bed: CliBed) -> None:
    bed.dependencies = (Dependency("users", "^1", "acme"), Dependency("mail", stage="a>b"))
    bed.cloud_map.put(record("users", version="1.4.2"))

    ran = bed.run("check", "--json", environment=PRODUCTION)

    users, mail = json.loads(ran.out)
    assert (ran.code, ran.err) == (1, "")
    assert users["instance"]["endpoint"] == "https://users.test"
    assert {
        name: users[name] for name in ("service", "wants", "outcome", "stage", "source", "stale", "error")
    } == {
        "service": "users",
        "wants": {"version": "^1", "tenant": "acme", "stage": None},
        "outcome": "found",
        "stage": "Production",
        "source": "cloudmap",
        "stale": False,
        "error": None,
    }
    assert (mail["outcome"], mail["instance"], mail["error"]["type"]) == (
        "missing",
        None,
        "ServiceNotFoundError",
    )
    assert mail["wants"]["stage"] == "a>b"


@pytest.mark.parametrize("command", ["check", "policy"])
def test_without_declared_dependencies_it_is_wrong_use_and_says_where_to_declare_them(
    bed: CliBed, command: str
) -> None:
    unset = bed.run(command, environment={})
    empty = bed.run(command, environment={"DISCOVERY_DEPENDENCIES": "{}"})

    assert (unset.code, unset.out, empty.code, empty.out) == (2, "", 2, "")
    assert unset.err == (
        "error: DISCOVERY_DEPENDENCIES is not set: and neither cloudmap-discovery.json nor pyproject.toml of this "
        "folder declares a dependency; what is looked up goes into pyproject.toml under "
        '[tool.cloudmap-discovery.dependencies], as in users = "^1.2"\n'
    )
    assert empty.err == (
        "error: DISCOVERY_DEPENDENCIES is '{}'; it must be a declaration of at least one dependency, "
        'such as {"users": "^1.2"}\n'
    )


@pytest.mark.parametrize("command", ["check", "policy"])
def test_what_cannot_be_a_stage_is_wrong_use(bed: CliBed, command: str) -> None:
    ran = bed.run(command, "--stage", "a b", environment={})

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: --stage is 'a b': a stage, 1 to 40 of the characters")
