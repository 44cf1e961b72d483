"""A graph is drawn in Mermaid's language and in Graphviz's, with every label read as it is meant."""

from __future__ import annotations

import html
import re

from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.dependency_drawing import to_dot, to_mermaid
from cloudmap_discovery.dependency_graph import Edge, Graph, Node

GRAPH = Graph(
    nodes=(Node("mail", registered=False), Node("orders", registered=True), Node("users", registered=True)),
    edges=(
        Edge("orders", "mail", None, "missing"),
        Edge("orders", "users", ">=1 <2", "unmet"),
        Edge("users", "orders", "^2", "met"),
        Edge("users", "users", None, "met"),
    ),
)
texts = st.text(min_size=1) | st.text('"\\<>&#;`*[]{}()|ab1', min_size=1)


def test_mermaid_has_a_node_for_each_service_and_an_arrow_for_each_dependency() -> None:
    assert to_mermaid(GRAPH).splitlines() == [
        "flowchart LR",
        '    n0["mail<br/>missing"]:::missing',
        '    n1["orders"]',
        '    n2["users"]',
        "    n1 -.-> n0",
        '    n1 -.->|"#62;=1 #60;2 not met"| n2',
        '    n2 -->|"^2"| n1',
        "    n2 --> n2",
        "    linkStyle 0,1 stroke:#cf222e,stroke-width:2px,color:#cf222e",
        "    classDef missing fill:#ffebe9,stroke:#cf222e,color:#cf222e,stroke-dasharray:5 3",
    ]


def test_graphviz_has_a_node_for_each_service_and_an_arrow_for_each_dependency() -> None:
    lines = to_dot(GRAPH).splitlines()

    alarm = 'color="#cf222e", fontcolor="#cf222e"]'
    assert (lines[0], lines[-1]) == ("digraph dependencies {", "}")
    assert lines[4:-1] == [
        f'    n0 [label="mail\\nmissing", style="rounded,filled,dashed", fillcolor="#ffebe9", {alarm}',
        '    n1 [label="orders"]',
        '    n2 [label="users"]',
        f"    n1 -> n0 [style=dashed, {alarm}",
        f'    n1 -> n2 [label="&#62;=1 &#60;2 not met", style=dashed, {alarm}',
        '    n2 -> n1 [label="^2"]',
        "    n2 -> n2",
    ]


def test_where_nothing_is_wrong_nothing_is_in_red() -> None:
    graph = Graph(GRAPH.nodes[1:], GRAPH.edges[2:])

    drawn = to_mermaid(graph) + to_dot(graph)

    assert "missing" not in drawn
    assert "#cf222e" not in drawn


def test_an_empty_graph_is_still_one() -> None:
    empty = Graph((), ())

    assert to_mermaid(empty) == "flowchart LR"
    assert to_dot(empty).startswith("digraph dependencies {\n")
    assert to_dot(empty).endswith("}")


@given(texts, texts)
def test_every_text_survives_in_mermaid(service: str, version: str) -> None:
    graph = Graph((Node(service, registered=True),), (Edge(service, service, version, "met"),))

    drawn = to_mermaid(graph)

    labels = re.findall(r'"([^"]*)"', drawn)
    assert drawn.isascii()
    assert len(drawn.splitlines()) == 3
    assert [re.sub(r"#(\d+);", lambda code: chr(int(code[1])), label) for label in labels] == [
        service,
        version,
    ]
    assert not set("".join(labels)) & set("<>&`*\\")


@given(texts, texts)
def test_every_text_survives_in_graphviz(service: str, version: str) -> None:
    graph = Graph((Node(service, registered=True),), (Edge(service, service, version, "met"),))

    drawn = to_dot(graph)

    labels = re.findall(r'label="([^"]*)"', drawn)
    escapes = [escape for label in labels for escape in re.findall(r"\\.?", label)]
    assert drawn.isascii()
    assert len(drawn.splitlines()) == 7
    assert set(escapes) <= {r"\\"}
    assert [entity_free(label).replace(r"\\", "\\") for label in labels] == [service, version]


def entity_free(label: str) -> str:
    return re.sub(r"&#(\d+);", lambda code: chr(int(code[1])), label)


def test_the_entities_of_graphviz_are_those_of_html() -> None:
    graph = Graph((Node('a"<b>&é', registered=True),), ())

    (label,) = re.findall(r'label="([^"]*)"', to_dot(graph))

    assert html.unescape(label) == 'a"<b>&é'
