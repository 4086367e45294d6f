"""One run on the simulated cluster: what ends it, and what it says then."""

from __future__ import annotations

from collections.abc import Sequence

from syncmodel.engine.drive import Straight
from syncmodel.engine.history import Began, Ended, Entry, Performed, Rested, Verdict
from syncmodel.engine.run import Result, first_disabled, run
from syncmodel.engine.session import Session
from syncmodel.errors import FaultError
from syncmodel.model.divergence import Kind
from syncmodel.model.net import Link, Net, fully_connected
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import (
    Burst,
    Crash,
    Create,
    Cut,
    Delete,
    Heal,
    Restart,
    Set,
    Step,
)
from syncmodel.targets.base import Settled, Unsettled
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 3)
STEPS = (
    Create("n1", "cases", "c1", (("title", "t1"),)),
    Cut("n1", "n2"),
    Burst((Set("n1", "cases", "c1", "title", "t2"), Set("n2", "cases", "c1", "title", "t3"))),
    Heal(),
    Crash("n3"),
    Delete("n1", "cases", "c1"),
    Restart("n3"),
)


def perform(
    steps: Sequence[Step], target: SimulatedCluster | None = None
) -> tuple[Result, list[Entry]]:
    history: list[Entry] = []
    target = target or SimulatedCluster(3)
    return Straight().run(run(target, NET, steps, observe=history.append)), history


def test_a_correct_system_passes_and_the_history_tells_every_step() -> None:
    result, history = perform(STEPS)
    assert result.verdict is Verdict.PASS
    assert isinstance(history[0], Began)
    assert isinstance(history[-1], Ended)
    assert [e.step for e in history if isinstance(e, Performed)] == list(STEPS)
    # One rest before the first step, and one after each.
    assert [e.index for e in history if isinstance(e, Rested)] == list(range(len(STEPS) + 1))


def test_a_divergence_ends_the_run_where_it_shows() -> None:
    updates = tuple(Set("n1", "cases", "c1", "title", f"u{i}") for i in range(12))
    target = SimulatedCluster(3, ["update-not-later"])
    result, history = perform((Create("n1", "cases", "c1", (("title", "t1"),)), *updates), target)
    assert result.verdict is Verdict.DIVERGED
    assert result.keys == {(Kind.STALE.value, "cases")}
    assert len(result.steps) < 13
    assert isinstance(history[-1], Ended)
    assert history[-1].views is not None


class Failing(SimulatedCluster):
    """A cluster whose links can't be cut: the tester can't do its part."""

    def __init__(self) -> None:
        super().__init__(3)

    async def set_cut(self, cut: frozenset[Link]) -> None:
        raise FaultError("a dialler still gets through")


def test_a_fault_that_does_not_take_makes_the_run_invalid() -> None:
    result, history = perform(STEPS, Failing())
    assert result.verdict is Verdict.INVALID
    assert "dialler" in result.reason
    assert [e.index for e in history if isinstance(e, Performed)] == [1]


class Busy(SimulatedCluster):
    """A cluster that is busy for a number of settlings."""

    def __init__(self, busy: int) -> None:
        super().__init__(3)
        self.limits_s: list[float] = []
        self.busy = busy

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        self.limits_s.append(limit_s)
        if len(self.limits_s) > 1 and self.busy > 0:
            self.busy -= 1
            return Unsettled("n2 has applied 3 of n1's 4")
        return await super().settle(net, control=control, limit_s=limit_s)


def test_busy_at_the_limit_is_unknown() -> None:
    target = Busy(1)
    result, _ = perform(STEPS, target)
    assert result.verdict is Verdict.UNKNOWN
    assert "n2 has applied 3" in result.reason
    # A last look with every fault healed and ten times the limit tells unknown from divergence.
    assert target.limits_s[2] == 10 * target.limits_s[1]
    assert target.cut == frozenset()


def test_busy_for_good_is_a_divergence() -> None:
    result, _ = perform(STEPS, Busy(2))
    assert result.verdict is Verdict.DIVERGED
    assert result.divergences[0].kind is Kind.NOT_SETTLED


def test_a_run_that_is_over_touches_nothing_and_the_plan_moves_on() -> None:
    target = Failing()
    session = Session(target, NET)
    drive = Straight()
    drive.run(session.begin())
    for step in STEPS:
        drive.run(session.take(step))
    assert session.finish().verdict is Verdict.INVALID
    plan = session.world.plan
    assert plan.tokens == {"t1", "t2", "t3"}
    assert not plan.net.down


def test_steps_that_the_plan_refuses_are_no_run() -> None:
    assert first_disabled(NET, STEPS) is None
    assert first_disabled(NET, STEPS[1:]) == 1
    assert first_disabled(NET, (STEPS[0], STEPS[0])) == 1
