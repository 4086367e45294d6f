"""What a machine's class and a search's settings decide for every sequence, worked out once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from syncmodel.engine.findings import Settings
from syncmodel.engine.invariant import Invariant
from syncmodel.engine.session import Session
from syncmodel.errors import UsageError
from syncmodel.steps import vocabulary
from syncmodel.steps.base import Malforms
from syncmodel.steps.scope import Scope
from syncmodel.strategies.inside import NextRule, rules_of
from syncmodel.strategies.steps import AnyOf
from syncmodel.strategies.themes import theme
from syncmodel.strategies.weights import USUAL, WEIGHTS, Odds, Weights
from syncmodel.targets.base import Target

if TYPE_CHECKING:
    from syncmodel.machine.cluster import ClusterMachine

#: The invariant that Hypothesis checks: it raises what the session's comparison has found.
COMPARISON = "every_table_is_what_the_model_allows"


@frozen
class Deck:
    """What sequences draw from, and what is checked in them.

    `kinds`: the steps that have a rule, which bursts and simultaneous steps are made of too.
    `initial`: how many rules run before the first step. `compared` are the invariants that
    Hypothesis checks; the session checks `invariants`, those that a subclass adds.
    """

    kinds: Scope
    weights: Weights
    next_rule: NextRule
    initial: int
    compared: tuple[Any, ...]
    invariants: tuple[Invariant, ...]

    @classmethod
    def of(cls, machine: type[ClusterMachine], settings: Settings, target: Target) -> Deck:
        """The deck for that target, whose abilities decide which steps may be drawn.

        Raises `UsageError` if no rule is left.
        """
        rules, invariants, initial = rules_of(machine)
        _check_names(machine, {rule.function.__name__ for rule in rules})
        wanted = machine.scope or settings.scope or _everything(target)
        ops = wanted.ops if settings.scope is None else wanted.ops & settings.scope.ops
        named = {
            rule.function.__name__: rule
            for rule in rules
            if (rule.function.__name__ in ops or rule.function.__name__ not in vocabulary())
            and _can_be_taken(rule, target)
        }
        if not named:
            raise UsageError(f"{machine.__name__} has no rule for the steps that may be taken.")
        refusals = wanted.refusals
        if not isinstance(target, Malforms):
            refusals = tuple(why for why in refusals if why != "malformed")
        drawn = frozenset(op for op in named if _is_step(op, named[op]))
        kinds = evolve(wanted, ops=drawn, refusals=refusals)
        own = tuple(sorted(machine.weights.items()))
        return cls(
            kinds=kinds,
            weights=own,
            next_rule=NextRule(named, _table(frozenset(named))),
            initial=initial,
            compared=tuple(one for one in invariants if one.function.__name__ == COMPARISON),
            invariants=own_invariants(machine),
        )


def _check_names(machine: type[ClusterMachine], rules: AbstractSet[str]) -> None:
    """Raises `UsageError` for a theme, or for the weight of a step, that there is not."""
    if machine.theme is not None:
        theme(machine.theme)
    known = {*rules, *vocabulary()}
    wrong = sorted(machine.weights.keys() - known)
    if wrong:
        raise UsageError(
            f"{machine.__name__} has a weight for {', '.join(map(repr, wrong))}, and there is no "
            f"such step; there are: {', '.join(sorted(known))}."
        )


def _table(names: frozenset[str]) -> Callable[[Any], Odds]:
    def table(machine: ClusterMachine) -> Odds:
        return machine.odds(machine.plan, names)

    return table


def _everything(target: Target) -> Scope:
    """Every built-in kind of step, on few rows."""
    return Scope.of(target.schema, vocabulary())


def _can_be_taken(rule: Any, target: Target) -> bool:
    """Whether the target has the ability that the rule's step needs."""
    name, arguments = rule.function.__name__, rule.arguments_strategies.values()
    kinds = [one.kind for one in arguments if isinstance(one, AnyOf)]
    kinds += [vocabulary()[name]] if name in vocabulary() else []
    return all(kind.NEEDS is None or isinstance(target, kind.NEEDS) for kind in kinds)


def _is_step(name: str, rule: Any) -> bool:
    """Whether the rule takes steps with its own name as their op."""
    arguments: Mapping[str, Any] = rule.arguments_strategies
    return name in vocabulary() or any(
        isinstance(one, AnyOf) and one.kind.op == name for one in arguments.values()
    )


def weights_of(machine: type[ClusterMachine], settings: Settings) -> dict[str, int]:
    """The weight of each kind of step that the search draws, where nothing changes it."""
    ops = frozenset() if settings.scope is None else settings.scope.ops
    table = {**WEIGHTS, **machine.weights}
    return {op: table.get(op, USUAL) for op in sorted(ops.union(machine.weights))}


def own_invariants(machine: type[ClusterMachine]) -> tuple[Invariant, ...]:
    """The invariants that a machine's class has besides the comparison with the model.

    Each is checked on a machine that has nothing but a session: its plan, its views, and what the
    class has. So it says the same in a search, in the minimiser, and when a file is replayed.
    """
    return tuple(
        Invariant(one.function.__name__, partial(_check, machine, one))
        for one in rules_of(machine)[1]
        if one.function.__name__ != COMPARISON
    )


def _check(machine: type[ClusterMachine], invariant: Any, session: Session) -> None:
    seen = machine.seeing(session)
    if all(condition(seen) for condition in invariant.preconditions):
        invariant.function(seen)
