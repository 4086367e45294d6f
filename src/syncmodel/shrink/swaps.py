"""Passes that exchange steps for others: for where a run costs next to nothing. Pure.

A script from which no step can go may still be longer than need be, because some other step does
the work of two. What is tried here is every such exchange, which takes hundreds of runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from itertools import pairwise

from attrs import evolve

from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.script import Path, Script, changed, leaves, repaired, without
from syncmodel.model.plan import Plan
from syncmodel.shrink.passes import Candidates, Pass
from syncmodel.steps import Data, Step, vocabulary
from syncmodel.steps.compound import Burst
from syncmodel.steps.scope import Scope

#: Kinds of steps that no exchange brings in: those made of others, of many rows, or in no burst.
MANIFOLD = frozenset({"burst", "concurrently", "refused", "fill", "purge"})


def exchanges(ops: frozenset[str]) -> Pass:
    """One step taken out, and any of these that is possible there in the place of another one."""
    return lambda best: _until_one_is_taken(best, _exchanged(best.script, ops))


def moves(best: Counterexample) -> Candidates:
    """One step taken out, and another one put elsewhere."""
    return _until_one_is_taken(best, _moved(best.script))


def bursts(best: Counterexample) -> Candidates:
    """One step taken out, and two that stand side by side become a burst."""
    return _until_one_is_taken(best, _joined(best.script))


def _until_one_is_taken(best: Counterexample, candidates: Iterable[Script]) -> Candidates:
    """What is left was made from a script that is no longer the best."""
    start = best.script
    for candidate in candidates:
        best = yield candidate
        if best.script is not start:
            return


def _less(script: Script, out: Path) -> Script:
    """The script without that leaf and what depends on it."""
    return repaired(without(script, lambda path, _: path == out))


def _joined(script: Script) -> Iterator[Script]:
    for out, _ in leaves(script.steps):
        shorter, plan = _less(script, out), Plan(script.net)
        for first, pair in enumerate(pairwise(shorter.steps)):
            parts = [p for one in pair for p in (one.steps if isinstance(one, Burst) else (one,))]
            before, after = shorter.steps[:first], shorter.steps[first + 2 :]
            joined = Burst(tuple(parts))
            if joined.enabled(reduce(lambda plan, step: step.advance(plan), before, plan)):
                yield evolve(shorter, steps=(*before, joined, *after))


def _exchanged(script: Script, ops: frozenset[str]) -> Iterator[Script]:
    for out, _ in leaves(script.steps):
        shorter = _less(script, out)
        for place, leaf in leaves(shorter.steps):
            for other in possible(shorter, place, ops):
                if other != leaf:
                    yield _replaced(shorter, place, other)


def _replaced(script: Script, place: Path, other: Step) -> Script:
    steps = changed(script.steps, lambda path, leaf: other if path == place else leaf)
    return evolve(script, steps=steps)


def _moved(script: Script) -> Iterator[Script]:
    for out, _ in leaves(script.steps):
        shorter = _less(script, out)
        steps = shorter.steps
        for source in range(len(steps)):
            rest = (*steps[:source], *steps[source + 1 :])
            for to in range(len(steps)):
                if to != source:
                    yield evolve(shorter, steps=(*rest[:to], steps[source], *rest[to:]))


def possible(script: Script, place: Path, ops: frozenset[str]) -> Iterator[Step]:
    """Every single step of these that the plan allows there, on the rows that the script has."""
    scope, plan = scope_of(script, ops), _plan_at(script, place)
    for op in sorted(scope.ops):
        for step in vocabulary()[op].choices(plan, scope):
            if step.enabled(plan):
                yield step


def scope_of(script: Script, ops: frozenset[str]) -> Scope:
    """The rows that the script has (one of the first table, if it has none), and these steps."""
    schema = script.net.schema
    rows: dict[str, set[str]] = {table.name: set() for table in schema.tables}
    for _, leaf in leaves(script.steps):
        if isinstance(leaf, Data):
            rows[leaf.table].add(leaf.row)
    first = schema.tables[0].name
    rows[first] = rows[first] or set(schema.names(first, 1))
    return evolve(
        Scope.of(schema, ops - MANIFOLD),
        rows={table: tuple(sorted(names)) for table, names in rows.items()},
    )


def _plan_at(script: Script, place: Path) -> Plan:
    plan = Plan(script.net)
    for path, leaf in leaves(script.steps):
        if path >= place:
            break
        plan = leaf.advance(plan)
    return plan


def swaps(ops: frozenset[str], *, joined: bool) -> tuple[Pass, ...]:
    """The passes, those that find most for a run first; `joined`: steps may become bursts."""
    others = (moves, exchanges(ops))
    return (bursts, *others) if joined else others
