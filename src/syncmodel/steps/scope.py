"""How small a world is: the names and shapes that generated steps are made of.

One scope serves random exploration and exhaustive search, so both draw from the same steps.
"""

from __future__ import annotations

from functools import lru_cache

from attrs import evolve, frozen

from syncmodel.model.plan import Plan

Groups = tuple[tuple[str, ...], ...]


@frozen(cache_hash=True)
class Scope:
    """Few rows, so that steps meet on them. `ops` are the steps that may be generated at all.

    `rollback_to` and `rollout_to` are the generations that deployments may aim at.
    """

    ops: frozenset[str]
    cases: tuple[str, ...] = ("c1", "c2")
    events: tuple[str, ...] = ("e1", "e2")
    rollback_to: tuple[int, ...] = (1, 2)
    rollout_to: tuple[int, ...] = (2, 3)

    def without(self, *ops: str) -> Scope:
        """The same world with fewer kinds of steps."""
        return _without(self, ops)


@lru_cache(maxsize=64)
def _without(scope: Scope, ops: tuple[str, ...]) -> Scope:
    return evolve(scope, ops=scope.ops - set(ops))


def next_title(plan: Plan) -> str:
    """A title or body that no write of the run used."""
    number = len(plan.titles) + 1
    while f"t{number}" in plan.titles:
        number += 1
    return f"t{number}"


def next_increment(plan: Plan) -> int:
    """The next power of two that no increment of the run used."""
    by = 1
    while by in plan.increments:
        by *= 2
    return by


@lru_cache(maxsize=64)
def shapes(nodes: tuple[str, ...]) -> tuple[Groups, ...]:
    """Partitions worth trying: one node alone, halves, a bridge, a ring, nobody with anybody."""
    found: list[Groups] = [((node,), tuple(n for n in nodes if n != node)) for node in nodes]
    if len(nodes) > 3:
        half = len(nodes) // 2
        found.append((nodes[:half], nodes[half:]))
        found += [
            tuple((a, b) for a, b in zip(nodes, (*nodes[1:], nodes[0]), strict=True)),
        ]
    if len(nodes) > 2:
        for bridge in nodes:
            rest = tuple(n for n in nodes if n != bridge)
            half = len(rest) // 2
            found.append(((*rest[:half], bridge), (bridge, *rest[half:])))
        found.append(tuple((node,) for node in nodes))
    return tuple(dict.fromkeys(found))
