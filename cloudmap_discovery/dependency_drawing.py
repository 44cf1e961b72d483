"""A graph of dependencies as text from which other programs draw a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cloudmap_discovery.dependency_graph import Edge, Graph

_INDENT: Final = "    "
_MISSING: Final = "missing"
_ALARM: Final = "#cf222e"
_ALARM_FILL: Final = "#ffebe9"
_LINE: Final = "#57606a"
_FILL: Final = "#f6f8fa"
_FONT: Final = "Helvetica,Arial,sans-serif"


def to_mermaid(graph: Graph) -> str:
    """Return the graph as a Mermaid flowchart."""
    ids = _ids(graph)
    lines = ["flowchart LR"]
    for node in graph.nodes:
        label = _mermaid_text(node.service)
        lines.append(
            f'{_INDENT}{ids[node.service]}["{label}"]'
            if node.registered
            else f'{_INDENT}{ids[node.service]}["{label}<br/>{_MISSING}"]:::{_MISSING}'
        )
    for edge in graph.edges:
        arrow = "-->" if edge.state == "met" else "-.->"
        label = _mermaid_text(_label(edge))
        said = f'|"{label}"|' if label else ""
        lines.append(f"{_INDENT}{ids[edge.service]} {arrow}{said} {ids[edge.dependency]}")
    odd = [str(number) for number, edge in enumerate(graph.edges) if edge.state != "met"]
    if odd:
        lines.append(f"{_INDENT}linkStyle {','.join(odd)} stroke:{_ALARM},stroke-width:2px,color:{_ALARM}")
    if not all(node.registered for node in graph.nodes):
        style = f"fill:{_ALARM_FILL},stroke:{_ALARM},color:{_ALARM},stroke-dasharray:5 3"
        lines.append(f"{_INDENT}classDef {_MISSING} {style}")
    return "\n".join(lines)


def to_dot(graph: Graph) -> str:
    """Return the graph in Graphviz's language."""
    ids = _ids(graph)
    lines = [
        "digraph dependencies {",
        f"{_INDENT}graph [rankdir=LR, nodesep=0.4, ranksep=0.8]",
        f'{_INDENT}node [shape=box, style="rounded,filled", fillcolor="{_FILL}", color="{_LINE}", fontname="{_FONT}"]',
        f'{_INDENT}edge [color="{_LINE}", fontname="{_FONT}", fontsize=11]',
    ]
    for node in graph.nodes:
        label = _dot_text(node.service)
        lines.append(
            f'{_INDENT}{ids[node.service]} [label="{label}"]'
            if node.registered
            else f'{_INDENT}{ids[node.service]} [label="{label}\\n{_MISSING}", style="rounded,filled,dashed", '
            f'fillcolor="{_ALARM_FILL}", color="{_ALARM}", fontcolor="{_ALARM}"]'
        )
    for edge in graph.edges:
        label = _label(edge)
        attributes = [f'label="{_dot_text(label)}"'] if label else []
        if edge.state != "met":
            attributes += ["style=dashed", f'color="{_ALARM}"', f'fontcolor="{_ALARM}"']
        said = f" [{', '.join(attributes)}]" if attributes else ""
        lines.append(f"{_INDENT}{ids[edge.service]} -> {ids[edge.dependency]}{said}")
    return "\n".join([*lines, "}"])


def _ids(graph: Graph) -> dict[str, str]:
    return {node.service: f"n{number}" for number, node in enumerate(graph.nodes)}


def _label(edge: Edge) -> str:
    """Return what an edge says, so that what is wrong can be told without its colour."""
    said = edge.version or ""
    return f"{said} not met" if edge.state == "unmet" else said


def _mermaid_text(text: str) -> str:
    # Mermaid's own way of writing an entity; a grave accent begins Markdown, and an asterisk may be taken for it.
    return "".join(f"#{ord(mark)};" if _is_odd(mark, '"#&<>`*\\') else mark for mark in text)


def _dot_text(text: str) -> str:
    # Graphviz reads HTML's entities in every label, and afterwards its own escapes.
    return "".join(f"&#{ord(mark)};" if _is_odd(mark, '"&<>') else mark for mark in text.replace("\\", r"\\"))


def _is_odd(mark: str, special: str) -> bool:
    return mark in special or not (mark.isascii() and mark.isprintable())
