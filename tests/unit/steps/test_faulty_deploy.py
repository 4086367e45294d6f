"""Deployments that meet a fault: where they are possible, and the one end that each may have."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.errors import InvalidRunError
from syncmodel.model.belief import Belief
from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import accepted, refused, unknown
from syncmodel.model.plan import Plan
from syncmodel.reference.node import faults as node
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.reference.simulated.faulty import DONE, ENDS
from syncmodel.steps import Crash, Create, FaultyRollback, FaultyRollout, Rollback, Rollout, Step
from syncmodel.steps.faulty_deploy import FAULTS, FaultyDeploy
from syncmodel.steps.form import kind
from syncmodel.steps.scope import Scope
from syncmodel.targets.wire import SUPERTEST

PLAN = Plan(fully_connected(SUPERTEST, 2))
PAGE = Path(__file__).parents[3] / "docs" / "semantics.md"
EVERY = [
    (FaultyRollback("n1", 1, name) if back else FaultyRollout("n1", 3, name))
    for name, fault in FAULTS.items()
    for back in (False, True)
    if fault.back or not back
]
each = pytest.mark.parametrize("step", EVERY, ids=str)
CASE = Create("n1", "cases", "c1", (("title", "t1"),))
OTHER = Create("n2", "cases", "c2", (("title", "t2"),))


@each
def test_a_fault_has_one_end(step: FaultyDeploy) -> None:
    belief = Belief(PLAN.net)
    due = step.due()
    after = step.expect(belief, due)
    done = Rollback if step.back else Rollout
    if due.ok:
        assert after.net == done(("n1",), step.generation).rewire(PLAN.net)
    else:
        assert after.net == PLAN.net
    ends = {accepted(), *(refused(f.ends) for f in FAULTS.values() if f.ends)} - {due}
    for other in (*ends, refused("unreachable"), refused("failed: internal")):
        with pytest.raises(DivergenceFound) as found:
            step.expect(belief, other)
        assert [one.kind for one in found.value.divergences] == [Kind.CONTROL_PLANE]
    with pytest.raises(InvalidRunError):
        step.expect(belief, unknown("timeout"))


@each
def test_it_is_not_judged_where_the_node_may_have_been_down(step: FaultyDeploy) -> None:
    step.judge(refused("unreachable"), frozenset({"n1"}))
    with pytest.raises(DivergenceFound):
        step.judge(refused("unreachable"), frozenset({"n2"}))


@each
def test_a_correct_node_comes_to_that_end(step: FaultyDeploy) -> None:
    async def main() -> Verdict:
        target = SimulatedCluster(2)
        await target.begin(PLAN.net)
        result = await run(target, PLAN.net, [CASE, step, OTHER])
        return result.verdict

    assert asyncio.run(main()) is Verdict.PASS


def test_it_is_enabled_where_the_deployment_is() -> None:
    down = Crash("n1").advance(PLAN)
    for step in EVERY:
        assert step.enabled(PLAN)
        assert not step.enabled(down)
        assert not type(step)("n1", 2, step.fault).enabled(PLAN)  # where it is already
        assert not type(step)("n1", 9, step.fault).enabled(PLAN)
        assert not type(step)("n9", step.generation, step.fault).enabled(PLAN)
    assert not FaultyRollout("n1", 1, "aborted").enabled(PLAN)
    assert not FaultyRollback("n1", 3, "aborted").enabled(PLAN)
    assert not FaultyRollback("n1", 1, "activation-fails").enabled(PLAN)


def test_a_fault_that_there_is_none_of_is_never_enabled() -> None:
    """A file may say anything."""
    step = FaultyRollout("n1", 3, "flood")
    assert not step.enabled(PLAN)
    assert step.rewire(PLAN.net) == PLAN.net
    assert "flood" in str(step)


def test_every_choice_is_enabled_and_every_fault_is_among_them() -> None:
    for op, count in (("faulty_rollout", len(FAULTS)), ("faulty_rollback", 6)):
        cls = kind(op)
        assert cls is not None
        found: list[Step] = list(cls.choices(PLAN, Scope.of(SUPERTEST, [op])))
        assert all(step.enabled(PLAN) for step in found)
        assert len({getattr(step, "fault", "") for step in found}) == count


def test_the_node_and_the_page_know_the_same_faults() -> None:
    assert set(FAULTS) == set(node.FAULTS)
    assert {name: fault.ends for name, fault in FAULTS.items() if fault.ends} == ENDS
    assert set(DONE) == set(FAULTS) - set(ENDS)
    page = PAGE.read_text(encoding="utf-8")
    for name, fault in FAULTS.items():
        assert f"`{name}`" in page
        if fault.ends:
            assert f"`{fault.ends.rpartition(' ')[2]}`" in page
