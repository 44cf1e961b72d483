"""What a lookup that found nothing says of what may have been meant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.errors import AccessDeniedError
from tests.cli.cli_bed import record

if TYPE_CHECKING:
    from tests.cli.cli_bed import CliBed, Ran


def hints(ran: Ran) -> list[str]:
    return [line.removeprefix("hint: ") for line in ran.err.splitlines() if line.startswith("hint: ")]


@pytest.mark.parametrize("command", [("discover",), ("discover", "--all"), ("explain",)], ids=" ".join)
def test_the_stages_of_the_service_are_named_what_differs_in_case_first(
    bed: CliBed, command: tuple[str, ...]
) -> None:
    bed.cloud_map.put(record("users"), record("users", stage="Development"), record("users", stage="-"))

    ran = bed.run(*command, "users", "--stage", "production", environment={})

    assert ran.code == 1
    assert hints(ran) == [
        "'users' is registered in: Production, no stage (-), Development",
        "Try: cloudmap-discovery explain users --stage Production",
    ]


def test_the_command_asks_where_the_options_said(bed: CliBed) -> None:
    bed.cloud_map.put(record("users"))

    ran = bed.run("discover", "users", "--stage", "Prod", "--region", "eu-west-1", "--timeout", "1")

    assert hints(ran)[-1] == ("Try: cloudmap-discovery explain users --stage Production --region eu-west-1")


def test_that_no_stage_was_given_is_said(bed: CliBed) -> None:
    bed.cloud_map.put(record("users", stage="Staging"))

    silent = bed.run("discover", "users", environment={})
    said = bed.run("discover", "users", "--stage", "-", environment={})
    set_ = bed.run("discover", "users", environment={"DISCOVERY_STAGE": "Production"})

    assert hints(silent)[0] == "neither --stage nor DISCOVERY_STAGE is set"
    assert hints(silent)[1:] == hints(said) == hints(set_)


def test_a_name_that_is_spelled_alike_is_asked_about_in_the_same_stage(bed: CliBed) -> None:
    bed.cloud_map.put(record("user-service"), record("user-service", stage="Dev"), record("orders"))

    ran = bed.run("discover", "user-servce", "--stage", "Production", environment={})

    assert hints(ran) == [
        "did you mean 'user-service'?",
        "Try: cloudmap-discovery explain user-service --stage Production",
    ]


def test_where_nothing_is_alike_the_list_is_what_to_try(bed: CliBed) -> None:
    bed.cloud_map.put(record("orders"))

    ran = bed.run("explain", "users", "--stage", "Production", environment={})

    assert hints(ran) == ["Try: cloudmap-discovery list"]


def test_json_has_the_hints_too(bed: CliBed) -> None:
    bed.cloud_map.put(record("users"))
    told = [
        "'users' is registered in: Production",
        "Try: cloudmap-discovery explain users --stage Production",
    ]

    discovered = bed.run("discover", "users", "--stage", "production", "--json")
    explained = bed.run("explain", "users", "--stage", "production", "--json")

    assert json.loads(discovered.err)["error"]["hints"] == told
    assert json.loads(explained.out)["hints"] == told
    assert (discovered.out, explained.err) == ("", "")


def test_a_registry_that_may_not_be_listed_costs_only_the_hints(bed: CliBed) -> None:
    bed.listing_failure = AccessDeniedError("servicediscovery:ListServices is not allowed")

    ran = bed.run("discover", "users", "--stage", "production", environment={})

    assert ran.code == 1
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("error: no service 'users' in stage 'production'")


def test_what_was_found_has_no_hints(bed: CliBed) -> None:
    bed.cloud_map.put(record("users"))

    ran = bed.run("explain", "users", "--stage", "Production", "--json")

    assert json.loads(ran.out)["hints"] == []
