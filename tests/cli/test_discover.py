"""The command `discover`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cloudmap_discovery.errors import StoreTimeoutError, ThrottledError
from cloudmap_discovery.model import PassedOver
from tests.cli.cli_bed import record

if TYPE_CHECKING:
    from tests.cli.cli_bed import CliBed


def test_only_the_endpoint_is_printed(bed: CliBed) -> None:
    bed.cloud_map.put(record("users", "https://users.test/path"))

    ran = bed.run("discover", "users", "--stage", "Production")

    assert (ran.code, ran.out, ran.err) == (0, "https://users.test/path\n", "")


def test_the_stage_defaults_to_the_environment_s(bed: CliBed) -> None:
    bed.cloud_map.put(record("users", stage="Staging"))

    ran = bed.run("discover", "users", environment={"DISCOVERY_STAGE": "Staging"})

    assert (ran.code, ran.out) == (0, "https://users.test\n")


def test_an_option_prevails_over_the_environment(bed: CliBed) -> None:
    bed.cloud_map.put(record("users"))
    environment = {"DISCOVERY_NAMESPACE": "theirs", "DISCOVERY_STAGE": "Staging"}

    bed.run("discover", "users", "--stage", "Production", "--namespace", "ours", environment=environment)

    assert [(key.namespace, key.stage) for key in bed.cloud_map.asked] == [("ours", "Production")]


def test_where_takes_only_records_with_all_attributes_and_a_value_may_hold_an_equals_sign(
    bed: CliBed,
) -> None:
    bed.cloud_map.put(
        record("users", "https://both.test", variant="a", attributes={"color": "blue", "rule": "x=1"}),
        record("users", "https://one.test", variant="b", attributes={"color": "blue"}),
    )

    ran = bed.run(
        "discover", "users", "--stage", "Production", "--where", "color=blue", "--where", "rule=x=1"
    )

    assert ran.out == "https://both.test\n"


def test_all_matches_make_a_table_with_the_columns_that_they_need(bed: CliBed) -> None:
    bed.cloud_map.put(
        record("users", version="1.4.2"),
        record(
            "users",
            "https://canary.test",
            version="1.4.2",
            variant="canary",
            weight=25,
            attributes={"color": "blue"},
        ),
        record("users", "https://acme.test", version="1.4.2", tenant="acme"),
        record("users", "https://old.test", version="1.3.0"),
    )

    ran = bed.run("discover", "users", "--stage", "Production", "--all")

    assert ran.code == 0
    assert ran.out.splitlines() == [
        "users in stage Production · 3 matches from cloudmap",
        "╭─────────┬─────────┬────────┬─────────────────────┬────────────╮",
        "│ Version │ Variant │ Weight │ Endpoint            │ Attributes │",
        "├─────────┼─────────┼────────┼─────────────────────┼────────────┤",
        "│ 1.4.2   │         │    100 │ https://users.test  │            │",
        "│ 1.4.2   │ canary  │     25 │ https://canary.test │ color=blue │",
        "│ 1.3.0   │         │    100 │ https://old.test    │            │",
        "╰─────────┴─────────┴────────┴─────────────────────┴────────────╯",
    ]


def test_addresses_too_long_for_a_table_are_printed_whole_below_each_other(bed: CliBed) -> None:
    address = f"https://{'a' * 60}.test"
    bed.cloud_map.put(record("users", address, version="1.4.2", attributes={"color": "blue"}))

    ran = bed.run("discover", "users", "--stage", "Production", "--all")

    assert ran.out.splitlines() == [
        "users in stage Production · 1 match from cloudmap",
        f"  {address}",
        "    version 1.4.2 · color=blue",
    ]


def test_a_table_that_no_terminal_bounds_is_as_wide_as_its_rows(bed: CliBed) -> None:
    address = f"https://{'a' * 200}.test"
    bed.cloud_map.put(record("users", address, version="1.4.2"))

    ran = bed.run("discover", "users", "--stage", "Production", "--all", environment={})

    assert f"│ 1.4.2   │ {address} │" in ran.out.splitlines()


def test_json_is_the_record_with_every_field(bed: CliBed) -> None:
    bed.cloud_map.put(record("users", version="1.4.2", attributes={"color": "blue"}, owner="manual"))

    ran = bed.run("discover", "users", "--stage", "Production", "--json")

    assert json.loads(ran.out) == {
        "service": "users",
        "endpoint": "https://users.test",
        "stage": "Production",
        "version": "1.4.2",
        "tenant": None,
        "variant": None,
        "weight": 100,
        "attributes": {"color": "blue"},
        "owner": "manual",
        "owner_ref": None,
        "registered_at": None,
        "id": "Production-b9465e9216702b643774",
    }


def test_json_of_all_matches_says_where_they_come_from(bed: CliBed) -> None:
    bed.cloud_map.put(record("users"), record("users", "https://b.test", variant="b"))

    ran = bed.run("discover", "users", "--stage", "Production", "--all", "--json")

    answer = json.loads(ran.out)
    assert {name: answer[name] for name in ("service", "stage", "source", "stale", "age_seconds")} == {
        "service": "users",
        "stage": "Production",
        "source": "cloudmap",
        "stale": False,
        "age_seconds": 0,
    }
    assert {item["endpoint"] for item in answer["instances"]} == {"https://users.test", "https://b.test"}


def test_what_is_not_there_is_exit_code_1_with_the_way_on(bed: CliBed) -> None:
    ran = bed.run("discover", "users", "--stage", "Production", environment={})

    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "error: no service 'users' in stage 'Production'; asked cloudmap, ssm. "
        "The same with explain instead of discover shows what each store says\n"
        "hint: nothing is registered in namespace services; --namespace or DISCOVERY_NAMESPACE names another\n"
    )


def test_that_nothing_matches_is_exit_code_1(bed: CliBed) -> None:
    bed.cloud_map.put(record("users", attributes={"color": "blue"}))

    ran = bed.run("discover", "users", "--stage", "Production", "--where", "color=red", environment={})

    assert (ran.code, ran.out) == (1, "")
    assert "has no instance with color=red" in ran.err


def test_stores_that_fail_are_exit_code_3_and_named_once_each(bed: CliBed) -> None:
    bed.cloud_map.failure = ThrottledError("too many calls")
    bed.parameters.failure = StoreTimeoutError("no answer")

    ran = bed.run("discover", "users", "--stage", "Production", environment={})

    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("error: cannot look up 'users' in stage 'Production'")
    assert ran.err.count("too many calls") == 1
    assert ran.err.count("\n") == 1


def test_a_fallback_s_answer_is_printed_with_one_warning(bed: CliBed) -> None:
    bed.cloud_map.failure = ThrottledError("too many calls")
    bed.parameters.put(record("users", "https://byhand.test"))

    ran = bed.run("discover", "users", "--stage", "Production", environment={})

    assert (ran.code, ran.out) == (0, "https://byhand.test\n")
    assert ran.err == ("warning: users (stage Production): answered by the fallback ssm: too many calls\n")


def test_a_fallback_s_answer_is_marked_stale_in_the_table(bed: CliBed) -> None:
    bed.cloud_map.failure = ThrottledError("too many calls")
    bed.parameters.put(record("users"))

    ran = bed.run("discover", "users", "--stage", "Production", "--all")

    assert ran.out.splitlines()[0] == "users in stage Production · 1 match from ssm, stale: 0 ms old"


def test_a_store_before_the_authority_that_failed_is_warned_about(bed: CliBed) -> None:
    bed.parameters.failure = ThrottledError("too many calls")
    bed.cloud_map.put(record("users"))

    ran = bed.run(
        "discover",
        "users",
        "--stage",
        "Production",
        environment={"DISCOVERY_SOURCES": "ssm,cloudmap"},
    )

    assert ran.out == "https://users.test\n"
    assert ran.err == "warning: users (stage Production): ssm failed: too many calls\n"


def test_skipped_records_are_warned_about_and_as_json_where_that_is_asked_for(bed: CliBed) -> None:
    bed.cloud_map.put(record("users"))
    bed.cloud_map.passed_over = (PassedOver("legacy-7", "it has no address"),)

    ran = bed.run("discover", "users", "--stage", "Production", "--json")

    warning = "users (stage Production): cloudmap: skipped 1 record(s): legacy-7: it has no address"
    assert json.loads(ran.err) == {"warning": warning}
    assert json.loads(ran.out)["endpoint"] == "https://users.test"


def test_connections_are_closed_at_the_end_of_every_run(bed: CliBed) -> None:
    bed.cloud_map.put(record("users"))

    bed.run("discover", "users", "--stage", "Production")
    bed.run("discover", "nosuch", "--stage", "Production")

    assert bed.connections.closed >= 2
