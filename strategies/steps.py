"""Steps drawn from the plan: whatever comes out of here is enabled, so nothing is wasted.

One weighted draw of the kind of step, then one of its arguments. No bundles, no filters.
"""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from syncmodel.model.plan import Plan
from syncmodel.steps import Burst, Concurrently, Data, Step, vocabulary
from syncmodel.steps.scope import Scope
from syncmodel.strategies.weights import weights

#: Steps inside a burst, and steps at once.
BURST_SIZES = (2, 2, 3, 3, 4, 5)
CONCURRENT_SIZES = (2, 2, 3)
COMPOUND = frozenset({"burst", "concurrently"})


def everything() -> Scope:
    """The scope with every kind of step there is."""
    return Scope(ops=frozenset(vocabulary()))


@cache
def enabled(op: str, plan: Plan, scope: Scope) -> tuple[Step, ...]:
    """The steps of one kind that the plan allows, in a fixed order."""
    kind = vocabulary()[op]
    return tuple(step for step in kind.choices(plan, scope) if step.enabled(plan))


@st.composite
def steps(draw: st.DrawFn, plan: Plan, scope: Scope) -> Step:
    """One enabled step. There is always one: a node can always be restarted."""
    op = draw(_ops(plan, scope))
    if op == "burst":
        return draw(bursts(plan, scope))
    if op == "concurrently":
        return draw(at_once(plan, scope))
    return draw(st.sampled_from(enabled(op, plan, scope)))


@st.composite
def bursts(draw: st.DrawFn, plan: Plan, scope: Scope) -> Step:
    """Several steps without a rest; mostly writes, of one row where there is one."""
    size = draw(st.sampled_from(BURST_SIZES))
    inner = scope.without("burst", "resync", "rollout", "rollback", "refused")
    taken: list[Step] = []
    for _ in range(size):
        step = draw(steps(plan, inner))
        plan = step.advance(plan)
        taken.append(step)
    return Burst(tuple(taken))


@st.composite
def at_once(draw: st.DrawFn, plan: Plan, scope: Scope) -> Step:
    """Steps at the same time. What does not go together is left out; one alone is just a step."""
    size = draw(st.sampled_from(CONCURRENT_SIZES))
    inner = scope.without("burst", "concurrently", "refused")
    taken: list[Step] = []
    marked = plan
    for _ in range(size):
        # Tokens are drawn from a plan in which the siblings' are used up.
        step = draw(steps(marked, inner))
        together = Concurrently((*taken, step))
        if not taken or together.enabled(plan):
            taken.append(step)
            marked = step.mark(marked) if isinstance(step, Data) else marked
    return Concurrently(tuple(taken)) if len(taken) > 1 else taken[0]


@cache
def _ops(plan: Plan, scope: Scope) -> st.SearchStrategy[str]:
    """The kinds of steps that are enabled, each as often as its weight."""
    table = weights(plan, scope.ops)
    pool = [
        op
        for op, weight in table.items()
        if op in COMPOUND or enabled(op, plan, scope)
        for _ in range(weight)
    ]
    return st.sampled_from(pool)
