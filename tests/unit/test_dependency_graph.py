"""Records say who depends on whom; what is not there, or not in the range, is told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.dependency_graph import Edge, Node, draw_up
from cloudmap_discovery.model import Instance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Records = dict[str, tuple[Instance, ...]]

services = st.sampled_from(["a", "b", "c", "d", "e"])
entries = st.lists(st.tuples(services, st.sampled_from(["", "@^1", "@2.x", "@nonsense here"])), max_size=6)


def record(service: str, depends_on: str = "", version: str | None = None, **fields: Any) -> Instance:
    attributes = {"depends-on": depends_on} if depends_on else {}
    return Instance(service, f"https://{service}.test", version=version, attributes=attributes, **fields)


def by_service(*some: Instance) -> Records:
    found: Records = {}
    for one in some:
        found[one.service] = (*found.get(one.service, ()), one)
    return found


def test_an_edge_leads_from_a_service_to_each_one_that_it_depends_on() -> None:
    graph = draw_up(
        by_service(
            record("orders", "users,payments@^1.2"), record("users"), record("payments", version="1.3.0")
        )
    )

    assert graph.nodes == (
        Node("orders", registered=True),
        Node("payments", registered=True),
        Node("users", registered=True),
    )
    assert graph.edges == (Edge("orders", "payments", "^1.2", "met"), Edge("orders", "users", None, "met"))


def test_a_dependency_without_any_record_is_missing() -> None:
    graph = draw_up({**by_service(record("orders", "users,mail@^1")), "mail": ()})

    assert graph.nodes == (
        Node("mail", registered=False),
        Node("orders", registered=True),
        Node("users", registered=False),
    )
    assert graph.missing == (
        Edge("orders", "mail", "^1", "missing"),
        Edge("orders", "users", None, "missing"),
    )


def test_a_service_without_records_that_nobody_depends_on_is_not_shown() -> None:
    graph = draw_up({"old": (), **by_service(record("users"))})

    assert graph.nodes == (Node("users", registered=True),)


def test_a_dependency_of_which_no_record_is_in_the_range_is_unmet() -> None:
    graph = draw_up(
        by_service(
            record("orders", "users@^2,payments@^2,mail@^1"),
            record("users", version="1.4.2"),
            record("users", version="3.0.0", variant="b"),
            record("payments", version="1.0.0"),
            record("payments", version="2.1.0", variant="b"),
            record("mail"),
        )
    )

    assert [edge.dependency for edge in graph.unmet] == ["mail", "users"]
    assert graph.missing == ()


def test_the_suffix_of_versions_is_appended_as_lookups_do() -> None:
    records = by_service(record("orders", "users@^1.2"), record("users", version="1.4.2-staging"))

    plain, staging = draw_up(records), draw_up(records, "-staging")

    assert [plain.edges[0].state, staging.edges[0].state] == ["unmet", "met"]


def test_records_that_say_the_same_make_one_edge_and_different_ranges_one_each() -> None:
    graph = draw_up(
        by_service(
            record("orders", "users@^1", version="1.0.0"),
            record("orders", "users@^1", version="1.0.0", variant="canary"),
            record("orders", "users@^2", version="2.0.0"),
            record("users", version="1.0.0"),
        )
    )

    assert graph.edges == (Edge("orders", "users", "^1", "met"), Edge("orders", "users", "^2", "unmet"))


def test_circles_and_a_service_that_depends_on_itself_are_fine() -> None:
    graph = draw_up(by_service(record("a", "b,a"), record("b", "a")))

    assert [(edge.service, edge.dependency, edge.state) for edge in graph.edges] == [
        ("a", "a", "met"),
        ("a", "b", "met"),
        ("b", "a", "met"),
    ]


def test_no_records_make_an_empty_graph() -> None:
    graph = draw_up({})

    assert (graph.nodes, graph.edges) == ((), ())


@given(
    st.lists(st.builds(record, services, entries.map(lambda some: ",".join(map("".join, some))))),
    st.randoms(),
)
def test_a_graph_is_whole_and_the_same_in_whatever_order_its_records_come(
    some: list[Instance], random: Any
) -> None:
    records = by_service(*some)
    shuffled = shuffle(records, random)

    graph = draw_up(records)

    names = [node.service for node in graph.nodes]
    assert graph == draw_up(shuffled)
    assert names == sorted(set(names))
    assert {end for edge in graph.edges for end in (edge.service, edge.dependency)} <= set(names)
    assert {node.service for node in graph.nodes if not node.registered} == {
        edge.dependency for edge in graph.missing
    }


def shuffle(records: Mapping[str, Sequence[Instance]], random: Any) -> Records:
    items = [(service, random.sample(some, len(some))) for service, some in records.items()]
    random.shuffle(items)
    return {service: tuple(some) for service, some in items}
