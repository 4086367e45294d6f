"""Deployments of real processes that meet each fault: done, or as if nothing had been tried."""

from __future__ import annotations

import pytest
from live_runs import runs

from syncmodel.engine.history import Verdict
from syncmodel.model.divergence import Kind
from syncmodel.reference.machines.remote_control import RemoteControl
from syncmodel.steps import Create, Cut, FaultyRollback, FaultyRollout, Rollback, Rollout, Step
from syncmodel.steps.faulty_deploy import FAULTS

#: It starts many processes.
pytestmark = pytest.mark.slow

CASE = Create("n1", "cases", "c1", (("title", "t1"),))
OTHER = Create("n2", "cases", "c2", (("title", "t2"),))


def test_each_fault_on_live_nodes() -> None:
    scripts: list[list[Step]] = []
    for place, (name, fault) in enumerate(FAULTS.items()):
        out = place % 2 == 0 or not fault.back
        met = FaultyRollout("n1", 3, name) if out else FaultyRollback("n1", 1, name)
        scripts.append([CASE, met, OTHER])
        if fault.ends:
            # The same without a fault is possible afterwards.
            again = Rollout(("n1",), 3) if out else Rollback(("n1",), 1)
            scripts[-1].append(again)
    assert [verdict for verdict, _ in runs(*scripts)] == [Verdict.PASS] * len(FAULTS)


def test_a_machine_that_dies_amid_a_deployment_is_still_behind_its_cut() -> None:
    steps = [CASE, Cut("n1", "n2"), FaultyRollback("n1", 1, "killed-after-commit")]
    back = [Rollout(("n1",), 2), Create("n1", "cases", "c3", (("title", "t3"),))]
    assert runs([*steps, *back]) == [(Verdict.PASS, set())]


# The corpus has each of them, on live nodes too.
@pytest.mark.long
@pytest.mark.parametrize(
    ("bug", "step"),
    [
        ("aborted-plan-carried-out", FaultyRollback("n1", 1, "aborted")),
        ("failed-activation-not-undone", FaultyRollout("n1", 3, "activation-fails")),
        ("failed-deployment-stays-selected", FaultyRollout("n1", 3, "disk-full")),
        ("job-lost-with-its-supervisor", FaultyRollout("n1", 3, "killed-before-commit")),
        ("preview-leaves-one-out", Rollout(("n1",), 3)),
        ("substitutes-looked-for-last", FaultyRollout("n1", 3, "substitute-missing")),
        ("two-jobs-at-once", FaultyRollout("n1", 3, "second-job")),
    ],
)
def test_what_a_node_does_wrong_is_seen(bug: str, step: Step) -> None:
    assert runs([step], bug=bug) == [(Verdict.DIVERGED, {Kind.CONTROL_PLANE})]


def test_a_fault_that_no_job_met_makes_the_run_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    call = RemoteControl.call

    async def unarmed(control: RemoteControl, method: str, *params: object) -> object:
        if method == "fault.arm":
            return {}
        return await call(control, method, *params)  # type: ignore[arg-type]

    monkeypatch.setattr(RemoteControl, "call", unarmed)
    assert runs([FaultyRollout("n1", 3, "disk-full")]) == [(Verdict.INVALID, set())]
