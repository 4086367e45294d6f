"""Test sequences from a state graph: walks that together take every edge, or every kind of edge.

A walk begins in an initial state; beginning anew costs nothing, a step costs one. Drawing the graph
is in `graph`; performing the walks is the caller's.
"""

from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator
from typing import Any, Literal, TypeAlias

import networkx as nx

from syncmodel.checker.graph import StateGraph
from syncmodel.errors import UsageError

Edge: TypeAlias = tuple[int, int, int]
"""Source, target, and which of the edges between these two."""
KindOf: TypeAlias = Callable[[Any, Any, Any], Any]
"""Of the state before, the action, the state after: what kind of transition it is (hashable)."""

_RESTART = -1
"""An extra node: where walks begin and end."""


def kind_of_action(_before: Any, action: Any, _after: Any) -> Any:
    """Its class; of a plain tuple the first element, of a text or number the value itself."""
    if type(action) is tuple and action:
        return action[0]
    return action if isinstance(action, str | int) else type(action)


def covering(
    drawn: StateGraph, by: Literal["kind", "edge"], kind: KindOf = kind_of_action
) -> list[list[Any]]:
    """Sequences of actions, each from an initial state, that take every edge (or kind) at least
    once. `drawn` is from `graph`.

    by="edge": the fewest steps in all, and among those about the fewest sequences: the directed
    Chinese postman with free restarts, solved exactly as a minimum-cost flow. Seconds for some
    thousand edges.

    by="kind": a heuristic, since the exact answer is a hard problem: go to the nearest edge of a
    kind not yet taken, or start again where that is nearer, and repeat.

    With several initial states a sequence doesn't tell which one it begins in; `covering_walks`
    does.
    """
    return [
        [drawn.edges[edge]["action"] for edge in walk] for walk in covering_walks(drawn, by, kind)
    ]


def covering_walks(
    drawn: StateGraph, by: Literal["kind", "edge"], kind: KindOf = kind_of_action
) -> list[list[Edge]]:
    """The same as edges of the graph: the first source of each walk is an initial node.
    Raises UsageError for another `by`."""
    if by == "edge":
        return _shortest(drawn)
    if by != "kind":
        raise UsageError(f'`by` is "kind" or "edge", not {by!r}.')
    kinds = {
        (u, v, k): kind(drawn.nodes[u]["state"], data["action"], drawn.nodes[v]["state"])
        for u, v, k, data in drawn.edges(keys=True, data=True)
    }
    return _greedy(drawn, kinds)


def _initial(drawn: StateGraph) -> list[int]:
    return [node for node, is_initial in drawn.nodes(data="initial") if is_initial]


def _greedy(drawn: StateGraph, kinds: dict[Edge, Hashable]) -> list[list[Edge]]:
    """Walks that take an edge of every kind, always on to the nearest kind not yet taken."""
    unseen = set(kinds.values())
    starts = _initial(drawn)
    walks: list[list[Edge]] = []
    while unseen:
        onward = _nearest(drawn, walks[-1][-1][1:2] if walks else (), kinds, unseen)
        anew = _nearest(drawn, starts, kinds, unseen)
        if onward and len(onward) <= len(anew):
            walks[-1].extend(onward)
        else:
            walks.append(onward := anew)
        unseen.difference_update(kinds[edge] for edge in onward)
    return walks


def _nearest(
    drawn: StateGraph,
    starts: "list[int] | tuple[int, ...]",
    kinds: dict[Edge, Hashable],
    unseen: set[Hashable],
) -> list[Edge]:
    """A shortest walk whose last edge has an unseen kind; empty if there is none."""
    came_by: dict[int, Edge | None] = dict.fromkeys(starts)
    waiting = deque(starts)
    while waiting:
        node = waiting.popleft()
        for edge in drawn.out_edges(node, keys=True):
            if kinds[edge] in unseen:
                return [*reversed(list(_back(came_by, node))), edge]
            if edge[1] not in came_by:
                came_by[edge[1]] = edge
                waiting.append(edge[1])
    return []


def _back(came_by: dict[int, Edge | None], node: int) -> Iterator[Edge]:
    while (edge := came_by[node]) is not None:
        yield edge
        node = edge[0]


def _shortest(drawn: StateGraph) -> list[list[Edge]]:
    """Edges repeated as a minimum-cost flow says, so that an Eulerian circuit through the restart
    node takes each at least once; cut there, it is the walks."""
    if not drawn.number_of_edges():
        return []
    tour: StateGraph = nx.MultiDiGraph()
    for source, target, key in drawn.edges(keys=True):
        tour.add_edge(source, target, edge=(source, target, key))
    for (source, target), times in _repeats(drawn).items():
        repeated = None if _RESTART in (source, target) else (source, target, 0)
        tour.add_edges_from([(source, target, {"edge": repeated})] * times)
    _join_to_restart(tour, _initial(drawn))
    return _cut_at_restart(tour)


def _repeats(drawn: StateGraph) -> Counter[tuple[int, int]]:
    """How often to take each edge once more, begin in a node, end in a node: the least cost that
    balances every node. A step costs more than all restarts together can."""
    flow: nx.DiGraph[int] = nx.DiGraph()
    step_cost = drawn.number_of_edges() + 1
    for node in drawn:
        surplus = drawn.in_degree(node) - drawn.out_degree(node)
        flow.add_node(node, demand=-surplus)
        flow.add_edge(node, _RESTART, weight=0)
    for source, target in drawn.edges():
        if source != target:
            flow.add_edge(source, target, weight=step_cost)
    for node in _initial(drawn):
        flow.add_edge(_RESTART, node, weight=1)
    _, amounts = nx.network_simplex(flow)
    return Counter(
        {(u, v): times for u, targets in amounts.items() for v, times in targets.items() if times}
    )


def _join_to_restart(tour: StateGraph, initial: list[int]) -> None:
    """A balanced part that no walk begins in is a round trip: let one begin where it may.

    Every part has an initial node, since every node is reached from one."""
    tour.add_node(_RESTART)
    for part in list(nx.weakly_connected_components(tour)):
        begins = next((node for node in initial if node in part), None)
        if _RESTART not in part and begins is not None:
            tour.add_edge(_RESTART, begins, edge=None)
            tour.add_edge(begins, _RESTART, edge=None)


def _cut_at_restart(tour: StateGraph) -> list[list[Edge]]:
    walks: list[list[Edge]] = []
    for source, target, key in nx.eulerian_circuit(tour, source=_RESTART, keys=True):
        if source == _RESTART:
            walks.append([])
        elif target != _RESTART:
            walks[-1].append(tour.edges[source, target, key]["edge"])
    return [walk for walk in walks if walk]
