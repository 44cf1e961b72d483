"""The command `list`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cloudmap_discovery.errors import AccessDeniedError
from tests.cli.cli_bed import record

if TYPE_CHECKING:
    from tests.cli.cli_bed import CliBed


def several(bed: CliBed) -> None:
    bed.cloud_map.put(
        record("users", version="1.4.2"),
        record("users", version="1.4.2", variant="canary"),
        record("users", version="1.3.0"),
        record("users", version="1.4.2", tenant="acme"),
        record("users", stage="Staging", version="2.0.0-rc.1"),
        record("orders"),
        record("orders", stage="-"),
        record("billing", version="3.0.0", weight=0),
    )


def test_services_and_stages_make_a_matrix(bed: CliBed) -> None:
    several(bed)

    ran = bed.run("list")

    assert ran.code == 0
    assert ran.out.splitlines() == [
        "Namespace services · 3 services · 3 stages",
        "╭─────────┬────────────────────────────┬────────────┬────────────╮",
        "│ Service │ Production                 │ Staging    │ (no stage) │",
        "├─────────┼────────────────────────────┼────────────┼────────────┤",
        "│ billing │ 3.0.0 drained              │ \N{EN DASH}          │ \N{EN DASH}          │",
        "│ orders  │ ✓                          │ \N{EN DASH}          │ ✓          │",
        "│ users   │ 1.4.2 \N{MULTIPLICATION SIGN}2, 1.3.0 + 1 tenant │ 2.0.0-rc.1 │ \N{EN DASH}          │",
        "╰─────────┴────────────────────────────┴────────────┴────────────╯",
        "✓ registered without a version · \N{EN DASH} not registered",
    ]


def test_stages_that_do_not_fit_beside_each_other_follow_below(bed: CliBed) -> None:
    several(bed)

    ran = bed.run("list", environment={"COLUMNS": "42"})

    assert ran.out.splitlines() == [
        "Namespace services · 3 services · 3 stages",
        "╭─────────┬────────────────────────────╮",
        "│ Service │ Production                 │",
        "├─────────┼────────────────────────────┤",
        "│ billing │ 3.0.0 drained              │",
        "│ orders  │ ✓                          │",
        "│ users   │ 1.4.2 \N{MULTIPLICATION SIGN}2, 1.3.0 + 1 tenant │",
        "╰─────────┴────────────────────────────╯",
        "╭─────────┬────────────┬────────────╮",
        "│ Service │ Staging    │ (no stage) │",
        "├─────────┼────────────┼────────────┤",
        "│ billing │ \N{EN DASH}          │ \N{EN DASH}          │",
        "│ orders  │ \N{EN DASH}          │ ✓          │",
        "│ users   │ 2.0.0-rc.1 │ \N{EN DASH}          │",
        "╰─────────┴────────────┴────────────╯",
        "✓ registered without a version",
        "\N{EN DASH} not registered",
    ]


def test_no_line_is_wider_than_the_terminal_however_many_stages_there_are(bed: CliBed) -> None:
    bed.cloud_map.put(
        record(f"{'long-' * 10}service.internal.example", stage="Production"),
        *(record("users", stage=f"pull-request-{number}", version="10.20.30") for number in range(12)),
    )

    ran = bed.run("list")

    assert max(map(len, ran.out.splitlines())) <= 80
    assert all(f"pull-request-{number}" in ran.out for number in range(12))


def test_where_no_terminal_bounds_it_the_matrix_is_one_table(bed: CliBed) -> None:
    bed.cloud_map.put(
        *(record("users", stage=f"pull-request-{number}", version="10.20.30") for number in range(12))
    )

    ran = bed.run("list", environment={})

    assert ran.out.count("│ Service │") == 1


def test_one_stage_alone_lists_its_records(bed: CliBed) -> None:
    several(bed)

    ran = bed.run("list", "--stage", "Staging")

    assert ran.out.splitlines() == [
        "Stage Staging, namespace services · 1 service · 1 record",
        "╭─────────┬────────────┬────────────────────╮",
        "│ Service │ Version    │ Endpoint           │",
        "├─────────┼────────────┼────────────────────┤",
        "│ users   │ 2.0.0-rc.1 │ https://users.test │",
        "╰─────────┴────────────┴────────────────────╯",
    ]


def test_records_of_one_stage_have_the_highest_version_first_and_tenants_last(bed: CliBed) -> None:
    several(bed)

    ran = bed.run("list", "--stage", "Production", "--json")

    told = [(item["service"], item["version"], item["tenant"]) for item in json.loads(ran.out)["instances"]]
    assert told == [
        ("billing", "3.0.0", None),
        ("orders", None, None),
        ("users", "1.4.2", None),
        ("users", "1.4.2", None),
        ("users", "1.3.0", None),
        ("users", "1.4.2", "acme"),
    ]


def test_records_with_long_addresses_are_grouped_by_service(bed: CliBed) -> None:
    address = f"https://{'a' * 60}.test"
    bed.cloud_map.put(record("users", address), record("users", "https://b.test", variant="b"))

    ran = bed.run("list", "--stage", "Production")

    assert ran.out.splitlines()[1:] == ["users", "  https://b.test", "    variant b", f"  {address}"]


def test_records_of_no_stage_can_be_listed(bed: CliBed) -> None:
    several(bed)

    ran = bed.run("list", "--stage", "-")

    assert ran.out.splitlines()[0] == "No stage, namespace services · 1 service · 1 record"


def test_several_stages_are_the_columns_in_the_order_given(bed: CliBed) -> None:
    several(bed)

    ran = bed.run("list", "--stage", "Staging", "--stage", "Production", "--stage", "Staging")

    assert ran.out.splitlines()[2] == "│ Service │ Staging    │ Production                 │"


def test_json_has_every_record_and_the_services_that_have_none_in_a_stage(bed: CliBed) -> None:
    several(bed)

    ran = bed.run("list", "--json")

    listed = json.loads(ran.out)
    assert listed["namespace"] == "services"
    assert listed["services"] == ["billing", "orders", "users"]
    assert len(listed["instances"]) == 8
    assert listed["instances"][0]["service"] == "billing"


def test_an_empty_registry_is_no_error_and_nothing_on_standard_output(bed: CliBed) -> None:
    ran = bed.run("list", environment={"DISCOVERY_NAMESPACE": "mine"})

    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "Nothing is registered in namespace mine.\n"


def test_a_namespace_that_is_not_there_is_exit_code_1_and_says_what_names_another(bed: CliBed) -> None:
    bed.has_namespace = False

    ran = bed.run("list", "--namespace", "sevices", environment={})
    machine = bed.run("list", "--namespace", "sevices", "--json", environment={})

    assert (ran.code, ran.out, machine.code, machine.out) == (1, "", 1, "")
    assert ran.err.startswith("error: there is no namespace 'sevices' in this account and region; ")
    assert "--namespace or DISCOVERY_NAMESPACE" in ran.err
    assert json.loads(machine.err)["error"]["type"] == "NamespaceNotFoundError"


def test_stages_without_records_are_named(bed: CliBed) -> None:
    ran = bed.run("list", "--stage", "a", "--stage", "-", environment={})

    assert ran.err == "Nothing is registered in stage a or without a stage in namespace services.\n"


def test_json_of_an_empty_registry_is_an_empty_list(bed: CliBed) -> None:
    ran = bed.run("list", "--json")

    assert json.loads(ran.out) == {"namespace": "services", "services": [], "instances": []}


def test_the_stage_of_the_environment_plays_no_part(bed: CliBed) -> None:
    several(bed)

    ran = bed.run("list", "--json", environment={"DISCOVERY_STAGE": "Staging"})

    assert len(json.loads(ran.out)["instances"]) == 8


def test_what_cannot_be_a_stage_is_wrong_use(bed: CliBed) -> None:
    ran = bed.run("list", "--stage", "a>b", environment={})

    assert ran.code == 2
    assert ran.err.startswith("error: stage is 'a>b': ")


def test_a_listing_that_fails_is_exit_code_3(bed: CliBed) -> None:
    bed.cloud_map.failure = AccessDeniedError("servicediscovery:ListServices is not allowed")

    ran = bed.run("list", environment={})

    assert (ran.code, ran.out) == (3, "")
    assert ran.err == "error: servicediscovery:ListServices is not allowed\n"


def test_a_timeout_that_is_none_is_told_by_its_option(bed: CliBed) -> None:
    ran = bed.run("list", "--timeout", "0", environment={})

    assert ran.code == 2
    assert ran.err.startswith("error: --timeout is 0")
