"""What loses to what, in the end: held against another library's closure of the same pairs."""

from __future__ import annotations

from itertools import combinations
from random import Random

import networkx as nx

from syncmodel.model.order import NONE, Order


def test_above_is_all_that_can_be_reached() -> None:
    rng = Random(1)
    for _ in range(99):
        order = Order()
        graph: nx.DiGraph[int] = nx.DiGraph()
        for version in range(rng.randint(1, 8)):
            graph.add_node(version)
            parents = frozenset(v for v in range(version) if rng.random() < 0.4)
            graph.add_edges_from((parent, version) for parent in parents)
            order = order.written(version, parents)
        above = {v: frozenset(nx.descendants(graph, v)) for v in graph}
        assert {v: order.above.get(v, NONE) for v in graph} == above
        assert {v: order.causal.get(v, NONE) for v in graph} == above


def test_above_forgets_the_parents_that_a_write_has_lost() -> None:
    order = Order().written(0, NONE).written(1, NONE).shown(frozenset({1}), [0])
    order = order.written(2, frozenset({1}))
    assert order.above.get(0) == frozenset({1, 2})
    order = order.written(2, NONE)
    assert order.above.get(0) == frozenset({1})
    assert order.above.get(1, NONE) == NONE
    assert order.causal == {}


def test_the_best_is_the_same_for_equal_orders() -> None:
    one = Order().written(0, NONE).written(1, frozenset({0}))
    other = Order().written(1, NONE).written(0, NONE).written(1, frozenset({0}))
    assert one == other
    for known in (NONE, frozenset({0}), frozenset({1}), frozenset({0, 1})):
        for versions in map(frozenset, combinations(range(2), 2)):
            assert one.best(versions, known) == other.best(versions, known)
    assert one.best(frozenset({0, 1}), frozenset({0, 1})) == {1}
