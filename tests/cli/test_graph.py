"""The command `graph`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.errors import AccessDeniedError
from tests.cli.cli_bed import record

if TYPE_CHECKING:
    from cloudmap_discovery.model import Instance
    from tests.cli.cli_bed import CliBed


def dependent(
    service: str, depends_on: str, *, stage: str = "Production", version: str | None = None
) -> Instance:
    return record(service, stage=stage, version=version, attributes={"depends-on": depends_on})


def several(bed: CliBed) -> None:
    bed.cloud_map.put(
        dependent("orders", "users@^1.2,mail", version="2.0.0"),
        dependent("users", "mail", version="1.4.2"),
        record("mail", stage="Staging"),
    )


def test_standard_output_has_the_text_of_the_graph_and_nothing_else(bed: CliBed) -> None:
    several(bed)

    ran = bed.run("graph")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "flowchart LR",
        '    n0["mail"]',
        '    n1["orders"]',
        '    n2["users"]',
        "    n1 --> n0",
        '    n1 -->|"^1.2"| n2',
        "    n2 --> n0",
    ]


def test_graphviz_gets_its_own_language(bed: CliBed) -> None:
    several(bed)

    ran = bed.run("graph", "--format", "dot")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("digraph dependencies {\n")
    assert ran.out.endswith("}\n")
    assert '    n1 -> n2 [label="^1.2"]\n' in ran.out


def test_what_the_stage_does_not_have_is_missing_and_warned_about_with_who_wants_it(bed: CliBed) -> None:
    several(bed)

    ran = bed.run("graph", "--stage", "Production", environment={})

    assert ran.code == 0
    assert '    n0["mail<br/>missing"]:::missing' in ran.out.splitlines()
    assert ran.err == "warning: 1 dependency is missing: mail (for orders, users)\n"


def test_a_ladder_shows_of_each_service_the_first_stage_that_has_it(bed: CliBed) -> None:
    several(bed)
    bed.cloud_map.put(dependent("orders", "search", stage="pr-1"))

    ran = bed.run("graph", "--stage", "pr-1>Production>Staging", "--json", environment={})

    graph = json.loads(ran.out)
    assert [(edge["service"], edge["dependency"]) for edge in graph["edges"]] == [
        ("orders", "search"),
        ("users", "mail"),
    ]
    assert [node["service"] for node in graph["nodes"] if not node["registered"]] == ["search"]


def test_a_range_that_no_record_is_in_is_warned_about_with_what_there_is(bed: CliBed) -> None:
    bed.cloud_map.put(
        dependent("orders", "users@^2,mail@1.x"), record("users", version="1.4.2"), record("mail")
    )

    ran = bed.run("graph", environment={})

    assert ran.code == 0
    assert '-.->|"^2 not met"|' in ran.out
    assert ran.err == (
        "warning: 2 dependencies are not met by any version: mail has no version, not 1.x (for orders); "
        "users has 1.4.2, not ^2 (for orders)\n"
    )


def test_a_great_many_are_counted_and_ten_of_them_named(bed: CliBed) -> None:
    bed.cloud_map.put(dependent("orders", ",".join(f"service-{number:02}" for number in range(25))))

    ran = bed.run("graph", environment={})

    assert ran.err.startswith("warning: 25 dependencies are missing: service-00 (for orders); ")
    assert ran.err.endswith("service-09 (for orders); and 15 more\n")


def test_json_has_nodes_edges_and_warnings(bed: CliBed) -> None:
    bed.cloud_map.put(dependent("orders", "users@^1,mail"), record("users", version="1.4.2"))

    ran = bed.run("graph", "--json")

    assert ran.code == 0
    assert json.loads(ran.out) == {
        "namespace": "services",
        "nodes": [
            {"service": "mail", "registered": False},
            {"service": "orders", "registered": True},
            {"service": "users", "registered": True},
        ],
        "edges": [
            {"service": "orders", "dependency": "mail", "version": None, "state": "missing"},
            {"service": "orders", "dependency": "users", "version": "^1", "state": "met"},
        ],
    }
    assert json.loads(ran.err) == {"warning": "1 dependency is missing: mail (for orders)"}


def test_where_no_record_says_anything_there_are_nodes_alone_and_a_note_how_to_say_it(bed: CliBed) -> None:
    bed.cloud_map.put(record("users"), record("orders"))

    ran = bed.run("graph", environment={})

    assert ran.code == 0
    assert ran.out.splitlines() == ["flowchart LR", '    n0["orders"]', '    n1["users"]']
    assert ran.err.startswith("note: no record says what its service depends on; cloudmap-discovery register")
    assert "--depends-on" in ran.err


def test_an_empty_registry_is_an_empty_graph_that_can_still_be_drawn(bed: CliBed) -> None:
    ran = bed.run("graph", "--format", "dot", environment={"DISCOVERY_NAMESPACE": "mine"})
    of_stage = bed.run("graph", "--stage", "Staging", environment={})

    assert ran.code == 0
    assert ran.out.startswith("digraph dependencies {")
    assert ran.err == "Nothing is registered in namespace mine.\n"
    assert of_stage.err == "Nothing is registered in stage Staging in namespace services.\n"


def test_a_namespace_that_is_not_there_is_exit_code_1(bed: CliBed) -> None:
    bed.has_namespace = False

    ran = bed.run("graph", "--namespace", "sevices", environment={})

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: there is no namespace 'sevices' in this account and region; ")


def test_a_listing_that_fails_is_exit_code_3(bed: CliBed) -> None:
    bed.cloud_map.failure = AccessDeniedError("servicediscovery:ListServices is not allowed")

    ran = bed.run("graph", environment={})

    assert (ran.code, ran.out, ran.err) == (3, "", "error: servicediscovery:ListServices is not allowed\n")


def test_the_stage_of_the_environment_plays_no_part(bed: CliBed) -> None:
    several(bed)

    plain = bed.run("graph", environment={})
    staged = bed.run("graph", environment={"DISCOVERY_STAGE": "Staging"})

    assert staged.out == plain.out


def test_the_suffix_of_versions_is_appended_to_ranges(bed: CliBed) -> None:
    bed.cloud_map.put(dependent("orders", "users@^1.2"), record("users", version="1.4.2-staging"))

    ran = bed.run("graph", environment={"DISCOVERY_VERSION_SUFFIX": "-staging"})

    assert ran.err == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--stage", "a>"], "error: stage is 'a>': "),
        (["--format", "svg"], "error: Invalid value for '--format': "),
        (["--timeout", "0"], "error: --timeout is 0"),
    ],
)
def test_a_wrong_value_is_exit_code_2(bed: CliBed, arguments: list[str], told: str) -> None:
    ran = bed.run("graph", *arguments, environment={})

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(told)
