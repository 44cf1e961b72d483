"""What `discover` and `explain` take beside service and stage: versions, tenants, ladders, sticky keys, overrides."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.errors import AccessDeniedError
from tests.cli.cli_bed import record

if TYPE_CHECKING:
    from tests.cli.cli_bed import CliBed


def filled(bed: CliBed) -> CliBed:
    bed.cloud_map.put(
        record("users", "https://old.test", version="1.4.2"),
        record("users", "https://new.test", version="2.0.0"),
        record("users", "https://acme.test", version="1.5.0", tenant="acme"),
    )
    return bed


@pytest.mark.parametrize(
    ("options", "endpoint"),
    [
        (["--stage", "Production"], "https://new.test"),
        (["--stage", "Production", "--version", "^1"], "https://old.test"),
        (["--stage", "Production", "--tenant", "acme"], "https://acme.test"),
        (["--stage", "pr-7>Production", "--sticky", "customer-42"], "https://new.test"),
    ],
)
def test_a_request_is_answered_as_a_function_would_get_it(
    bed: CliBed, options: list[str], endpoint: str
) -> None:
    ran = filled(bed).run("discover", "users", *options)

    assert (ran.code, ran.out) == (0, f"{endpoint}\n")


def test_all_takes_no_sticky_key(bed: CliBed) -> None:
    ran = filled(bed).run("discover", "users", "--stage", "Production", "--all", "--sticky", "k")

    assert ran.code == 2
    assert "--sticky is 'k': chooses one; --all shows every match" in ran.err


def test_nothing_that_matches_says_what_there_is(bed: CliBed) -> None:
    ran = filled(bed).run("discover", "users", "--stage", "Production", "--version", "^3")

    assert ran.code == 1
    assert "no instance with version ^3" in ran.err
    assert "version 1.4.2" in ran.err


def test_a_ladder_without_the_service_is_told_whole_with_where_it_is(bed: CliBed) -> None:
    ran = filled(bed).run("discover", "users", "--stage", "pr-7>Staging")

    assert ran.code == 1
    assert "in any of the stages 'pr-7>Staging'" in ran.err
    assert "'users' is registered in: Production" in ran.err


def test_explain_shows_the_stages_of_a_ladder_and_the_request(bed: CliBed) -> None:
    ran = filled(bed).run("explain", "users", "--stage", "pr-7>Production>Test", "--version", "^1")

    assert ran.code == 0
    assert ran.out.startswith("users in stage pr-7>Production>Test, version ^1, namespace services\n")
    assert "  pr-7 is passed over\n" in ran.out
    assert "  Production serves\n" in ran.out
    assert "  Test is not needed\n" in ran.out
    assert "not chosen: version 2.0.0 is not in ^1" in ran.out
    assert ran.out.endswith("Answer, from cloudmap\n  https://old.test\n")


def test_explain_says_what_a_sticky_key_gets(bed: CliBed) -> None:
    bed.cloud_map.put(record("users", "https://a.test", variant="a"), record("users", "https://b.test"))

    ran = bed.run("explain", "users", "--stage", "Production", "--sticky", "k", "--json")
    shown = bed.run("explain", "users", "--stage", "Production", "--sticky", "k")

    explained = json.loads(ran.out)
    assert len(explained["candidates"]) == 2
    assert shown.out.endswith(f"Answer, from cloudmap, for k\n  {explained['chosen']['endpoint']}\n")


def test_explain_says_that_what_serves_is_drained(bed: CliBed) -> None:
    bed.cloud_map.put(record("users", weight=0))

    ran = bed.run("explain", "users", "--stage", "Production")

    assert "drained (weight 0)" in " ".join(ran.out.split())
    assert json.loads(bed.run("explain", "users", "--stage", "Production", "--json").out)["drained"]


def test_explain_shows_an_override_and_what_the_stores_have(bed: CliBed) -> None:
    environment = {"DISCOVERY_OVERRIDES": '{"users": "http://localhost:3001"}'}

    ran = filled(bed).run("explain", "users", "--stage", "pr-7>Production", environment=environment)

    assert ran.code == 0
    assert "pr-7 is overridden" in ran.out or "Production is overridden" in ran.out
    assert "cloudmap has 3 records" in ran.out
    assert ran.out.endswith(
        "Answer, from an override, which no store is asked for\n  http://localhost:3001\n"
    )


def test_explain_shows_a_stage_that_ends_a_ladder_without_an_answer(bed: CliBed) -> None:
    filled(bed)

    no_match = bed.run("explain", "users", "--stage", "Production>Test", "--version", "^9")
    nowhere = bed.run("explain", "users", "--stage", "pr-7>Test")
    bed.cloud_map.failure = AccessDeniedError("not allowed")
    failed = bed.run("explain", "users", "--stage", "pr-7>Production")

    assert "Production has it, and ends the ladder" in no_match.out
    assert "Test does not have it, either" in nowhere.out
    assert "pr-7 could not be asked" in failed.out
    assert (no_match.code, nowhere.code, failed.code) == (1, 1, 3)
