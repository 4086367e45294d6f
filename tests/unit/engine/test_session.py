"""One run on the simulated cluster: what ends it, and what it says then."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import cast

import pytest
from msgspec.structs import replace

from syncmodel.engine import session as session_module
from syncmodel.engine.drive import Loop, Straight
from syncmodel.engine.history import Began, Ended, Entry, Performed, Rested, Verdict
from syncmodel.engine.run import Result, first_disabled, run
from syncmodel.engine.session import Session
from syncmodel.errors import FaultError, UsageError
from syncmodel.model.divergence import Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Link, Net, fully_connected
from syncmodel.model.outcome import Answer, Outcome, unknown
from syncmodel.model.schema import Schema
from syncmodel.model.values import Write
from syncmodel.model.view import View
from syncmodel.reference.simulated import SimulatedCluster, cluster, sights
from syncmodel.steps import (
    Burst,
    Concurrently,
    Crash,
    Create,
    Cut,
    Delete,
    Distrust,
    Heal,
    Leave,
    Mend,
    Restart,
    Resync,
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
    rests = [e for e in history if isinstance(e, Rested)]
    assert [rest.index for rest in rests] == list(range(len(STEPS) + 1))
    assert all(0 < rest.seconds < 60 for rest in rests)


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
    result, _ = perform((Cut("n1", "n2"),), target)
    assert result.verdict is Verdict.UNKNOWN
    assert "n2 has applied 3" in result.reason
    # A last look at ten times the limit tells unknown from divergence. Nothing is healed for it.
    assert target.limits_s[2] == 10 * target.limits_s[1]
    assert target.cut != frozenset()


def test_busy_for_good_is_a_divergence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "WAITED", 0.0)
    result, _ = perform(STEPS, Busy(2))
    assert result.verdict is Verdict.DIVERGED
    assert result.divergences[0].kind is Kind.NOT_SETTLED


def test_who_gives_up_early_has_not_shown_that_it_takes_for_ever() -> None:
    result, _ = perform(STEPS, Busy(2))
    assert result.verdict is Verdict.UNKNOWN


class Gives(SimulatedCluster):
    """An adapter that gives something else than it should."""

    given: object = None
    where = "write"

    async def write(self, node: str, write: Write) -> Outcome:
        outcome = await super().write(node, write)
        return cast(Outcome, self.given) if self.where == "write" else outcome

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        settled = await super().settle(net, control=control, limit_s=limit_s)
        return cast(Settled, self.given) if self.where == "settle" else settled


@pytest.mark.parametrize(
    ("where", "given", "said"),
    [
        ("write", None, "an Outcome was expected, and not None"),
        ("write", True, "an Outcome was expected, and not True"),
        ("write", Outcome(cast(Answer, "OK")), "is an Answer, and not 'OK'"),
        ("write", Outcome(cast(Answer, True)), "is an Answer, and not True"),
        ("settle", None, "settle gives Settled or Unsettled, and not None"),
        ("settle", {"n1": None}, "settle gives Settled or Unsettled, and not {'n1'"),
    ],
)
@pytest.mark.parametrize("steps", [STEPS[:1], (Burst((STEPS[0], STEPS[1])),)])
def test_what_an_adapter_gives_is_checked(
    where: str, given: object, said: str, steps: tuple[Step, ...]
) -> None:
    target = Gives(3)
    target.where, target.given = where, given
    with pytest.raises(TypeError, match=re.escape(said)):
        perform(steps, target)


def test_views_of_nodes_that_there_are_not_say_nothing() -> None:
    target = Gives(3)
    target.where, target.given = "settle", Settled({n: View() for n in ("n1", "n2", "n3", "zz")})
    result, _ = perform(STEPS[:1], target)
    assert result.verdict is Verdict.INVALID
    assert "'zz'" in result.reason


def test_a_node_has_its_tables_where_each_generation_has_them() -> None:
    target = Gives(3)
    target.where, target.given = "settle", Settled(dict.fromkeys(NET.nodes))
    result, _ = perform(STEPS[:1], target)
    assert result.keys == {(Kind.CONTROL_PLANE.value, "")}
    everywhere = fully_connected(Schema(*SUPERTEST.tables, plugin=SUPERTEST.plugin), 3)
    result = Straight().run(run(target, everywhere, ()))
    assert result.verdict is Verdict.INVALID
    assert "no view of n1, n2, n3: None means" in result.reason


class Breaks(Busy):
    """A cluster that is busy, and breaks when it is asked again."""

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        if len(self.limits_s) == 2:
            raise RuntimeError("its disk is gone")
        return await super().settle(net, control=control, limit_s=limit_s)


def test_an_error_while_a_busy_target_is_asked_again_says_when() -> None:
    with pytest.raises(RuntimeError) as found:
        perform(STEPS[:1], Breaks(1))
    assert found.value.__notes__ == [
        "while settling and reading the nodes after step 1 (n1 creates cases/c1 with title t1)"
    ]


class Skipped(BaseException):
    """As a library's for tests, that is to pass through whatever catches exceptions."""


ENDS = [
    SystemExit(0),
    GeneratorExit(),
    asyncio.CancelledError(),
    Skipped("skipped"),
    BaseExceptionGroup("several", [SystemExit(1), ValueError("no")]),
]


@pytest.mark.parametrize("error", ENDS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("driver", [Straight, Loop])
def test_what_ends_a_process_does_not_come_out_of_a_target(
    error: BaseException, driver: type[Straight | Loop]
) -> None:
    async def act() -> None:
        raise error

    drive = driver()
    try:
        with pytest.raises(RuntimeError, match=f"{type(error).__name__} came out of it"):
            drive.run(act())
    finally:
        drive.close()


@pytest.mark.parametrize("driver", [Straight, Loop])
def test_ctrl_c_among_other_errors_is_ctrl_c(driver: type[Straight | Loop]) -> None:
    async def act() -> None:
        raise BaseExceptionGroup("several", [ValueError("no"), KeyboardInterrupt()])

    drive = driver()
    try:
        with pytest.raises(KeyboardInterrupt):
            drive.run(act())
    finally:
        drive.close()


def test_who_waits_and_says_that_it_does_not_is_told() -> None:
    with pytest.raises(UsageError, match="waits = True"):
        Straight().run(asyncio.sleep(0.001))


def test_behind_with_nothing_under_way_is_a_divergence_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = Busy(0)
    real = sights.behind
    monkeypatch.setattr(
        sights, "behind", lambda world: [("n1", "n3")] if world.cut else real(world)
    )
    result, _ = perform(STEPS, target)
    assert result.keys == {(Kind.NOT_SETTLED.value, "")}
    assert result.divergences[0].shown == "n3 has not processed n1's log"
    assert len(result.steps) == 2
    assert len(target.limits_s) == 3


@pytest.mark.parametrize("seed", [None, 1])
def test_messages_that_travel_in_a_circle_are_a_divergence_at_once(
    monkeypatch: pytest.MonkeyPatch, seed: int | None
) -> None:
    monkeypatch.setattr(cluster, "deliver", lambda world, _: world)
    result, _ = perform(STEPS, SimulatedCluster(3, (), seed))
    assert result.keys == {(Kind.NOT_SETTLED.value, "")}
    assert result.divergences[0].shown == "messages travel in a circle"


class BootsOld(SimulatedCluster):
    """A restart boots the generation before the one that is selected."""

    async def restart(self, node: str) -> None:
        await super().restart(node)
        self._switch(node)

    def _switch(self, node: str) -> None:
        machine = replace(self.world.machines[node], running=1)
        self._world = replace(self.world, machines=self.world.machines.set(node, machine))


class SwitchesByItself(BootsOld):
    """A write makes a node switch: no step says that it might."""

    async def write(self, node: str, write: Write) -> Outcome:
        outcome = await super().write(node, write)
        self._switch("n3")
        return outcome


@pytest.mark.parametrize(
    ("target", "steps", "seen_after"),
    [
        (BootsOld, (Restart("n3"), STEPS[0]), 1),
        (BootsOld, (Burst((Restart("n3"), STEPS[0])), STEPS[1]), 1),
        (BootsOld, (Concurrently((Restart("n3"), STEPS[0])), STEPS[1]), 1),
        (SwitchesByItself, (STEPS[0], STEPS[1], STEPS[5]), 3),
        (SwitchesByItself, (STEPS[1], STEPS[0], Heal(), STEPS[5]), 3),
        (SwitchesByItself, (STEPS[1], STEPS[0], Mend("n1", "n2"), STEPS[5]), 3),
        (SwitchesByItself, (STEPS[0], Leave("n2"), STEPS[5]), 2),
        (SwitchesByItself, (STEPS[0], Distrust("n2", "n1"), STEPS[5]), 2),
    ],
)
def test_the_control_plane_is_looked_at_after_what_disturbs_it_and_at_the_end(
    target: type[SimulatedCluster], steps: tuple[Step, ...], seen_after: int
) -> None:
    result, _ = perform(steps, target(3))
    assert result.keys == {(Kind.CONTROL_PLANE.value, "")}
    assert len(result.steps) == seen_after


class HearsLate(SwitchesByItself):
    """Its first resync gets no answer, so that only the second one changes what is promised."""

    guarantees = Guarantees(heal_catches_up=False)
    heard = False

    async def resync(self, node: str, *, full: bool) -> Outcome:
        outcome = await super().resync(node, full=full)
        heard, self.heard = self.heard, True
        return outcome if heard else unknown("timeout")


def test_the_control_plane_is_looked_at_where_the_answer_changes_what_is_promised() -> None:
    resync = Resync("n2", full=True)
    steps = (STEPS[1], Mend("n1", "n2"), resync, STEPS[0], resync)
    target = HearsLate(3)
    with Loop() as driver:  # Where a step is judged while its rest is awaited.
        result = driver.run(run(target, NET, steps, guarantees=target.guarantees))
    assert result.keys == {(Kind.CONTROL_PLANE.value, "")}
    assert len(result.steps) == len(steps)


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
