"""How often each kind of step is chosen: one table, and what the plan's situation makes of it.

Conflicts are what we are after: few rows, writes on both sides of a cut, heals and restarts soon
after what they follow. A kind of step that is not in the table has weight `USUAL`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from syncmodel.model.plan import Plan

USUAL = 3

#: Out of roughly a hundred.
WEIGHTS = {
    "create_case": 9,
    "update_case": 10,
    "increment_case": 6,
    "delete_case": 8,
    "create_event": 8,
    "delete_event": 4,
    "partition": 7,
    "cut": 4,
    "mend": 2,
    "heal": 2,
    "resync": 4,
    "rollout": 1,
    "rollback": 2,
    "crash": 3,
    "restart": 2,
    "burst": 14,
    "concurrently": 5,
    "refused": 3,
}

#: How much likelier a step is in a situation where it says more.
WHILE_CUT = {"heal": 3, "mend": 2, "partition": 2, "resync": 2, "rollback": 4}
WHILE_DOWN = {"restart": 5, "rollback": 2}
WHERE_THE_PLUGIN_IS_MISSING = {"rollout": 16}
IN_A_BURST = {"crash": 4, "restart": 2}


def weights(plan: Plan, ops: frozenset[str]) -> dict[str, int]:
    """The weight of each op that may be chosen here; a fresh dict."""
    table = dict(_weights(ops))
    net = plan.net
    if not plan.rows:
        _scale(table, {"create_case": 4})
    if net.cut:
        _scale(table, WHILE_CUT)
    if net.down:
        _scale(table, WHILE_DOWN)
    if len(net.carriers) < len(net.up):
        _scale(table, WHERE_THE_PLUGIN_IS_MISSING)
    return table


def weights_in_a_burst(plan: Plan, ops: frozenset[str]) -> dict[str, int]:
    """The same inside of a burst, where a crash comes before anything was read."""
    table = weights(plan, ops)
    _scale(table, IN_A_BURST)
    return table


@cache
def _weights(ops: frozenset[str]) -> dict[str, int]:
    return {op: WEIGHTS.get(op, USUAL) for op in sorted(ops)}


def _scale(table: dict[str, int], factors: Mapping[str, int]) -> None:
    for op, factor in factors.items():
        if op in table:
            table[op] *= factor
