"""Covering sequences: they run, they cover, and by edge no fewer steps do."""

import heapq
import random
from itertools import pairwise
from typing import Any

import networkx as nx
import pytest
from toys import AlternatingBit, Counter, Peterson, Table, TwoPhaseCommit

from syncmodel.checker import covering, covering_walks, graph
from syncmodel.checker.covering import Edge
from syncmodel.checker.system import System
from syncmodel.errors import UsageError

SYSTEMS: list[System[Any, Any]] = [
    Counter(3),
    Peterson(),
    TwoPhaseCommit(2),
    AlternatingBit(2),
    Table(["x"], {}),
    Table(["x", "y"], {"x": {"stay": "x"}, "y": {"a": "z", "b": "z"}, "z": {"back": "y"}}),
]


def assert_walks(drawn: "nx.MultiDiGraph[int]", walks: list[list[Edge]]) -> None:
    for walk in walks:
        assert drawn.nodes[walk[0][0]]["initial"]
        assert all(before[1] == after[0] for before, after in pairwise(walk))
        assert all(drawn.has_edge(*edge) for edge in walk)


@pytest.mark.parametrize("system", SYSTEMS, ids=str)
def test_every_edge_is_taken(system: System[Any, Any]) -> None:
    drawn = graph(system)
    walks = covering_walks(drawn, "edge")
    assert_walks(drawn, walks)
    assert {edge for walk in walks for edge in walk} == set(drawn.edges(keys=True))


@pytest.mark.parametrize("system", SYSTEMS, ids=str)
def test_every_kind_is_taken(system: System[Any, Any]) -> None:
    drawn = graph(system)
    walks = covering_walks(drawn, "kind", lambda before, action, after: (action, before == after))
    assert_walks(drawn, walks)

    def kinds(edges: Any) -> set[Any]:
        return {(drawn.edges[u, v, k]["action"], u == v) for u, v, k in edges}

    assert kinds(edge for walk in walks for edge in walk) == kinds(drawn.edges(keys=True))
    assert sum(map(len, walks)) <= sum(map(len, covering_walks(drawn, "edge")))


@pytest.mark.parametrize("seed", range(60))
def test_no_fewer_steps_take_every_edge(seed: int) -> None:
    chance = random.Random(seed)
    size = chance.randint(2, 5)
    edges: dict[str, dict[str, str]] = {}
    for k in range(chance.randint(2, 8)):
        source = f"s{chance.randrange(size)}"
        edges.setdefault(source, {})[f"a{k}"] = f"s{chance.randrange(size)}"
    drawn = graph(Table(["s0", "s1"][: chance.randint(1, 2)], edges))
    walks = covering_walks(drawn, "edge")
    assert_walks(drawn, walks)
    assert {edge for walk in walks for edge in walk} == set(drawn.edges(keys=True))
    assert sum(map(len, walks)) == fewest_steps(drawn)


def fewest_steps(drawn: "nx.MultiDiGraph[int]") -> int:
    """Dijkstra over (where, what was taken), beginning anew free of charge."""
    every = frozenset(drawn.edges(keys=True))
    starts = [node for node, data in drawn.nodes(data=True) if data["initial"]]
    waiting: list[tuple[int, int, int, frozenset[Edge]]] = []
    order = 0
    best: dict[tuple[int, frozenset[Edge]], int] = {}

    def push(cost: int, node: int, taken: frozenset[Edge]) -> None:
        nonlocal order
        for place in {node, *starts}:
            if cost < best.get((place, taken), cost + 1):
                best[place, taken] = cost
                order += 1
                heapq.heappush(waiting, (cost, order, place, taken))

    push(0, starts[0], frozenset())
    while waiting:
        cost, _, node, taken = heapq.heappop(waiting)
        if taken == every:
            return cost
        for edge in drawn.out_edges(node, keys=True):
            push(cost + 1, edge[1], taken | {edge})
    raise AssertionError("not every edge can be reached")


def test_sequences_are_actions() -> None:
    assert covering(graph(Counter(2)), "edge") == [["up", "up", "down", "down"]]
    assert covering(graph(Counter(2)), "kind") == [["up", "down"]]


def test_kinds_of_two_phase_commit_are_its_verbs() -> None:
    walks = covering(graph(TwoPhaseCommit(3)), "kind")
    assert {action[0] for walk in walks for action in walk} == {
        "commit", "abort", "hear_prepared", "prepare", "choose_abort", "hear_committed",
        "hear_aborted",
    }  # fmt: skip
    assert len(walks) == 2


def test_another_way_is_refused() -> None:
    with pytest.raises(UsageError):
        covering(graph(Counter(2)), "state")  # type: ignore[arg-type]
