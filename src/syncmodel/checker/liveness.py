"""Deciding `eventually` and `converges` on a finished state graph. What they mean: `properties`.

Both reduce to "which states can reach such a state", twice for `converges`, so two backward passes
over plain arrays suffice, without building components (eight bytes an edge instead of hundreds).
The tests hold this against the attracting components that networkx finds.
"""

import sys
from array import array
from itertools import accumulate

from syncmodel.checker.properties import Kind

Flags = bytearray
"""One byte for each state: 1 or 0."""


class Edges:
    """The edges of a state graph, as numbers of states."""

    __slots__ = ("sources", "targets")

    def __init__(self) -> None:
        self.sources = array("i")
        self.targets = array("i")

    def add(self, source: int, target: int) -> None:
        self.sources.append(source)
        self.targets.append(target)

    def own_bytes(self) -> int:
        return sys.getsizeof(self.sources) + sys.getsizeof(self.targets)


def point_of_no_return(kind: Kind, satisfied: Flags, edges: Edges) -> int | None:
    """The first state (in the order of the search, so the nearest) from which no run reaches a
    state that a liveness property asks for, or None. `satisfied` flags the states in which the
    property's predicate is true."""
    goal = satisfied if kind is Kind.EVENTUALLY else _for_good(satisfied, edges)
    first = _able_to_reach(goal, edges).find(0)
    return None if first < 0 else first


def _for_good(satisfied: Flags, edges: Edges) -> Flags:
    """The states from which every run stays among the satisfied ones."""
    return _inverse(_able_to_reach(_inverse(satisfied), edges))


def _inverse(flags: Flags) -> Flags:
    return flags.translate(bytes((1, 0)) + bytes(254))


def _able_to_reach(goal: Flags, edges: Edges) -> Flags:
    starts, sources = _incoming(len(goal), edges)
    reached = bytearray(goal)
    waiting = [state for state, is_goal in enumerate(goal) if is_goal]
    while waiting:
        state = waiting.pop()
        for source in sources[starts[state] : starts[state + 1]]:
            if not reached[source]:
                reached[source] = 1
                waiting.append(source)
    return reached


def _incoming(states: int, edges: Edges) -> "tuple[array[int], array[int]]":
    """The sources of the edges into state i are the slice starts[i] : starts[i + 1]."""
    counts = array("i", bytes(4 * (states + 1)))
    for target in edges.targets:
        counts[target + 1] += 1
    starts = array("i", accumulate(counts))
    free = array("i", starts)
    sources = array("i", bytes(4 * len(edges.sources)))
    for source, target in zip(edges.sources, edges.targets, strict=True):
        sources[free[target]] = source
        free[target] += 1
    return starts, sources
