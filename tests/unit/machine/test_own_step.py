"""A machine of somebody's own: its rules, steps and invariants are found, kept, saved, replayed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Self

import pytest
from attrs import evolve, frozen
from hypothesis.stateful import initialize, invariant, precondition, rule
from searches import drawn, search

from syncmodel.campaign.campaign import Campaign, Report
from syncmodel.corpus import load
from syncmodel.engine.findings import Settings
from syncmodel.engine.pool import Pool
from syncmodel.engine.replay import Judgement, replay
from syncmodel.errors import UsageError
from syncmodel.machine.cluster import ClusterMachine
from syncmodel.machine.deck import own_invariants
from syncmodel.machine.loading import facts_of
from syncmodel.machine.search import searching
from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome, accepted
from syncmodel.model.plan import Plan
from syncmodel.model.view import View
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Burst, Concurrently, Step, Target
from syncmodel.steps.scope import Scope
from syncmodel.strategies.steps import any_of, possible
from syncmodel.targets.base import Settled, Unsettled
from syncmodel.targets.registry import registered

SETTINGS = Settings(sequences=60, steps=20, seed=1)


@frozen
class Vacuum(Step):
    """A node compacts its store, which changes nothing that it shows."""

    op: ClassVar[str] = "vacuum"
    node: str

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        yield from (cls(node) for node in plan.net.carriers)

    def enabled(self, plan: Plan) -> bool:
        return plan.net.carries(self.node)

    async def perform(self, target: Target) -> Outcome:
        return accepted()

    def __str__(self) -> str:
        return f"{self.node} compacts its store"


class Mine(ClusterMachine):
    """A step more, and something that a cluster does not promise."""

    target = "simulated"

    @possible(Vacuum)
    @rule(step=any_of(Vacuum))
    def vacuum(self, step: Vacuum) -> None:
        self.take(step)

    @invariant()
    def no_node_shows_two_cases(self) -> None:
        assert self.most() < 2, f"{self.most()} cases"

    def most(self) -> int:
        """What an invariant calls is there as well."""
        return max((len(view.table("cases")) for view in self.views.values() if view), default=0)


class Compacting(ClusterMachine):
    """The step alone."""

    vacuum = Mine.vacuum
    weights: ClassVar[dict[str, int]] = {"vacuum": 40}


def found_by(machine: type[ClusterMachine], folder: Path, settings: Settings = SETTINGS) -> Report:
    with Pool("simulated") as pool:
        return Campaign(
            pool,
            settings,
            folder,
            searching(machine),
            invariants=own_invariants(machine),
            facts=facts_of(machine),
        ).run()


def ops_of(machine: type[ClusterMachine], sequences: int = 60) -> set[str]:
    """Every kind of step in a search, also those in bursts."""
    ops = set()
    for _, steps in drawn(evolve(SETTINGS, sequences=sequences), machine):
        for step in steps:
            ops.add(step.op)
            if isinstance(step, Burst | Concurrently):
                ops |= {inner.op for inner in step.steps}
    return ops


def test_a_step_of_ones_own_is_taken_also_in_bursts() -> None:
    _, recorder = search(settings=SETTINGS, machine=Compacting)
    steps = [step for _, steps in recorder.runs for step in steps]
    assert any(step.op == "vacuum" for step in steps)
    bursts = [step for step in steps if isinstance(step, Burst)]
    assert any(inner.op == "vacuum" for burst in bursts for inner in burst.steps)


def test_an_invariant_of_ones_own_is_found_shortened_saved_and_replayed(tmp_path: Path) -> None:
    report = found_by(Mine, tmp_path)
    assert report.found is not None
    assert report.found.file is not None
    saved = load(report.found.file, registered)
    assert saved.expected.divergence == ("invariant", "no_node_shows_two_cases")
    assert saved.title.startswith("invariant no_node_shows_two_cases: ")
    assert saved.found["machine"] == f"{__name__}:Mine"
    assert report.found.counterexample.divergences[0].shown == "2 cases"
    assert [step.op for step in saved.steps] == ["create", "create"]
    assert (saved.confirmed.failed, saved.confirmed.runs) == (3, 3)
    with Pool("simulated") as pool:
        target = pool.target(len(saved.nodes))
        with_it = replay(target, saved, invariants=own_invariants(Mine))
        assert pool.driver.run(with_it).judgement is Judgement.AS_EXPECTED
        assert pool.driver.run(replay(target, saved)).judgement is Judgement.OTHERWISE


def test_an_invariant_may_raise_anything_and_have_a_precondition() -> None:
    class Strict(ClusterMachine):
        @precondition(lambda self: bool(self.plan.net.down))
        @invariant()
        def nobody_is_down(self) -> None:
            raise LookupError("down")

    findings, _ = search(settings=SETTINGS, machine=Strict)
    assert findings.failure is not None
    (divergence,) = findings.failure.counterexample.divergences
    assert divergence.key == ("invariant", "nobody_is_down")
    assert divergence.shown == "LookupError: down"
    assert findings.failure.counterexample.script.steps[-1].op != "restart"


def test_an_invariant_is_checked_once_a_rest_and_not_in_reruns() -> None:
    checked = []

    class Counting(ClusterMachine):
        @invariant()
        def counts(self) -> None:
            checked.append(len(self.session.steps if self.session else ()))
            assert len(checked) < 30

    findings, _ = search(settings=SETTINGS, machine=Counting)
    assert findings.failure is not None
    assert len(checked) == 30
    assert checked[:3] == [0, 1, 2]


def test_a_step_can_be_taken_out() -> None:
    class Uncrashed(ClusterMachine):
        crash = None  # type: ignore[assignment]

    usual, rare = ops_of(ClusterMachine, 90), {"fill"}
    assert "crash" in usual
    assert ops_of(Uncrashed, 90) - rare == usual - rare - {"crash"}


def test_a_rule_may_take_several_steps() -> None:
    class Twice(ClusterMachine):
        @possible(Vacuum)
        @rule(step=any_of(Vacuum))
        def vacuum_twice(self, step: Vacuum) -> None:
            self.take(step)
            self.take(step)

        weights: ClassVar[dict[str, int]] = {"vacuum_twice": 100}

    findings, recorder = search(settings=Settings(sequences=5, steps=10, seed=1), machine=Twice)
    assert findings.failure is None
    assert all(len(steps) > 10 for _, steps in recorder.runs)
    assert not any(isinstance(s, Burst) and "vacuum" in str(s) for _, r in recorder.runs for s in r)


def test_what_a_rule_itself_raises_is_told_as_hypothesis_does() -> None:
    class Wrong(ClusterMachine):
        @rule()
        def wrong(self) -> None:
            raise ZeroDivisionError("a mistake in a rule")

    with pytest.raises(ZeroDivisionError, match="a mistake") as raised:
        search(settings=SETTINGS, machine=Wrong)
    assert any("state.wrong()" in note for note in raised.value.__notes__)


def test_no_step_is_taken_before_the_run_begins() -> None:
    class Early(ClusterMachine):
        boot = None  # type: ignore[assignment]

        @initialize()
        def early(self) -> None:
            self.take(Vacuum("n1"))

    with pytest.raises(UsageError, match="can't be taken in @initialize"):
        search(settings=SETTINGS, machine=Early)
    with pytest.raises(UsageError, match=r"run Early\.TestCase"):
        Early()


class Forgetful(Mine):
    """The target shows fewer rows than it has: the model's own divergence comes first."""

    no_node_shows_two_cases = None  # type: ignore[assignment]

    @invariant()
    def never_reached(self) -> None:
        assert not self.views or self.most() < 99


def test_the_model_is_compared_first() -> None:
    class Empty(SimulatedCluster):
        async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
            found = await super().settle(net, control=control, limit_s=limit_s)
            if isinstance(found, Settled):
                nothing = {name: view and View() for name, view in found.views.items()}
                return Settled(nothing, found.control)
            return found

    findings, _ = search(Empty(3), SETTINGS, Forgetful)
    assert findings.failure is not None
    assert findings.failure.counterexample.divergences[0].kind.value == "missing"
