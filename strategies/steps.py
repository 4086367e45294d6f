"""Steps chosen from the plan: whatever comes out of here is enabled, so nothing is wasted.

One weighted choice of the kind of step, then one of its arguments. No bundles, no filters. Whoever
has a source of randomness uses `choose`; `steps` is the same as a strategy, each choice a draw.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random

from hypothesis import strategies as st

from syncmodel.model.plan import Plan
from syncmodel.model.schema import Schema, Table
from syncmodel.steps import Burst, Concurrently, Data, Refused, Step, vocabulary
from syncmodel.steps.compound import PROOFS
from syncmodel.steps.scope import Scope
from syncmodel.strategies.weights import Odds, weights

#: Steps inside a burst, and steps at once.
BURST_SIZES = (2, 2, 3, 3, 4, 5)
CONCURRENT_SIZES = (2, 2, 3)
#: What a burst and simultaneous steps are not made of.
NOT_IN_A_BURST = ("burst", "refused")
NOT_AT_ONCE = ("burst", "concurrently", "refused")


def steps(plan: Plan, scope: Scope) -> st.SearchStrategy[Step]:
    """One enabled step, for a Hypothesis test of yours."""
    return st.randoms(use_true_random=False).map(lambda rng: choose(plan, scope, rng))


def choose(plan: Plan, scope: Scope, rng: Random) -> Step:
    """One enabled step. There is always one where restarts are in scope: see `_weighted`."""
    return _weighted(plan, scope, rng, weights(plan, scope.ops))


def _weighted(plan: Plan, scope: Scope, rng: Random, table: Odds) -> Step:
    """A kind by its weight among those that are enabled; a node can always be restarted."""
    while table.ops:
        op = table.drawn(rng)
        step = _of_kind(op, plan, scope, rng)
        if step is not None:
            return step
        table = table.without(op)
    raise ValueError(f"No step of {sorted(scope.ops)} is enabled here: put `restart` in scope.")


def _of_kind(op: str, plan: Plan, scope: Scope, rng: Random) -> Step | None:
    if op == "burst":
        return _burst(plan, scope.without(*NOT_IN_A_BURST), rng)
    if op == "concurrently":
        return _at_once(plan, scope.without(*NOT_AT_ONCE), rng)
    if op == "refused":
        return _refused(plan, scope, rng)
    kind = vocabulary()[op]
    if issubclass(kind, Data):
        return _write(kind, plan, scope, rng)
    return _any_enabled(list(kind.choices(plan, scope)), plan, rng)


def _write(kind: type[Data], plan: Plan, scope: Scope, rng: Random) -> Step | None:
    """First the table, since of some there are many more writes than of others."""
    tables = list(_tables(plan.net.schema, kind.op))
    while tables:
        table = tables[int(rng.random() * len(tables))]
        step = _any_enabled(list(kind.of_table(table, plan, scope)), plan, rng)
        if step is not None:
            return step
        tables = [one for one in tables if one is not table]
    return None


@lru_cache(maxsize=64)
def _tables(schema: Schema, op: str) -> tuple[Table, ...]:
    """The tables, each as often as it is to be chosen: what others refer to is deleted more."""
    twice = op == "delete"
    return tuple(
        table
        for table in schema.tables
        for _ in range(2 if twice and schema.referring[table.name] else 1)
    )


def _any_enabled(found: list[Step], plan: Plan, rng: Random) -> Step | None:
    """Any of them that the plan allows, each as likely; few are asked, as that is dear."""
    while found:
        step = found.pop(int(rng.random() * len(found)))
        if step.enabled(plan):
            return step
    return None


def _refused(plan: Plan, scope: Scope, rng: Random) -> Step | None:
    """First why, since for some reasons there are many more requests than for others."""
    reasons = list(PROOFS)
    rng.shuffle(reasons)
    chosen = (_any_enabled(list(Refused.because(why, plan, scope)), plan, rng) for why in reasons)
    return next((step for step in chosen if step is not None), None)


def _burst(plan: Plan, scope: Scope, rng: Random) -> Step:
    """Several steps without a rest."""
    taken: list[Step] = []
    for _ in range(rng.choice(BURST_SIZES)):
        step = _weighted(plan, scope, rng, weights(plan, scope.ops, in_a_burst=True))
        plan = step.advance(plan)
        taken.append(step)
    return Burst(tuple(taken))


def _at_once(plan: Plan, scope: Scope, rng: Random) -> Step:
    """Steps at the same time. What does not go together is left out; one alone is just a step."""
    taken: list[Step] = []
    marked = plan
    for _ in range(rng.choice(CONCURRENT_SIZES)):
        # Tokens are taken from a plan in which the siblings' are used up.
        step = _weighted(marked, scope, rng, weights(marked, scope.ops))
        if not taken or Concurrently((*taken, step)).enabled(plan):
            taken.append(step)
            marked = step.mark(marked) if isinstance(step, Data) else marked
    return Concurrently(tuple(taken)) if len(taken) > 1 else taken[0]
