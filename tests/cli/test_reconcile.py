"""The command `reconcile`: what it plans and does, and how it says so."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from cloudmap_discovery.model import record_id
from tests.cli.reconcile_bed import FUNCTION, PLAIN, USERS, WITH_S3, ReconcileBed
from tests.unit.fake_functions import arn_of
from tests.unit.fake_s3 import FakeS3

HEAD = "Namespace services · account 123456789012 · eu-central-1"


@pytest.fixture
def bed() -> ReconcileBed:
    return ReconcileBed()


def everything(bed: ReconcileBed) -> None:
    """Have one of each: to register, to update, to remove, as it is, and each thing that may be wrong."""
    bed.lambdas.add("users-api", **USERS, version="1.4.2", variant="blue")
    bed.lambdas.add("users-too", **USERS, version="1.4.2", variant="blue")
    orders = bed.lambdas.add("orders-api", service="orders", stage="Production", weight="10")
    bed.cloud.seed(
        "orders",
        record_id("orders", "Production", None, None, None),
        {"endpoint": orders, "stage": "Production", "owner": f"tag:{orders}"},
    )
    bed.seed("mail", arn_of("mail-api"), stage="Staging", version="1.0.0")
    bed.lambdas.add("typo", service="a b", stage="Production", weight="heavy")
    bed.seed("bills", bed.lambdas.add("bills-api", service="bills", stage="Production", endpoint="alias:x"))


def test_a_plan_says_what_is_to_be_done_then_what_is_wrong_and_last_how_much(bed: ReconcileBed) -> None:
    everything(bed)

    ran = bed.run("--dry-run")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        HEAD,
        "  ~ orders in stage Production  weight 10",
        "      weight: 100 -> 10",
        "  + users in stage Production  version 1.4.2 · variant blue",
        f"      {FUNCTION}users-api",
        "  - mail in stage Staging  version 1.0.0",
        "      the function does not exist any more: mail-api",
        "",
        "Tags that cannot be used",
        "  ! bills-api",
        "      discovery:endpoint is 'alias:x': the function has no such alias",
        "  ! typo",
        "      discovery:service is 'a b': a name is labels of 1 to 63 of the characters",
        "      A-Z a-z 0-9 _ - separated by dots; no label begins or ends with - or is _",
        "      alone",
        "      discovery:weight is 'heavy': must be a whole number from 0 (drained) to",
        "      1000000",
        "",
        "Wanted by a second one: give it another name, stage or variant",
        "  ! users in stage Production  version 1.4.2 · variant blue",
        "      function users-too wants it, too; its owner is function users-api",
        "",
        "Kept, though no function asks for it",
        "  \N{EN DASH} bills in stage Production",
        "      its function's tags are not understood",
        "",
        "1 to register, 1 to update, 1 to remove, 0 unchanged, 2 rejected, 1 in conflict",
    ]


def test_a_dry_run_writes_nothing(bed: ReconcileBed) -> None:
    everything(bed)

    bed.run("--dry-run")

    assert bed.written == set()


def test_a_run_does_what_the_plan_says_and_a_second_one_nothing(bed: ReconcileBed) -> None:
    everything(bed)
    planned = bed.run("--dry-run").out.splitlines()

    ran = bed.run()
    again = bed.run()

    assert (ran.code, ran.err, again.code) == (0, "", 0)
    assert ran.out.splitlines()[:-1] == planned[:-1]
    assert ran.out.endswith("\n1 registered, 1 updated, 1 removed, 0 unchanged, 2 rejected, 1 in conflict\n")
    assert again.out.endswith(
        "\n0 registered, 0 updated, 0 removed, 2 unchanged, 2 rejected, 1 in conflict\n"
    )
    assert set(bed.endpoints()) == {"users", "orders", "bills"}


def test_an_endpoint_that_changes_is_shown_before_and_after(bed: ReconcileBed) -> None:
    name = record_id("users", "Production", None, None, None)
    function = bed.lambdas.add("users", **USERS, endpoint="alias:live", aliases={"live"})
    bed.cloud.seed("users", name, {"endpoint": function, "stage": "Production", "owner": f"tag:{function}"})

    narrow = bed.run("--dry-run")
    wide = bed.run("--dry-run", environment=PLAIN | {"COLUMNS": "160"})

    assert narrow.out.splitlines()[2:4] == [
        f"      endpoint: {FUNCTION}users",
        f"             -> {FUNCTION}users:live",
    ]
    assert wide.out.splitlines()[2] == f"      endpoint: {FUNCTION}users -> {FUNCTION}users:live"


def test_a_record_that_passes_to_another_function_says_whose_it_was(bed: ReconcileBed) -> None:
    name = record_id("users", "Production", None, None, None)
    gone, function = arn_of("old"), bed.lambdas.add("new", **USERS)
    bed.cloud.seed("users", name, {"endpoint": gone, "stage": "Production", "owner": f"tag:{gone}"})

    ran = bed.run()

    assert "      owner: function old -> function new" in ran.out.splitlines()
    assert bed.endpoints() == {"users": [function]}


def test_records_of_others_whose_function_is_gone_are_told_after_a_run(bed: ReconcileBed) -> None:
    owner = "cfn:123456789012:eu-central-1:legacy"
    bed.seed("legacy", arn_of("legacy"), owner=owner)

    planned = bed.run("--dry-run")
    ran = bed.run()

    assert "does not exist any more" not in planned.out
    assert ran.code == 0
    assert ran.out.splitlines()[2:8] == [
        "Their function does not exist any more, but they are not the registrar's to",
        "remove",
        "  ! legacy in stage Production",
        f"      {FUNCTION}legacy",
        f"      owner {owner}",
        "",
    ]


def test_a_run_mends_the_mirrors_and_removes_services_that_have_long_been_empty(bed: ReconcileBed) -> None:
    s3 = FakeS3(transport=bed.cloud.transport)
    function = bed.lambdas.add("users", **USERS)
    bed.run()
    del bed.lambdas.functions[function]

    ran = bed.run(environment=WITH_S3 | {"DISCOVERY_REGISTRAR_GRACE": "0"})

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[-5:-2] == [
        "Beside the records",
        "  ✓ mirror s3: equal to Cloud Map",
        "  ✓ empty services removed: users",
    ]
    assert s3.puts == 1
    assert bed.cloud.service("users") is None


def test_machines_get_the_plan_whole(bed: ReconcileBed) -> None:
    everything(bed)

    ran = bed.run("--dry-run", "--json")

    told = json.loads(ran.out)
    assert (told["dry_run"], told["namespace"]) == (True, "services")
    assert (told["account"], told["region"]) == ("123456789012", "eu-central-1")
    assert [one["service"] for one in told["register"]] == ["users"]
    assert [one["reason"] for one in told["remove"]] == ["the function does not exist any more"]
    assert [one["function"] for one in told["rejected"]] == [arn_of("bills-api"), arn_of("typo")]
    assert ran.err == ""


def test_machines_get_what_was_done_and_warnings_as_json(bed: ReconcileBed) -> None:
    bed.seed_gone(6)
    bed.lambdas.add("users", **USERS)

    ran = bed.run("--json")

    told = json.loads(ran.out)
    assert (ran.code, told["dry_run"], told["counts"]["RemovalsStopped"]) == (2, False, 6)
    assert [one["service"] for one in told["registered"]] == ["users"]
    assert json.loads(ran.err)["warning"] == f"nothing is removed: {told['stopped']}"


def test_services_stages_and_urls_are_those_that_the_settings_allow(bed: ReconcileBed) -> None:
    bed.lambdas.add("users", **USERS)
    bed.lambdas.add("mail", service="mail", stage="Staging", endpoint="https://mail.example.com")

    allowed = PLAIN | {"DISCOVERY_REGISTRAR_STAGES": "Staging", "DISCOVERY_REGISTRAR_URLS": "1"}
    ran = bed.run(environment=allowed)

    assert ran.code == 0
    assert ran.out.endswith(", 1 not this registrar's\n")
    assert bed.endpoints() == {"mail": ["https://mail.example.com"]}


def test_a_namespace_that_is_not_there_yet_is_told(bed: ReconcileBed) -> None:
    bed.lambdas.add("users", **USERS)

    ran = bed.run("--dry-run", "--namespace", "sevices")
    bed.run()

    assert ran.code == 0
    assert ran.err == "There is no namespace 'sevices' yet: registering creates it.\n"
    assert bed.run("--dry-run").err == ""


def test_nothing_to_do_is_said_in_numbers(bed: ReconcileBed) -> None:
    bed.lambdas.add("users", **USERS)
    bed.run()

    assert bed.run("--dry-run").out == f"{HEAD}\n\n0 to register, 0 to update, 0 to remove, 1 unchanged\n"


def test_on_a_terminal_it_says_what_it_does_and_marks_have_colours(bed: ReconcileBed) -> None:
    everything(bed)

    ran = bed.run(terminal=True, environment=PLAIN | {"TERM": "xterm-256color"})

    assert "Reading functions and records" in ran.err
    assert "\x1b[32m+ \x1b[0m" in ran.out
    assert "\x1b[31m- \x1b[0m" in ran.out


def test_what_tags_say_does_not_move_the_cursor(bed: ReconcileBed) -> None:
    bed.lambdas.add("users", service="\x1b[2Jusers")

    ran = bed.run("--dry-run")

    assert "\x1b" not in ran.out
    assert r"\x1b[2Jusers" in ran.out


def test_the_connections_are_closed_at_the_end(bed: ReconcileBed) -> None:
    bed.run("--dry-run")

    assert bed.cloud.transport.is_closed


def test_help_does_not_load_the_registrar() -> None:
    code = (
        "import sys; from cloudmap_discovery.cli import main\n"
        "main(['reconcile', '--help'])\n"
        "print([name for name in sys.modules if name.startswith('cloudmap_discovery.registrar')])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"
