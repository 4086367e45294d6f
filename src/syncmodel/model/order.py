"""The strict partial order *loses to* over the versions of one row, and how it is discovered.

Two sources feed it: a parent loses to its child (causality), and what a settled node shows beats
whatever else it knows (observation). Which source an edge has decides the name of a divergence.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import networkx as nx
from immutables import Map
from msgspec.structs import replace

from syncmodel.record import Record

Versions = frozenset[int]
NONE: Versions = frozenset()


class Order(Record, cache_hash=True):
    """`parents[v]` are the versions v was written knowing; `seen` are (loser, winner) pairs.

    `among` are (loser, winners): the loser loses to one of these; which one is unknown.
    """

    parents: Map[int, Versions] = Map()
    seen: frozenset[tuple[int, int]] = frozenset()
    among: frozenset[tuple[int, Versions]] = frozenset()
    #: Writes that may rest on any version, as no answer has said on which (merge policies that
    #: ask).
    loose: Versions = NONE
    #: (increment, create): where counters add up, what was seen in a sum though its node knew that
    #: create, so that this has not taken it out.
    beside: frozenset[tuple[int, int]] = frozenset()
    #: For each version that loses to any: all that it loses to. Kept, as every step needs it.
    above: Map[int, Versions] = Map()

    def written(self, version: int, parents: Versions) -> Order:
        """The order once `version` was written over `parents`."""
        before = self.parents.get(version, NONE)
        all_parents = self.parents.set(version, parents)
        if before <= parents:
            above = _below(self.above, parents - before, version)
        else:
            above = Map(_closed([*_causal_pairs(all_parents), *self.seen]))
        return Order(all_parents, self.seen, self.among, self.loose, self.beside, above)

    def shown(self, winners: Versions, losers: Iterable[int]) -> Order:
        """The order once a settled node that knows `losers` showed one of `winners`."""
        fresh = [loser for loser in losers if winners.isdisjoint(self.above.get(loser, NONE))]
        if not fresh:
            return self
        if len(winners) > 1:
            return replace(self, among=self.among | {(loser, winners) for loser in fresh})
        (winner,) = winners
        pairs = self.seen | {(loser, winner) for loser in fresh}
        return replace(self, seen=pairs, above=_below(self.above, frozenset(fresh), winner))

    def best(self, versions: Versions, known: Versions) -> Versions:
        """Those of `versions` that lose to nothing which a node that knows `known` must know."""
        return best(self, versions, known)

    def outnumbered(self, known: Versions) -> Versions:
        """What loses to one of several, all of which are known or lose to something known."""
        return frozenset(
            loser
            for loser, winners in self.among
            if all(w in known or not known.isdisjoint(self.above.get(w, NONE)) for w in winners)
        )

    @property
    def causal(self) -> dict[int, Versions]:
        """For each version: all that it loses to because they were written knowing it."""
        return _causal(self.parents)


@lru_cache(maxsize=256)
def _causal(parents: Map[int, Versions]) -> dict[int, Versions]:
    return _closed(_causal_pairs(parents))


@lru_cache(maxsize=256)
def best(order: Order, versions: Versions, known: Versions) -> Versions:
    """See `Order.best`. Found once for all nodes that know the same, from one rest to the next.

    It follows from the three.
    """
    lost = order.outnumbered(known)
    return frozenset(
        version
        for version in versions
        if known.isdisjoint(above := order.above.get(version, NONE))
        and version not in lost
        and lost.isdisjoint(above)
    )


def _causal_pairs(all_parents: Map[int, Versions]) -> list[tuple[int, int]]:
    return [(p, child) for child, parents in all_parents.items() for p in parents]


def _below(above: Map[int, Versions], losers: Versions, winner: int) -> Map[int, Versions]:
    """The closure with these losers, and whatever loses to them, below the winner too."""
    if not losers:
        return above
    gained = above.get(winner, NONE) | {winner}
    sinking = losers.union(v for v, winners in above.items() if not winners.isdisjoint(losers))
    return above.update({v: above.get(v, NONE) | gained for v in sinking})


def _closed(pairs: Iterable[tuple[int, int]]) -> dict[int, Versions]:
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_edges_from(pairs)
    closed = {version: frozenset(nx.descendants(graph, version)) for version in graph}
    return {version: winners for version, winners in closed.items() if winners}
