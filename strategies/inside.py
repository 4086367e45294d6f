"""All that we use of Hypothesis beyond its documented interface, in one file.

`tests/unit/machine/test_inside.py` fails as soon as a version no longer has it.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from random import Random
from typing import Any, TypeVar, cast
from zlib import crc32

import hypothesis
from hypothesis import core
from hypothesis import strategies as st
from hypothesis.errors import FailedHealthCheck
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, PrimitiveProvider
from hypothesis.stateful import RuleBasedStateMachine

from syncmodel.errors import UsageError, said
from syncmodel.strategies.weights import Odds

__all__ = [
    "AVAILABLE_PROVIDERS",
    "EndsSearch",
    "NextRule",
    "Picked",
    "PrimitiveProvider",
    "choose_rules_by",
    "chosen_seed",
    "is_hypothesis_test",
    "rules_of",
]

T = TypeVar("T")


class EndsSearch(FailedHealthCheck):
    """The search is over: `error` says why, None where nothing went wrong.

    Hypothesis takes any other error for a finding and runs the test case again; a failed health
    check comes out of it at once.
    """

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__("the search is over" if error is None else said(error))
        self.error = error


class Nothing(Enum):
    """What a strategy picks where there is nothing to be picked."""

    POSSIBLE = "nothing is possible"


NOTHING = Nothing.POSSIBLE


class _Picking(threading.local):
    """The generator of a thread's picks, seeded anew for each: a new one would be seeded twice."""

    def __init__(self) -> None:
        self.rng = Random(0)


PICKING = _Picking()


class Picked(st.SearchStrategy[T]):
    """A value that is picked by one draw, where the machine's plan stands; or `NOTHING`.

    One draw, because each costs Hypothesis as much as choosing the whole step costs us. The machine
    is the one that `strategies.runner()` gives.
    """

    @abstractmethod
    def pick(self, machine: Any, rng: Random) -> T | Nothing:
        """The value, as this generator has it."""

    def do_draw(self, data: Any) -> Any:
        """Hypothesis' side of it."""
        rng = PICKING.rng
        rng.seed(data.draw_integer(0, 2**64 - 1))
        return self.pick(data.hypothesis_runner, rng)


class NextRule(st.SearchStrategy[tuple[Any, dict[str, Any]]]):
    """The next rule by its weight, and its arguments.

    It replaces Hypothesis' `RuleStrategy`, which treats all rules as equally likely and leaves some
    out of each run. An impossible rule is not in the draw, so it wastes no try.
    """

    def __init__(self, rules: Mapping[str, Any], table: Callable[[Any], Odds]) -> None:
        """`rules` by their names; `table` has the weights where a machine stands."""
        super().__init__()
        self._rules, self._table = rules, table
        self._conditions = {name: _conditions(rule) for name, rule in rules.items()}

    def do_draw(self, data: Any) -> tuple[Any, dict[str, Any]]:
        """Hypothesis' side of it. Raises `EndsSearch` where no rule is possible."""
        machine = data.hypothesis_runner
        table = self._table(machine)
        while table.ops:
            number = data.draw_integer(0, table.sums[-1] - 1)
            name = table.ops[bisect(table.sums, number)]
            rule = self._rules[name]
            if _possible(machine, rule, self._conditions[name]):
                arguments = {
                    argument: _drawn(data, strategy)
                    for argument, strategy in rule.arguments_strategies.items()
                }
                if NOTHING not in arguments.values():
                    return rule, arguments
            table = table.without(name)
        raise EndsSearch(_stuck(self._rules))

    def __repr__(self) -> str:
        return f"next_rule({', '.join(self._rules)})"


def _drawn(data: Any, strategy: Any) -> Any:
    """A value of the strategy; ours need no span of their own, as the step has one."""
    return strategy.do_draw(data) if isinstance(strategy, Picked) else data.draw(strategy)


def _conditions(rule: Any) -> tuple[Callable[[Any], bool], ...]:
    """The preconditions of a rule, but for what its own strategies find out when they draw."""
    drawn = {getattr(one, "kind", None) for one in rule.arguments_strategies.values()} - {None}
    return tuple(one for one in rule.preconditions if getattr(one, "kind", None) not in drawn)


def _possible(machine: Any, rule: Any, conditions: Sequence[Callable[[Any], bool]]) -> bool:
    return all(condition(machine) for condition in conditions) and all(
        machine.bundle(bundle.name) for bundle in rule.bundles
    )


def _stuck(rules: Mapping[str, Any]) -> Exception:
    return UsageError(
        f"No rule of {', '.join(sorted(rules))} is possible here: leave `restart` in, which always "
        f"is."
    )


def choose_rules_by(machine: RuleBasedStateMachine, strategy: NextRule) -> None:
    """Let the machine draw its rules from this strategy."""
    cast(Any, machine)._rules_strategy = strategy


def rules_of(machine: type[RuleBasedStateMachine]) -> tuple[Sequence[Any], Sequence[Any], int]:
    """A class's rules, its invariants, and how many rules run before the first step."""
    state = machine.setup_state()
    return state.rules, state.invariants, len(state.initializers)


def chosen_seed(machine: type[RuleBasedStateMachine], settings: hypothesis.settings) -> Any:
    """The seed of a search, or None where Hypothesis would make one up.

    `@seed` comes first, then `--hypothesis-seed`, then `derandomize`. Hypothesis has the last two
    the other way round, so that on CI, where its profile derandomizes, it ignores the option.
    """
    for seed in (getattr(machine, "_hypothesis_internal_use_seed", None), core.global_force_seed):
        if seed is not None:
            return seed
    if settings.derandomize:
        return crc32(f"{machine.__module__}.{machine.__qualname__}".encode())
    return None


def is_hypothesis_test(function: Callable[..., Any], machine: type[RuleBasedStateMachine]) -> None:
    """Let the function be known as the test of this machine: for statistics, markers, and tools."""
    marked = cast(Any, function)
    marked.is_hypothesis_test = True
    marked._hypothesis_state_machine_class = machine
