"""The command `register`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.errors import ThrottledError
from tests.cli.cli_bed import record

if TYPE_CHECKING:
    from tests.cli.cli_bed import CliBed

REGISTER = ("register", "orders", "https://orders.test", "--stage", "Production")


def test_an_endpoint_is_registered_and_shown_with_its_fields(bed: CliBed) -> None:
    ran = bed.run("register", "users", "https://users.test", "--stage", "Production", "--version", "1.4.2")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "✓ Registered users in stage Production.",
        "  endpoint    https://users.test",
        "  version     1.4.2",
        "  weight      100",
        "  id          Production-b9465e9216702b643774",
        "  owner       manual",
        "  registered  2023-11-14T22:13:20Z",
        "Also written: mirror ssm.",
    ]
    assert [written.endpoint for written in bed.cloud_map.records] == ["https://users.test"]


def test_every_option_becomes_its_field(bed: CliBed) -> None:
    ran = bed.run(
        *("register", "users", "arn:aws:lambda:eu-central-1:123456789012:function:users"),
        *("--stage", "Staging", "--version", "2.0.0-rc.1", "--tenant", "acme", "--variant", "canary"),
        *("--weight", "7", "--attribute", "color=blue", "--attribute", "note=a=b "),
        *("--owner", "pipeline", "--owner-ref", "users", "--timeout", "30", "--json"),
    )

    (written,) = bed.cloud_map.records
    assert (written.service, written.stage, written.version) == ("users", "Staging", "2.0.0-rc.1")
    assert (written.tenant, written.variant, written.weight) == ("acme", "canary", 7)
    assert dict(written.attributes) == {"color": "blue", "note": "a=b "}
    assert (written.owner, written.owner_ref) == ("pipeline", "users")
    assert json.loads(ran.out)["id"] == written.id


def test_without_waiting_it_says_that_lookups_come_later(bed: CliBed) -> None:
    ran = bed.run("register", "users", "https://users.test", "--stage", "Production", "--no-wait")

    assert ran.out.splitlines()[0] == (
        "✓ Registered users in stage Production; lookups will see it in a moment."
    )


def test_no_stage_has_to_be_said(bed: CliBed) -> None:
    silent = bed.run("register", "users", "https://users.test", environment={})
    said = bed.run("register", "users", "https://users.test", "--stage", "-", environment={})

    assert silent.code == 2
    assert silent.err == (
        "error: a record is written to one stage: say --stage, or set DISCOVERY_STAGE; --stage - is no stage\n"
    )
    assert said.out.splitlines()[0] == "✓ Registered users without a stage."


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(bed: CliBed) -> None:
    ran = bed.run("register", "users", "https://users.test", "--stage", "Production", "--dry-run")

    assert ran.code == 0
    assert ran.out.splitlines() == [
        "Would create service 'users' in namespace 'services'.",
        "Would register https://users.test as record Production-826827ddb417bc8f5f0a of",
        "'users' (stage Production).",
        "Would rewrite mirror ssm.",
        "  endpoint    https://users.test",
        "  weight      100",
        "  id          Production-826827ddb417bc8f5f0a",
        "  owner       manual",
        "  registered  2023-11-14T22:13:20Z",
    ]
    assert bed.cloud_map.records == ()


def test_a_dry_run_over_a_record_says_what_would_change(bed: CliBed) -> None:
    there = record("users", "https://old.test", attributes={"color": "blue"}, owner="manual")
    bed.cloud_map.put(there)

    ran = bed.run(
        *("register", "users", "https://new.test", "--stage", "Production", "--dry-run"),
        *("--weight", "7", "--attribute", "tier=gold"),
    )

    assert ran.out.splitlines()[3:] == [
        "  endpoint         https://new.test  was https://old.test",
        "  weight           7  was 100",
        "  attribute tier   gold  was (none)",
        "  id               Production-826827ddb417bc8f5f0a",
        "  owner            manual",
        "  registered       2023-11-14T22:13:20Z  was (none)",
        "  attribute color  (none)  was blue",
    ]
    assert bed.cloud_map.records == (there,)


def test_a_record_that_is_replaced_is_shown_with_what_it_was(bed: CliBed) -> None:
    bed.cloud_map.put(record("users", "https://old.test", owner="manual"))
    command = ("register", "users", "https://new.test", "--stage", "Production")

    updated = bed.run(*command)
    again = bed.run(*command)

    assert updated.out.splitlines()[:2] == [
        "✓ Updated users in stage Production.",
        "  endpoint    https://new.test  was https://old.test",
    ]
    assert again.out.splitlines()[:2] == [
        "✓ Registered users in stage Production.",
        "  endpoint    https://new.test",
    ]


@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)], ids=["written", "planned"])
def test_an_endpoint_that_is_neither_url_nor_arn_is_noted(bed: CliBed, dry_run: tuple[str, ...]) -> None:
    ran = bed.run("register", "users", "users.test", "--stage", "Production", *dry_run, environment={})

    assert ran.code == 0
    assert ran.err == (
        "note: users.test is neither a URL nor an ARN; lookups answer it exactly as it stands here\n"
    )


def test_a_dry_run_for_machines_has_the_plan(bed: CliBed) -> None:
    ran = bed.run("register", "users", "https://new.test", "--stage", "Production", "--dry-run", "--json")

    plan = json.loads(ran.out)
    assert (plan["dry_run"], plan["action"], plan["refusal"], plan["present"]) == (True, "create", None, None)
    assert plan["written"]["endpoint"] == "https://new.test"
    assert plan["steps"][-1] == "rewrite mirror ssm"


def test_another_owner_s_record_is_wrong_use_unless_it_is_adopted(bed: CliBed) -> None:
    bed.cloud_map.put(record("users", owner="cfn:stack"))
    command = ("register", "users", "https://new.test", "--stage", "Production")

    refused = bed.run(*command, environment={})
    planned = bed.run(*command, "--dry-run", environment={})
    adopted = bed.run(*command, "--adopt", environment={})

    assert (refused.code, planned.code, adopted.code) == (2, 2, 0)
    assert "cfn:stack" in refused.err
    assert "--adopt" in refused.err
    assert planned.out.startswith("Would fail: the record belongs to cfn:stack")
    assert "--adopt" in planned.out
    assert [written.owner for written in bed.cloud_map.records] == ["manual"]


def test_a_mirror_that_was_not_written_is_a_warning(bed: CliBed) -> None:
    bed.mirror.refusal = "a person's parameter stands there"

    ran = bed.run("register", "users", "https://new.test", "--stage", "Production", environment={})

    assert ran.code == 0
    assert ran.err == (
        "warning: users (stage Production): mirror ssm not written: a person's parameter stands there\n"
    )
    assert "Also written" not in ran.out


def test_a_registry_that_fails_is_exit_code_3(bed: CliBed) -> None:
    bed.cloud_map.failure = ThrottledError("too many calls")

    ran = bed.run("register", "users", "https://new.test", "--stage", "Production", environment={})

    assert (ran.code, ran.out, ran.err) == (3, "", "error: too many calls\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--weight", "-1"], "error: weight is -1: "),
        (["--weight", "many"], "error: Invalid value for '--weight': "),
        (["--version", "one"], "error: version is 'one': "),
        (["--attribute", "color"], "error: --attribute is 'color': must be key=value"),
        (["--attribute", "=blue"], "error: --attribute is '=blue': must be key=value"),
        (
            ["--attribute", "a=1", "--attribute", "a=2"],
            "error: --attribute is 'a=2': the key 'a' is given twice",
        ),
        (["--attribute", "owner=me"], "error: --attribute is 'owner': "),
        (["--attribute", "a=\t"], "error: --attribute['a'] is '\\t': "),
        (["--depends-on", "a b"], "error: --depends-on is 'a b': a name is labels of"),
        (["--depends-on", "users@"], "error: --depends-on is 'users@': a range follows the @"),
        (["--depends-on", "users@^1,2"], "error: --depends-on is 'users@^1,2': a comma would end it"),
        (["--depends-on", "users@one two"], "error: --depends-on is 'users@one two': must be a version"),
        (
            ["--depends-on", "users", "--depends-on", "users@^1"],
            "error: --depends-on is 'users@^1': users is given twice",
        ),
        (
            ["--depends-on", "users", "--attribute", "depends-on-2=mail"],
            "error: --attribute is 'depends-on-2': --depends-on says this already",
        ),
        (["--owner-ref", ""], "error: --owner-ref is '': "),
        (["--timeout", "0"], "error: --timeout is 0"),
        (["--region", "eu central"], "error: --region is 'eu central': an AWS region"),
        (["--endpoint-url", "localhost"], "error: --endpoint-url is 'localhost': "),
        (["--namespace", ""], "error: --namespace is '': "),
    ],
)
def test_a_wrong_value_is_exit_code_2_and_named_by_its_option(
    bed: CliBed, arguments: list[str], told: str
) -> None:
    ran = bed.run("register", "users", "https://x.test", "--stage", "Production", *arguments, environment={})

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(told)
    assert ran.err.count("\n") == 1


def test_what_it_depends_on_becomes_an_attribute_beside_the_others(bed: CliBed) -> None:
    ran = bed.run(
        *("register", "orders", "https://orders.test", "--stage", "Production", "--attribute", "color=blue"),
        *("--depends-on", "users", "--depends-on", "payments@^1.2 || ^2"),
    )

    (written,) = bed.cloud_map.records
    assert dict(written.attributes) == {"color": "blue", "depends-on": "users,payments@^1.2 || ^2"}
    assert "  attribute depends-on  users,payments@^1.2 || ^2" in ran.out.splitlines()


def test_what_does_not_fit_into_one_attribute_goes_on_in_the_next(bed: CliBed) -> None:
    names = [f"{'x' * 60}-{number}" for number in range(20)]

    bed.run(*REGISTER, *(word for name in names for word in ("--depends-on", name)))

    (written,) = bed.cloud_map.records
    assert list(written.attributes) == ["depends-on", "depends-on-2"]
    assert ",".join(written.attributes.values()) == ",".join(names)


@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)], ids=["written", "planned"])
def test_more_than_a_record_holds_is_exit_code_2_and_says_what_to_do(
    bed: CliBed, dry_run: tuple[str, ...]
) -> None:
    options = [word for number in range(90) for word in ("--depends-on", f"{'x' * 50}-{number}@^1.2.3")]

    ran = bed.run(*REGISTER, *options, *dry_run, environment={})

    assert (ran.code, ran.out, bed.cloud_map.records) == (2, "", ())
    assert re.fullmatch(
        r"error: --depends-on is '90 services': with them the record has 5\d\d\d characters of keys and values "
        r"together; the limit is 5000\. Leave out their ranges, or name only those that are called directly\n",
        ran.err,
    )


def test_too_many_attributes_of_one_s_own_are_told_without_advice_on_dependencies(bed: CliBed) -> None:
    options = [word for number in range(40) for word in ("--attribute", f"key-{number}=x")]

    ran = bed.run(*REGISTER, *options, environment={})

    assert ran.code == 2
    assert ran.err.startswith("error: --attribute is 4")


def test_on_a_terminal_it_shows_what_it_waits_for(bed: CliBed) -> None:
    ran = bed.run(
        *("register", "users", "https://users.test", "--stage", "Production"),
        environment={"TERM": "xterm"},
        terminal=True,
    )

    assert "Registering users" in ran.err
    assert "Registered users; waiting until lookups see it" in ran.err
    assert "Registering" not in ran.out


def test_elsewhere_it_keeps_quiet_while_it_waits(bed: CliBed) -> None:
    ran = bed.run("register", "users", "https://users.test", "--stage", "Production", environment={})

    assert ran.err == ""
