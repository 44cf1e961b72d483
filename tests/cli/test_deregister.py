"""The command `deregister`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.cli.cli_bed import record

if TYPE_CHECKING:
    from tests.cli.cli_bed import CliBed


def test_exactly_the_record_of_this_identity_goes(bed: CliBed) -> None:
    kept = record("users", version="1.4.2", variant="blue")
    bed.cloud_map.put(kept, record("users", version="1.4.2", tenant="acme"))

    ran = bed.run(
        "deregister",
        "users",
        "--stage",
        "Production",
        "--version",
        "1.4.2",
        "--tenant",
        "acme",
        environment={},
    )

    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "✓ Deregistered users in stage Production, version 1.4.2, tenant acme.\n"
    assert bed.cloud_map.records == (kept,)


def test_what_is_not_there_is_no_error_and_the_others_are_named(bed: CliBed) -> None:
    bed.cloud_map.put(record("users", version="1.4.2"), record("users", variant="a b"))

    ran = bed.run("deregister", "users", "--stage", "Production", environment={})

    assert ran.code == 0
    assert ran.out == "Nothing to do: there is no such record of users in stage Production.\n"
    assert ran.err.startswith("A record is removed by all of its identity. There are: ")
    assert "--version 1.4.2" in ran.err
    assert "--variant 'a b'" in ran.err


def test_a_record_without_further_identity_is_named_in_words(bed: CliBed) -> None:
    bed.cloud_map.put(record("users"))

    ran = bed.run("deregister", "users", "--stage", "Production", "--version", "1.0.0", environment={})

    assert "There are: one without version, tenant and variant." in ran.err


def test_records_that_others_wrote_under_ids_of_their_own_are_not_named(bed: CliBed) -> None:
    bed.cloud_map.put(record("users", version="1.4.2", id="i-theirs"))

    ran = bed.run("deregister", "users", "--stage", "Production", environment={})

    assert ran.err == ""


def test_many_others_are_counted(bed: CliBed) -> None:
    bed.cloud_map.put(*(record("users", version=f"1.{minor}.0") for minor in range(9)))

    ran = bed.run("deregister", "users", "--stage", "Production", environment={})

    assert ran.err.endswith(" and 4 more.\n")


def test_json_says_whether_something_was_removed(bed: CliBed) -> None:
    bed.cloud_map.put(record("users"))
    command = ("deregister", "users", "--stage", "Production", "--json")

    first = bed.run(*command)
    second = bed.run(*command)

    place = {"service": "users", "stage": "Production"}
    assert json.loads(first.out) == {**place, "removed": True}
    assert json.loads(second.out) == {**place, "removed": False}
    assert (first.code, second.code) == (0, 0)


def test_a_dry_run_removes_nothing(bed: CliBed) -> None:
    there = record("users")
    bed.cloud_map.put(there)

    ran = bed.run("deregister", "users", "--stage", "Production", "--dry-run")

    assert ran.code == 0
    assert ran.out.splitlines() == [
        "Would remove record Production-826827ddb417bc8f5f0a of 'users' (stage",
        "Production).",
        "Would rewrite mirror ssm.",
    ]
    assert bed.cloud_map.records == (there,)


def test_a_dry_run_that_finds_nothing_names_the_others(bed: CliBed) -> None:
    bed.cloud_map.put(record("users", version="1.4.2"))

    ran = bed.run("deregister", "users", "--stage", "Production", "--dry-run", environment={})

    assert ran.code == 0
    assert ran.out.startswith("Would do nothing: ")
    assert "There are: --version 1.4.2." in ran.err


def test_another_owner_s_record_stays(bed: CliBed) -> None:
    bed.cloud_map.put(record("users", owner="cfn:stack", owner_ref="Users"))
    command = ("deregister", "users", "--stage", "Production")

    refused = bed.run(*command, environment={})
    other = bed.run(*command, "--owner", "cfn:stack", "--owner-ref", "Other", environment={})
    removed = bed.run(*command, "--owner", "cfn:stack", "--owner-ref", "Users", environment={})

    assert (refused.code, other.code, removed.code) == (2, 2, 0)
    assert refused.err.endswith("or pass --owner cfn:stack --owner-ref Users\n")


def test_the_stage_defaults_to_the_environment_s(bed: CliBed) -> None:
    bed.cloud_map.put(record("users", stage="Staging"))

    ran = bed.run("deregister", "users", environment={"DISCOVERY_STAGE": "Staging"})

    assert ran.out == "✓ Deregistered users in stage Staging.\n"


def test_no_stage_at_all_is_wrong_use(bed: CliBed) -> None:
    ran = bed.run("deregister", "users", environment={})

    assert ran.code == 2
    assert "say --stage" in ran.err
