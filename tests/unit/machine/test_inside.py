"""What we use of Hypothesis beside its documented interface is there, and does what we think."""

from __future__ import annotations

import pytest
from hypothesis import core, is_hypothesis_test, seed, settings
from hypothesis.errors import FailedHealthCheck
from hypothesis.internal.conjecture.data import ConjectureData
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from syncmodel.strategies import inside
from syncmodel.strategies.inside import EndsSearch, NextRule, chosen_seed, rules_of
from syncmodel.strategies.weights import Odds


class Two(RuleBasedStateMachine):
    taken: list[str]

    def __init__(self) -> None:
        super().__init__()
        self.own = self._rules_strategy
        rules = {one.function.__name__: one for one in rules_of(Two)[0]}
        inside.choose_rules_by(
            self, NextRule(rules, lambda _: Odds((("never", 90), ("often", 9), ("seldom", 1))))
        )

    @initialize()
    def begin(self) -> None:
        Two.taken = []

    @rule()
    def often(self) -> None:
        Two.taken.append("often")

    @rule()
    def seldom(self) -> None:
        Two.taken.append("seldom")

    @precondition(lambda _: False)
    @rule()
    def never(self) -> None:
        raise AssertionError("its precondition does not hold")

    @invariant()
    def fine(self) -> None:
        pass


def test_rules_are_drawn_by_our_strategy() -> None:
    run(Two, settings=settings(stateful_step_count=50, max_examples=5, database=None))
    assert Two.taken.count("often") + Two.taken.count("seldom") == len(Two.taken)
    assert type(Two().own).__name__ == "RuleStrategy", "Hypothesis draws rules in another way"


def test_rules_have_what_we_read_of_them() -> None:
    rules, invariants, initial = rules_of(Two)
    assert sorted(one.function.__name__ for one in rules) == ["never", "often", "seldom"]
    assert [len(one.preconditions) for one in rules] == [1, 0, 0]
    assert all(one.arguments_strategies == {} and one.bundles == () for one in rules)
    assert [one.function.__name__ for one in invariants] == ["fine"]
    assert initial == 1


def test_a_failed_health_check_comes_out_at_once() -> None:
    calls = []

    class Ends(RuleBasedStateMachine):
        @rule()
        def end(self) -> None:
            calls.append(1)
            raise EndsSearch(KeyError("why"))

    assert issubclass(EndsSearch, FailedHealthCheck)
    with pytest.raises(EndsSearch) as end:
        run(Ends, settings=settings(database=None))
    assert str(end.value.error) == "'why'"
    assert calls == [1]


def test_where_hypothesis_keeps_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    class Some(Two):
        pass

    by_name = settings(derandomize=True, database=None)
    assert chosen_seed(Some, settings(derandomize=False)) is None
    assert chosen_seed(Some, by_name) == chosen_seed(Some, by_name) is not None
    monkeypatch.setattr(core, "global_force_seed", 5)
    for one in (settings(derandomize=False), by_name):
        assert chosen_seed(Some, one) == 5
    assert chosen_seed(seed(7)(Some), by_name) == 7


def test_a_test_is_known_as_one_of_hypothesis() -> None:
    def test() -> None: ...

    inside.is_hypothesis_test(test, Two)
    assert is_hypothesis_test(test)
    usual = Two.TestCase.runTest
    assert is_hypothesis_test(usual)
    assert set(vars(usual)) == set(vars(test))


def test_a_test_case_knows_its_machine_and_its_generator() -> None:
    data = ConjectureData.for_choices(())
    assert hasattr(data, "hypothesis_runner")
    assert hasattr(data, "_random")
