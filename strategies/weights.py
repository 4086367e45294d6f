"""How often each kind of step is chosen: one table, and what the plan's situation makes of it.

Conflicts are what we are after: few rows, writes on both sides of a cut, heals and restarts soon
after what they follow. A kind of step that is not in the table has weight `USUAL`.
"""

from __future__ import annotations

from functools import cache

from syncmodel.model.plan import Plan

USUAL = 3

#: Out of roughly a hundred.
WEIGHTS = {
    "create_case": 8,
    "update_case": 12,
    "increment_case": 8,
    "delete_case": 8,
    "create_event": 8,
    "delete_event": 4,
    "partition": 6,
    "cut": 4,
    "mend": 2,
    "heal": 2,
    "resync": 4,
    "rollout": 1,
    "rollback": 3,
    "crash": 3,
    "restart": 2,
    "burst": 14,
    "concurrently": 6,
    "refused": 3,
}

#: How much likelier a step is that undoes what is broken now.
MENDING = 4


def weights(plan: Plan, ops: frozenset[str]) -> dict[str, int]:
    """The weight of each op that may be chosen here; a fresh dict."""
    table = dict(_weights(ops))
    net = plan.net
    if not plan.rows:
        _scale(table, "create_case", 4)
    if net.cut:
        _scale(table, "heal", MENDING)
        _scale(table, "mend", 2)
    if net.down:
        _scale(table, "restart", 2 * MENDING)
    if len(net.carriers) < len(net.up):
        _scale(table, "rollout", 3 * MENDING)
    return table


def weights_in_a_burst(plan: Plan, ops: frozenset[str]) -> dict[str, int]:
    """The same inside of a burst."""
    return weights(plan, ops)


@cache
def _weights(ops: frozenset[str]) -> dict[str, int]:
    return {op: WEIGHTS.get(op, USUAL) for op in sorted(ops)}


def _scale(table: dict[str, int], op: str, factor: int) -> None:
    if op in table:
        table[op] *= factor
