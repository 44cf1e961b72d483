"""The command `explain`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from cloudmap_discovery.errors import AccessDeniedError, StoreTimeoutError
from cloudmap_discovery.model import PassedOver
from tests.cli.cli_bed import record

if TYPE_CHECKING:
    from tests.cli.cli_bed import CliBed

DASH: Final = "\N{EN DASH}"
ASK: Final = ("explain", "users", "--stage", "Production")


def several(bed: CliBed) -> None:
    bed.cloud_map.put(
        record("users", version="1.4.2"),
        record(
            "users",
            "https://canary.test",
            version="1.4.2",
            variant="canary",
            weight=25,
            attributes={"color": "blue"},
            owner="manual",
        ),
        record("users", "https://acme.test", version="1.4.2", tenant="acme"),
        record("users", "https://old.test", version="1.3.0"),
    )
    bed.cloud_map.passed_over = (PassedOver("legacy-7", "it has no address"),)
    bed.parameters.put(record("users"))


def test_everything_is_told_in_order_and_the_answer_last(bed: CliBed) -> None:
    several(bed)

    ran = bed.run(*ASK)

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "users in stage Production, namespace services",
        "",
        "Held in memory",
        "  nothing: each run of this command starts anew; functions hold answers",
        "",
        "Stores, asked just now, all at once",
        "  ✓ cloudmap has 4 records (0 ms)",
        "    ├─ ▸ https://users.test",
        "    │    version 1.4.2",
        "    │    id Production-b9465e9216702b643774",
        "    ├─ ▸ https://canary.test",
        "    │    version 1.4.2 · variant canary · weight 25 · color=blue",
        "    │    id Production-dd549bc034f4bb625844 · owner manual",
        f"    ├─ {DASH} https://old.test",
        "    │    version 1.3.0",
        "    │    id Production-4c17f93e41c47c158538",
        "    │    not chosen: there is a higher version",
        f"    ├─ {DASH} https://acme.test",
        "    │    version 1.4.2 · tenant acme",
        "    │    id Production-49ef889ccb5daef4a875",
        "    │    not chosen: belongs to tenant acme",
        "    └─ ! legacy-7",
        "         passed over: it has no address",
        "  ✓ ssm has 1 record (0 ms), not used",
        f"    └─ {DASH} https://users.test",
        "         id Production-826827ddb417bc8f5f0a",
        "",
        "Answer, from cloudmap, drawn from these by weight",
        "   80.0%  https://users.test",
        "   20.0%  https://canary.test",
    ]


def test_a_store_that_repeats_the_source_is_not_told_twice(bed: CliBed) -> None:
    bed.cloud_map.put(record("users"))
    bed.parameters.put(record("users"))
    bed.parameters.passed_over = (PassedOver("/services/Production/users[1]", "no endpoint"),)

    ran = bed.run(*ASK)

    assert ran.out.splitlines()[6:12] == [
        "  ✓ cloudmap has 1 record (0 ms)",
        "    └─ ▸ https://users.test",
        "         id Production-826827ddb417bc8f5f0a",
        "  ✓ ssm has 1 record (0 ms), the same as cloudmap, not used",
        "    └─ ! /services/Production/users[1]",
        "         passed over: no endpoint",
    ]


def test_a_store_that_has_the_source_s_record_with_another_address_is_told(bed: CliBed) -> None:
    bed.cloud_map.put(record("users"))
    bed.parameters.put(record("users", "https://other.test"))

    ran = bed.run(*ASK)

    assert f"    └─ {DASH} https://other.test" in ran.out.splitlines()


def test_no_line_but_an_address_is_wider_than_a_narrow_terminal(bed: CliBed) -> None:
    several(bed)
    bed.cloud_map.put(record("users", f"https://{'a' * 100}.test", version="1.4.2", variant="long"))

    ran = bed.run(*ASK, environment={"COLUMNS": "44"})

    below_answer = ran.out.index("Answer, from")
    assert max(map(len, ran.out[:below_answer].splitlines())) <= 44
    assert f"  https://{'a' * 100}.test" in ran.out[below_answer:]


def test_what_no_store_has_is_exit_code_1(bed: CliBed) -> None:
    ran = bed.run(*ASK)

    assert ran.code == 1
    assert ran.out.splitlines()[6:] == [
        f"  {DASH} cloudmap does not have it (0 ms)",
        f"  {DASH} ssm does not have it (0 ms)",
        "",
        "No answer, discover fails",
        "  ✗ not in cloudmap, ssm",
    ]


def test_a_failing_authority_without_a_fallback_is_exit_code_3(bed: CliBed) -> None:
    bed.cloud_map.failure = AccessDeniedError("servicediscovery:DiscoverInstances is not allowed")
    bed.parameters.failure = StoreTimeoutError("no answer")

    ran = bed.run(*ASK)

    assert ran.code == 3
    assert ran.out.splitlines()[5:] == [
        "Stores, asked just now, all at once",
        "  ✗ cloudmap failed (0 ms)",
        "    servicediscovery:DiscoverInstances is not allowed",
        "  ✗ ssm failed (0 ms)",
        "    no answer",
        "",
        "No answer, discover fails",
        "  ✗ cloudmap: servicediscovery:DiscoverInstances is not allowed; ssm: no answer",
    ]


def test_a_fallback_s_answer_is_marked_stale(bed: CliBed) -> None:
    bed.cloud_map.failure = StoreTimeoutError("no answer")
    bed.parameters.put(record("users"))

    ran = bed.run(*ASK)

    assert ran.code == 0
    assert ran.out.splitlines()[-2:] == ["Answer, from ssm, marked stale", "  https://users.test"]


def test_a_failing_store_behind_the_authority_does_not_make_an_absence_an_outage(bed: CliBed) -> None:
    bed.parameters.failure = StoreTimeoutError("no answer")

    ran = bed.run(*ASK)

    assert ran.code == 1


def test_without_cloud_map_the_first_store_is_the_authority(bed: CliBed) -> None:
    bed.parameters.failure = StoreTimeoutError("no answer")

    ran = bed.run(*ASK, environment={"DISCOVERY_SOURCES": "ssm"})

    assert ran.code == 3


def test_conditions_that_nothing_meets_are_exit_code_1_with_a_reason_for_each_record(bed: CliBed) -> None:
    several(bed)

    ran = bed.run(*ASK, "--where", "color=red", "--where", "tier=gold")

    assert ran.code == 1
    assert ran.out.splitlines()[0] == (
        "users in stage Production, where color=red, tier=gold, namespace services"
    )
    assert ran.out.count("not chosen: does not have color=red, tier=gold") == 4
    assert ran.out.splitlines()[-1] == "  ✗ no instance has color=red, tier=gold"


def test_hundreds_of_records_are_cut_short_and_those_that_would_be_chosen_come_first(bed: CliBed) -> None:
    bed.cloud_map.put(
        *(record("users", version="1.0.0", variant=f"v{number}") for number in range(300)),
        record("users", "https://newest.test", version="2.0.0"),
    )

    ran = bed.run(*ASK)

    assert ran.out.splitlines()[7] == "    ├─ ▸ https://newest.test"
    assert ran.out.count("not chosen") == 18
    assert "    └─ 282 more; --json has them all" in ran.out.splitlines()


def test_candidates_beyond_twenty_are_counted(bed: CliBed) -> None:
    bed.cloud_map.put(*(record("users", variant=f"v{number}") for number in range(25)))

    ran = bed.run(*ASK)

    assert ran.out.splitlines()[-1] == "  and 5 more"


def test_json_is_the_whole_explanation(bed: CliBed) -> None:
    several(bed)

    ran = bed.run(*ASK, "--json")

    told = json.loads(ran.out)
    assert (ran.code, told["found"], told["source"], told["error"]) == (0, True, "cloudmap", None)
    assert told["held"]["state"] == "nothing"
    assert [(store["store"], store["outcome"]) for store in told["stores"]] == [
        ("cloudmap", "found"),
        ("ssm", "found"),
    ]
    assert told["stores"][0]["passed_over"] == [{"record": "legacy-7", "reason": "it has no address"}]
    assert {item["endpoint"] for item in told["candidates"]} == {"https://users.test", "https://canary.test"}
    assert len(told["passed_over"]) == 2


def test_nothing_is_coloured_where_colour_is_not_wanted_or_not_possible(bed: CliBed) -> None:
    several(bed)

    piped = bed.run(*ASK)
    unwanted = bed.run(*ASK, environment={"COLUMNS": "80", "NO_COLOR": "1"}, terminal=True)
    dumb = bed.run(*ASK, environment={"COLUMNS": "80", "TERM": "dumb"}, terminal=True)

    assert "\x1b" not in piped.out
    assert dumb.out == piped.out
    assert "\x1b[3" not in unwanted.out


def test_outcomes_are_coloured_on_a_terminal(bed: CliBed) -> None:
    several(bed)
    bed.parameters.failure = StoreTimeoutError("no answer")

    ran = bed.run(*ASK, environment={"COLUMNS": "80", "TERM": "xterm"}, terminal=True)

    assert "\x1b[32mhas 4 records\x1b[0m" in ran.out
    assert "\x1b[31mfailed\x1b[0m" in ran.out
    assert "\x1b[36mhttps://users.test\x1b[0m" in ran.out


@pytest.mark.parametrize(
    "text", ["[red]hot[/red]", "[link=https://evil.test]x[/link]", ":smile:", "\\[bold]"]
)
def test_markup_in_a_record_is_shown_as_it_is(bed: CliBed, text: str) -> None:
    bed.cloud_map.put(record("users", attributes={"style": text}))

    ran = bed.run(*ASK, environment={"COLUMNS": "80", "TERM": "xterm"}, terminal=True)

    assert f"style={text}" in ran.out


def test_controls_in_a_record_are_shown_escaped(bed: CliBed) -> None:
    hostile = "\x1b[2J\x07\rgone\n\u202etxet\x9b31m"
    bed.cloud_map.put(record("users", attributes={"note": hostile}))
    bed.cloud_map.passed_over = (PassedOver(hostile, hostile),)

    ran = bed.run(*ASK, environment={})

    assert all(line.isprintable() for line in ran.out.splitlines())
    assert r"note=\x1b[2J\x07\rgone\n\u202etxet\x9b31m" in ran.out
