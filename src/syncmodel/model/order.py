"""The strict partial order *loses to* over the versions of one row, and how it is discovered.

Two sources feed it: a parent loses to its child (causality), and what a settled node shows beats
whatever else it knows (observation). Which source an edge has decides the name of a divergence.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from attrs import evolve, frozen
from immutables import Map

Versions = frozenset[int]
NONE: Versions = frozenset()


@frozen(cache_hash=True)
class Order:
    """`parents[v]` are the versions v was written knowing; `seen` are (loser, winner) pairs."""

    parents: Map[int, Versions] = Map()
    seen: frozenset[tuple[int, int]] = frozenset()

    def written(self, version: int, parents: Versions) -> Order:
        """The order once `version` was written over `parents`."""
        return evolve(self, parents=self.parents.set(version, parents))

    def shown(self, winner: int, losers: Iterable[int]) -> Order:
        """The order once a settled node that knows `losers` showed `winner`."""
        fresh = frozenset(
            (loser, winner) for loser in losers if winner not in self.above.get(loser, NONE)
        )
        return evolve(self, seen=self.seen | fresh) if fresh else self

    @cached_property
    def above(self) -> dict[int, Versions]:
        """For each version: all that it loses to."""
        return self._closed(with_seen=True)

    @cached_property
    def causal(self) -> dict[int, Versions]:
        """For each version: all that it loses to because they were written knowing it."""
        return self._closed(with_seen=False)

    def _closed(self, *, with_seen: bool) -> dict[int, Versions]:
        direct: dict[int, set[int]] = {}
        for child, parents in self.parents.items():
            for parent in parents:
                direct.setdefault(parent, set()).add(child)
        for loser, winner in self.seen if with_seen else ():
            direct.setdefault(loser, set()).add(winner)
        closed: dict[int, Versions] = {}

        def beaters(version: int) -> Versions:
            known = closed.get(version)
            if known is None:
                closed[version] = NONE  # Acyclic by construction; this bounds a faulty order.
                known = frozenset(direct.get(version, ())).union(
                    *(beaters(winner) for winner in direct.get(version, ()))
                )
                closed[version] = known
            return known

        for version in tuple(direct):
            beaters(version)
        return closed

    def loses(self, version: int, to: Iterable[int]) -> bool:
        """Whether `version` loses to any of these."""
        return not self.above.get(version, NONE).isdisjoint(to)
