"""How often each kind of step is chosen: one table, and what the plan's situation makes of it.

Conflicts are what we are after: few rows, writes on both sides of a cut, heals and restarts soon
after what they follow. A kind of step that is not in the table has weight `USUAL`.
"""

from __future__ import annotations

from bisect import bisect
from functools import lru_cache
from itertools import accumulate
from operator import itemgetter
from random import Random

from attrs import field, frozen

from syncmodel.model.plan import Plan

USUAL = 3
#: Weights in addition to the table's, or in their place, by the op.
Weights = tuple[tuple[str, int], ...]
NO_WEIGHTS: Weights = ()

#: Out of roughly a hundred.
WEIGHTS = {
    "create": 17,
    "set": 10,
    "add": 6,
    "delete": 12,
    "fill": 0,
    "partition": 7,
    "cut": 4,
    "mend": 2,
    "heal": 2,
    "resync": 4,
    "read": 4,
    "rollout": 1,
    "rollback": 2,
    "faulty_rollout": 1,
    "faulty_rollback": 1,
    "disable": 1,
    "uninstall": 1,
    "select": 1,
    "reboot": 1,
    "crash": 3,
    "restart": 2,
    "pause": 1,
    "resume": 2,
    "clock": 1,
    "backup": 1,
    "restore": 2,
    "purge": 2,
    "spoil": 1,
    "full_disk": 1,
    "slow_disk": 1,
    "drift": 1,
    "hang": 1,
    "slow": 1,
    "impair": 1,
    "leave": 1,
    "join": 3,
    "reactivate": 3,
    "distrust": 1,
    "trust": 3,
    "burst": 14,
    "concurrently": 5,
    "refused": 3,
    "misuse": 2,
}

#: How much likelier a step is in a situation where it says more.
WHERE_NOTHING_IS_WRITTEN = {"create": 2}
WHILE_CUT = {
    "fill": 3,
    "heal": 3,
    "mend": 2,
    "partition": 2,
    "purge": 3,
    "resync": 2,
    "rollback": 6,
    "uninstall": 3,
}
WHILE_DOWN = {"fill": 3, "purge": 3, "restart": 5, "rollback": 2}
#: Nobody waits for the answer, so that it may be done twice: that shows in what adds up.
WHILE_PAUSED = {"add": 3, "leave": 6, "resume": 6}
WHILE_STAGED = {"reboot": 8, "restart": 4}
#: All nodes are told, so that what is down or stands still is brought back first.
WHILE_AWAY = {"join": 4, "reactivate": 3, "create": 2}
#: What was refused meanwhile is asked for again.
WHILE_DISTRUSTED = {"trust": 4}
#: What it writes next, it writes into a log that has just begun.
WHERE_A_NODE_STARTS_OVER = {"create": 5}
WHERE_THE_PLUGIN_IS_MISSING = {"rollout": 16}
#: What it has just written is the beginning of a new log.
WHERE_A_NODE_KEEPS_NEWS = {"heal": 30}
#: A copy that is old says more than a new one.
WHERE_NOTHING_IS_COPIED = {"backup": 4}
#: One fill makes a log long, costs as much as a hundred other steps, and makes all that follow
#: slower: so it comes once, late, and mostly where somebody has to catch up with it.
WHERE_A_FILL_IS_DUE = {"fill": 14}
DUE_AFTER_VALUES = 10
#: Nothing that was done there was read yet: a crash may lose it, above all a delete.
IN_A_BURST = {"crash": 6, "delete": 2, "restart": 2, "read": 2, "restore": 6}
SITUATIONS = (
    WHERE_NOTHING_IS_WRITTEN,
    WHILE_CUT,
    WHILE_DOWN,
    WHILE_PAUSED,
    WHILE_STAGED,
    WHILE_AWAY,
    WHILE_DISTRUSTED,
    WHERE_THE_PLUGIN_IS_MISSING,
    WHERE_A_FILL_IS_DUE,
    WHERE_NOTHING_IS_COPIED,
    WHERE_A_NODE_STARTS_OVER,
    WHERE_A_NODE_KEEPS_NEWS,
    IN_A_BURST,
)


@frozen
class Odds:
    """Kinds of steps in a fixed order, and their weights added up: made once, drawn from often.

    The `spare` ones come into play where none of the others is left.
    """

    weights: tuple[tuple[str, int], ...]
    spare: tuple[tuple[str, int], ...] = ()
    ops: tuple[str, ...] = field(init=False)
    sums: tuple[int, ...] = field(init=False)

    @ops.default
    def _ops(self) -> tuple[str, ...]:
        return tuple(map(itemgetter(0), self.weights))

    @sums.default
    def _sums(self) -> tuple[int, ...]:
        return tuple(accumulate(map(itemgetter(1), self.weights)))

    def drawn(self, rng: Random) -> str:
        """A kind by its weight."""
        return self.ops[bisect(self.sums, rng.random() * self.sums[-1])]

    def without(self, op: str) -> Odds:
        """The table without this kind. Not kept: there are as many as sets of kinds."""
        return odds(tuple([one for one in self.weights if one[0] != op]), self.spare)


def odds(weights: tuple[tuple[str, int], ...], spare: tuple[tuple[str, int], ...] = ()) -> Odds:
    """The odds of these, or of the spare ones if there are none."""
    return Odds(weights, spare) if weights else Odds(spare)


def weights(
    plan: Plan,
    ops: frozenset[str],
    own: Weights = NO_WEIGHTS,
    theme: Weights = NO_WEIGHTS,
    *,
    in_a_burst: bool = False,
    news: bool = False,
) -> Odds:
    """The weight of each op that may be chosen here; `news`: as `near.keeps_news` has it.

    `own` come before those of the `theme`, and these before those of the table. What the theme
    leaves out (weight 0) comes only where nothing else is possible.
    """
    net = plan.net
    bare = len(net.carriers) < len(net.up)
    due = len(plan.tokens) >= DUE_AFTER_VALUES and not plan.passed_over
    still, staged, away = bool(net.paused), bool(net.staged), bool(net.away)
    faults = (bool(net.cut), bool(net.down), still, staged, away, bool(net.distrusts))
    over = bool(starting_over(plan))
    situation = (not plan.rows, *faults, bare, due, not net.backups, over, news, in_a_burst)
    return _table(ops, own, theme, situation)


def starting_over(plan: Plan) -> frozenset[str]:
    """The nodes that have the plugin and no row of it, though there are some elsewhere."""
    if not plan.rows:
        return frozenset()
    return frozenset(node for node in plan.net.carriers if not plan.known.get(node))


@lru_cache(maxsize=1024)
def _table(ops: frozenset[str], own: Weights, theme: Weights, situation: tuple[bool, ...]) -> Odds:
    usual = {**WEIGHTS, **dict(own)}
    known = {**WEIGHTS, **dict(theme), **dict(own)}
    table = {op: known.get(op, USUAL) for op in sorted(ops)}
    left_out = {op for op, weight in table.items() if not weight and usual.get(op, USUAL)}
    table.update(dict.fromkeys(left_out, 1))
    for factors, holds in zip(SITUATIONS, situation, strict=True):
        for op in factors if holds else ():
            if op in table:
                table[op] *= factors[op]
    drawn = tuple((op, n) for op, n in table.items() if n > 0 and op not in left_out)
    return odds(drawn, tuple((op, n) for op, n in table.items() if op in left_out))
