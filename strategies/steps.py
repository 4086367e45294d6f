"""Steps chosen from the plan: every step from here is enabled, so no draw is wasted.

One weighted choice of the kind of step, then one of its arguments. No bundles, no filters.
`any_of`, `bursts`, `simultaneous` and `bad_requests` are arguments of a machine's rules, each one
draw; `possible` and `anything_possible` are their preconditions. `choose` is for code with its own
generator.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from random import Random
from typing import Any, Protocol, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import precondition

from syncmodel.model.plan import Plan
from syncmodel.model.schema import Schema, Table
from syncmodel.steps import (
    Burst,
    Concurrently,
    Create,
    Data,
    Delete,
    Fill,
    Refused,
    Restore,
    Rollback,
    Step,
    kind,
)
from syncmodel.steps.membership import Told
from syncmodel.steps.scope import Scope
from syncmodel.strategies.inside import NOTHING, Nothing, Picked
from syncmodel.strategies.looks import dressed
from syncmodel.strategies.near import (
    AFTER,
    ALIKE,
    AT_ONCE,
    BACK,
    IN_A_BURST,
    LOST,
    NOWHERE,
    OF_BARE,
    OF_CHANGED,
    OF_DOWN,
    OF_STILL,
    ON_ONE_NODE,
    RETURNED,
    WRITTEN_ON,
    Near,
    came_back,
    changed_since,
    near,
)
from syncmodel.strategies.weights import Odds, starting_over, weights

#: How often a create gives columns that it could leave out.
FULLER = 0.2
#: Steps inside a burst, and steps at once.
BURST_SIZES = (2, 2, 3, 3, 4, 5)
CONCURRENT_SIZES = (2, 2, 3)
#: Steps that bursts and simultaneous steps never contain.
NOT_IN_A_BURST = ("burst", "purge", "refused")
NOT_AT_ONCE = ("burst", "concurrently", "purge", "refused")

F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S", bound=Step)
D = TypeVar("D", bound=Data)


class Planned(Protocol):
    """What the strategies ask of the machine that draws."""

    @property
    def plan(self) -> Plan:
        """Where the run stands."""

    @property
    def kinds(self) -> Scope:
        """The steps that may be drawn, and the names in them."""

    @property
    def last(self) -> Step | None:
        """The step that was taken last."""

    def odds(self, plan: Plan, ops: frozenset[str], *, in_a_burst: bool = False) -> Odds:
        """The weights of these kinds of steps where that plan stands."""


class Weighing(Protocol):
    """What weighs kinds of steps: `weights`, or a machine's `odds`."""

    def __call__(self, plan: Plan, ops: frozenset[str], *, in_a_burst: bool = False) -> Odds: ...


# --- for rules ---------------------------------------------------------------------------------


class AnyOf(Picked[S]):
    """Any enabled step of one kind, each as likely."""

    def __init__(self, kind: type[S]) -> None:
        super().__init__()
        self.kind = kind

    def pick(self, machine: Planned, rng: Random) -> S | Nothing:
        """Near to the last step now and then."""
        where, last = NOWHERE, machine.last
        if last is not None and (rng.random() < AFTER or _stale(last, machine.plan)):
            where = near((last,), 1.0)
        return _any(self.kind, machine.plan, machine.kinds, rng, where) or NOTHING

    def __repr__(self) -> str:
        return f"any_of({self.kind.__name__})"


class _BadRequests(Picked[Step]):
    def pick(self, machine: Planned, rng: Random) -> Step:
        step = _refused(machine.plan, machine.kinds, rng)
        assert step is not None, "bad_requests() needs the precondition possible(Refused)"
        return step

    def __repr__(self) -> str:
        return "bad_requests()"


class _Bursts(Picked[Step]):
    def pick(self, machine: Planned, rng: Random) -> Step | Nothing:
        kinds = machine.kinds.without(*NOT_IN_A_BURST)
        return _burst(machine.plan, kinds, rng, machine.odds) or NOTHING

    def __repr__(self) -> str:
        return "bursts()"


class _Simultaneous(Picked[Step]):
    def pick(self, machine: Planned, rng: Random) -> Step | Nothing:
        kinds = machine.kinds.without(*NOT_AT_ONCE)
        return _at_once(machine.plan, kinds, rng, machine.odds) or NOTHING

    def __repr__(self) -> str:
        return "simultaneous()"


def any_of(kind: type[S]) -> st.SearchStrategy[S]:
    """Any enabled step of this kind; the rule needs the precondition `possible(kind)`."""
    return AnyOf(kind)


def bad_requests() -> st.SearchStrategy[Step]:
    """A request that must be refused; the rule needs the precondition `possible(Refused)`."""
    return _BadRequests()


def bursts() -> st.SearchStrategy[Step]:
    """Several steps without a rest; the rule needs the precondition `anything_possible`."""
    return _Bursts()


def simultaneous() -> st.SearchStrategy[Step]:
    """Steps at the same time; the rule needs the precondition `anything_possible`."""
    return _Simultaneous()


def possible(kind: type[Step]) -> Callable[[F], F]:
    """Precondition of a rule: the plan allows some step of this kind."""

    def some(machine: Planned) -> bool:
        plan = machine.plan
        return any(step.enabled(plan) for step in kind.choices(plan, machine.kinds))

    some.__name__ = f"possible({kind.__name__})"
    # A strategy of that kind finds it out as well: see `strategies.inside`.
    some.kind = kind  # type: ignore[attr-defined]
    return precondition(some)


def _anything(machine: Planned) -> bool:
    plan, kinds = machine.plan, machine.kinds.without(*NOT_AT_ONCE)
    return any(
        step.enabled(plan) for op in sorted(kinds.ops) for step in _kind(op).choices(plan, kinds)
    )


#: Precondition of a rule: the plan allows some single step.
anything_possible = precondition(_anything)


# --- with a generator --------------------------------------------------------------------------


def steps(plan: Plan, scope: Scope) -> st.SearchStrategy[Step]:
    """One enabled step, for a Hypothesis test of yours."""
    return st.randoms(use_true_random=False).map(lambda rng: choose(plan, scope, rng))


def choose(plan: Plan, scope: Scope, rng: Random) -> Step:
    """One enabled step. There is always one where restarts are in scope, else `ValueError`."""
    step = _weighted(plan, scope, rng, weights, weights(plan, scope.ops))
    if step is None:
        raise ValueError(f"No step of {sorted(scope.ops)} is enabled here: put `restart` in scope.")
    return step


def _weighted(
    plan: Plan, scope: Scope, rng: Random, odds: Weighing, table: Odds, *, where: Near = NOWHERE
) -> Step | None:
    """A kind by its weight among those that are enabled; a node can always be restarted."""
    while table.ops:
        op = table.drawn(rng)
        step = _of_kind(op, plan, scope, rng, odds, where=where)
        if step is not None:
            return step
        table = table.without(op)
    return None


def _of_kind(
    op: str, plan: Plan, scope: Scope, rng: Random, odds: Weighing, *, where: Near
) -> Step | None:
    if op == "burst":
        return _burst(plan, scope.without(*NOT_IN_A_BURST), rng, odds)
    if op == "concurrently":
        return _at_once(plan, scope.without(*NOT_AT_ONCE), rng, odds)
    if op == "refused":
        return _refused(plan, scope, rng)
    return _any(_kind(op), plan, scope, rng, where)


def _stale(last: Step, plan: Plan) -> bool:
    """Whether the nodes of the last step came back while a link, of any node, is cut."""
    return came_back(last) and bool(plan.net.cut)


def _kind(op: str) -> type[Step]:
    found = kind(op)
    assert found is not None, f"no step has the op {op!r}"
    return found


def _any(kind: type[S], plan: Plan, scope: Scope, rng: Random, where: Near) -> S | None:
    """Any enabled step of a kind, each as likely but for those that are near; of writes the table
    is chosen first. What is started again is mostly down."""
    if not issubclass(kind, Data):
        if kind.op == "restart" and plan.net.down:
            where = Near(OF_DOWN, nodes=plan.net.down)
        if kind.op == "leave" and plan.net.paused:
            where = Near(OF_STILL, nodes=plan.net.paused)
        if kind.op == "rollout" and (bare := frozenset(plan.net.up).difference(plan.net.carriers)):
            where = Near(OF_BARE, nodes=bare)
        if kind.op == "restore":
            where = Near(OF_CHANGED, nodes=changed_since(plan))
        return _any_enabled(list(kind.choices(plan, scope)), plan, rng, where)
    if kind.op == "create" and not where.chance:
        where = Near(RETURNED, nodes=starting_over(plan))
    tables = list(_tables(plan.net.schema, kind.op))
    while tables:
        table = tables[int(rng.random() * len(tables))]
        step = _any_enabled(list(kind.of_table(table, plan, scope)), plan, rng, where)
        if step is not None:
            step = _fuller(step, plan, rng)
            return dressed(step, plan.net.schema, scope.texts, rng) if scope.texts else step
        tables = [one for one in tables if one is not table]
    return None


def _fuller(step: D, plan: Plan, rng: Random) -> D:
    """The write; a create gives, now and then, columns that it could leave out."""
    if not isinstance(step, Create) or not plan.net.schema.by_name[step.table].optional:
        return step
    return step.fuller(plan) if rng.random() < FULLER else step


@lru_cache(maxsize=64)
def _tables(schema: Schema, op: str) -> tuple[Table, ...]:
    """The tables, each as often as it is to be chosen: what others refer to is deleted more."""
    twice = op == "delete"
    return tuple(
        table
        for table in schema.tables
        for _ in range(2 if twice and schema.referring[table.name] else 1)
    )


def _any_enabled(found: list[S], plan: Plan, rng: Random, where: Near) -> S | None:
    """Any of them that the plan allows, each as likely; few are checked, as that is expensive.

    Those that are near come first, as often as that says.
    """
    if where.chance and rng.random() < where.chance:
        step = _any_near([step for step in found if where.has(step)], plan, rng, where)
        if step is not None:
            return step
    while found:
        step = found.pop(int(rng.random() * len(found)))
        if step.enabled(plan):
            return step
    return None


def _any_near(found: list[S], plan: Plan, rng: Random, where: Near) -> S | None:
    if where.alone and rng.random() < where.alone:
        step = _any_enabled([step for step in found if where.holds(step)], plan, rng, NOWHERE)
        if step is not None:
            return step
    return _any_enabled(found, plan, rng, NOWHERE)


def _refused(plan: Plan, scope: Scope, rng: Random) -> Step | None:
    """First why, since for some reasons there are many more requests than for others."""
    reasons = list(scope.refusals)
    rng.shuffle(reasons)
    chosen = (
        _any_enabled(list(Refused.because(why, plan, scope)), plan, rng, NOWHERE) for why in reasons
    )
    return next((step for step in chosen if step is not None), None)


def _burst(plan: Plan, scope: Scope, rng: Random, odds: Weighing) -> Step | None:
    """Several steps without a rest; fewer where nothing is possible any more."""
    taken: list[Step] = []
    for _ in range(rng.choice(BURST_SIZES)):
        table = odds(plan, scope.ops, in_a_burst=True)
        op = _follows(taken, plan, rng)
        if op in table.ops:
            table = odds(plan, frozenset({op}), in_a_burst=True)
        step = _weighted(plan, scope, rng, odds, table, where=near(taken, IN_A_BURST))
        if step is None:
            break
        plan = step.advance(plan)
        taken.append(step)
    if not taken:
        return None
    if isinstance(taken[-1], Restore) and rng.random() < WRITTEN_ON:
        where = near(taken, IN_A_BURST)
        step = _weighted(plan, scope, rng, odds, odds(plan, scope.ops & {"create"}), where=where)
        taken += [] if step is None else [step]
    return Burst(tuple(taken))


def _follows(taken: list[Step], plan: Plan, rng: Random) -> str:
    """The kind of step that says most after the last one in a burst, now and then; else ""."""
    if taken and came_back(taken[-1]) and rng.random() < WRITTEN_ON:
        # Whatever it has lost, it takes something new.
        return "create"
    if taken and isinstance(taken[-1], Rollback) and len(plan.net.carriers) < len(plan.net.up):
        return "rollout" if rng.random() < BACK else ""
    lost = bool(taken) and isinstance(taken[-1], (Delete, Told)) and rng.random() < LOST
    return "crash" if lost else ""


def _at_once(plan: Plan, scope: Scope, rng: Random, odds: Weighing) -> Step | None:
    """Steps at the same time. What does not go together is left out; one alone is just a step.

    Writes that follow another one are mostly about its row, and often of its kind.
    """
    taken: list[Step] = []
    marked = plan
    for _ in range(rng.choice(CONCURRENT_SIZES)):
        # Tokens are taken from a plan in which the siblings' are used up.
        where = near(taken, AT_ONCE, ON_ONE_NODE)
        step = _alike(taken, marked, scope, rng, where) if where.rows else None
        step = step or _weighted(marked, scope, rng, odds, odds(marked, scope.ops), where=where)
        if step is None:
            break
        if not taken or Concurrently((*taken, step)).enabled(plan):
            taken.append(step)
            marked = step.mark(marked) if isinstance(step, (Data, Fill)) else marked
    return Concurrently(tuple(taken)) if len(taken) > 1 else next(iter(taken), None)


def _alike(taken: list[Step], plan: Plan, scope: Scope, rng: Random, where: Near) -> Step | None:
    """Now and then a write of the same kind as the one before it."""
    kind = type(taken[-1])
    if rng.random() >= ALIKE or not issubclass(kind, Data):
        return None
    return _any(kind, plan, scope, rng, where)
