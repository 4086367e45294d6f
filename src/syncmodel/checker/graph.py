"""The state graph of a small system as a networkx graph, and as files that other tools draw.

Nodes are numbers in the order of the search; node attributes are `state`, `initial` and `depth`,
the edge attribute is `action`. For large spaces use `search`: a graph takes about a kilobyte a
state.
"""

import time
from collections.abc import Callable
from typing import Any, TypeAlias

import networkx as nx

from syncmodel.checker.explore import End, Walk
from syncmodel.checker.meter import resident_mib
from syncmodel.checker.system import A, S, System
from syncmodel.checker.verdict import Bounds
from syncmodel.errors import UsageError

StateGraph: TypeAlias = "nx.MultiDiGraph[int]"


class GraphTooLargeError(UsageError):
    """A bound was hit before the graph was whole. There is no part of a graph: it would look like
    a system that stops there."""


def graph(system: System[S, A], bounds: Bounds = Bounds()) -> StateGraph:  # noqa: B008
    """The whole state graph. Raises GraphTooLargeError if it does not fit into the bounds."""
    drawn: StateGraph = nx.MultiDiGraph()

    def visit(state: S, number: int) -> bool:
        drawn.add_node(number, state=state, initial=walk.depth == 0, depth=walk.depth)
        return False

    def cross(source: int, action: A, target: int) -> None:
        drawn.add_edge(source, target, action=action)

    walk = Walk(
        system=system,
        bounds=bounds,
        clock=time.monotonic,
        memory_mib=resident_mib,
        visit=visit,
        cross=cross,
    )
    end = walk.run()
    if end is not End.EXHAUSTED:
        raise GraphTooLargeError(
            f"The state graph is larger than its bound: {end.value} was hit after "
            f"{len(walk.space)} states. Raise the bound, or make the system smaller."
        )
    return drawn


def to_dot(
    drawn: StateGraph,
    state_label: Callable[[Any], str] = str,
    action_label: Callable[[Any], str] = str,
) -> str:
    """The graph in Graphviz' language; initial states have a double border."""
    lines = ["digraph states {"]
    for number, node in drawn.nodes(data=True):
        border = ", peripheries=2" if node["initial"] else ""
        lines.append(f"  {number} [label={_quoted(state_label(node['state']))}{border}];")
    for source, target, edge in drawn.edges(data=True):
        label = _quoted(action_label(edge["action"]))
        lines.append(f"  {source} -> {target} [label={label}];")
    return "\n".join([*lines, "}\n"])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def to_graphml(
    drawn: StateGraph,
    state_label: Callable[[Any], str] = str,
    action_label: Callable[[Any], str] = str,
) -> str:
    """The graph as GraphML, which knows only plain values: states and actions become texts."""
    plain: StateGraph = nx.MultiDiGraph()
    for number, node in drawn.nodes(data=True):
        plain.add_node(number, **(node | {"state": state_label(node["state"])}))
    for source, target, edge in drawn.edges(data=True):
        plain.add_edge(source, target, action=action_label(edge["action"]))
    return "\n".join(nx.generate_graphml(plain)) + "\n"
