"""A clock jumps: where, how far, and that nothing else follows."""

from __future__ import annotations

import asyncio
import time
from itertools import product
from pathlib import Path
from typing import cast

import pytest
from supertest import create_case, fully_connected

from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.engine.tally import Sometimes, Tally
from syncmodel.errors import FaultError
from syncmodel.model.pace import FURTHEST_S, Pace
from syncmodel.model.plan import Plan
from syncmodel.reference.kinds import EMBEDDED, SIMULATED, spaced
from syncmodel.reference.namespaced import keeps_pace
from syncmodel.reference.node.clock import Clock as MachineClock
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Clock, Concurrently, Crash, Drift, Pause, Restart
from syncmodel.steps.clocks import GAINS, DriftsClocks
from syncmodel.steps.scope import Scope
from syncmodel.targets.live_node import LiveNode
from syncmodel.targets.wire import SUPERTEST

PLAN = Plan(fully_connected(2))


def test_it_is_within_a_minute_and_of_a_node_that_is_up() -> None:
    assert Clock("n1", 60).enabled(PLAN)
    assert Clock("n1", -60).enabled(PLAN)
    assert not Clock("n1", 61).enabled(PLAN)
    assert not Clock("n9", 0).enabled(PLAN)
    assert not Clock("n1", 0).enabled(Crash("n1").advance(PLAN))
    assert not Clock("n1", 0).enabled(Pause("n1").advance(PLAN))
    assert not Concurrently((Clock("n1", 0), Restart("n1"))).enabled(PLAN)
    assert Concurrently((Clock("n1", 0), Restart("n2"))).enabled(PLAN)


def test_nothing_follows_for_the_plan() -> None:
    assert Clock("n1", 60).advance(PLAN) == PLAN
    assert len([*Clock.choices(PLAN, Scope.of(SUPERTEST, {"clock"}))]) == 10


@pytest.mark.parametrize("seed", [None, 3])
def test_it_is_what_the_node_goes_by_over_restarts_too(seed: int | None) -> None:
    async def test() -> None:
        one = SimulatedCluster(2, seed=seed)
        await one.begin(PLAN.net)
        await one.set_clock("n1", -60)
        await one.restart("n1")
        world = one.world
        assert world.now_s("n1") - (world.now_s("n2") - world.machines["n2"].skew_s) == -60

    asyncio.run(test())


def test_both_processes_of_a_machine_see_it_at_once(tmp_path: Path) -> None:
    supervisor, application = MachineClock(tmp_path / "clock"), MachineClock(tmp_path / "clock")
    assert application.pace.ahead_s == 0
    supervisor.set(-60)
    assert application.pace.ahead_s == -60
    assert MachineClock(tmp_path / "clock").pace.ahead_s == -60
    supervisor.set(0, -100)
    shown_s = application()
    assert application() == pytest.approx(shown_s, abs=1e-6)
    assert MachineClock(tmp_path / "clock").pace == supervisor.pace
    supervisor.set(0)
    assert application() == pytest.approx(time.time(), abs=1)


def test_a_clock_that_drifts_stays_a_minute_away() -> None:
    for percent in (-100, 100):
        pace, sign = Pace(0, percent, since_s=1000.0), percent // 100
        assert pace.at(1000.0) == 1000.0
        assert pace.at(1030.0) == 1030.0 + sign * 30
        assert pace.at(1060.0) == pace.at(9000.0) - 7940.0 == 1060.0 + sign * FURTHEST_S
    assert Pace(-60).at(9000.0) == 8940.0


def test_a_drift_is_of_a_node_that_is_up() -> None:
    assert Drift("n1", 100).enabled(PLAN)
    assert Drift("n1", 100).advance(PLAN) == PLAN
    assert not Drift("n1", 99).enabled(PLAN)
    for step in (Crash("n1"), Pause("n1")):
        assert not Drift("n1", 0).enabled(step.advance(PLAN))
    assert len([*Drift.choices(PLAN, Scope.of(SUPERTEST, {"drift"}))]) == 6
    assert not Concurrently((Drift("n1", 0), Clock("n1", 0))).enabled(PLAN)
    assert not SIMULATED.takes(Drift)
    assert not EMBEDDED.takes(Drift)
    assert issubclass(spaced(packets=False, traces=False), DriftsClocks)


class Drifting(SimulatedCluster, DriftsClocks):
    """Nodes in memory, and what their clocks were told."""

    def __init__(self) -> None:
        super().__init__(2)
        self.told: list[tuple[str, int]] = []

    async def drift(self, node: str, percent: int) -> None:
        self.told.append((node, percent))


def test_a_run_with_drifting_clocks_passes_and_is_counted() -> None:
    target, tally = Drifting(), Tally()
    steps = (Drift("n1", -100), create_case("n1", "c1", "t1"), Drift("n1", 0))
    result = asyncio.run(run(target, PLAN.net, steps, observe=tally))
    assert result.verdict is Verdict.PASS
    assert target.told == [("n1", -100), ("n1", 0)]
    assert tally.seen[Sometimes.DRIFTS] == 2
    assert Sometimes.DRIFTS not in Tally().never(SIMULATED.ops)


class OtherPace:
    """A node whose clock gains so many percent, whatever it was told; `slow_s` is how long its
    first answer, or all others, take before the clock is read, or after."""

    name = "n1"

    def __init__(self, percent: int, first: bool = True, slow_s: tuple[float, float] = (0, 0)):
        self._percent, self._first, self._slow_s = percent, first, slow_s
        self._answers = 0
        self._now_s = 1_000_000.0

    def time(self) -> float:
        """The true time, which goes on by what is waited for alone."""
        self._now_s += 1e-6
        return self._now_s

    async def admin(self, method: str) -> dict[str, float]:
        """What its clock shows, to a thousandth."""
        assert method == "cluster_status"
        self._answers += 1
        slow = self._first == (self._answers == 1)
        before_s, after_s = self._slow_s if slow else (0.0, 0.0)
        self._now_s += 0.002 + before_s
        shown_s = self._now_s * (1 + self._percent / 100)
        self._now_s += 0.002 + after_s
        return {"now_s": round(shown_s, 3)}


#: How long an answer waits on its way, where it does.
WAITS_S = tuple(n / 2000 for n in range(21))


@pytest.mark.parametrize("shows", GAINS)
@pytest.mark.parametrize("told", GAINS)
def test_a_clock_that_keeps_another_pace_is_a_fault(
    shows: int, told: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever answers are late, on whichever way."""
    for first, wait_s, way in product((True, False), WAITS_S, (0, 1)):
        slow_s = (wait_s, 0.0) if way else (0.0, wait_s)
        node = OtherPace(shows, first, slow_s)
        monkeypatch.setattr("syncmodel.reference.namespaced.time.time", node.time)
        probe = keeps_pace(cast(LiveNode, node), told)
        if shows == told:
            asyncio.run(probe)
            continue
        with pytest.raises(FaultError, match=f"The clock of n1 was to gain {told} %: it should"):
            asyncio.run(probe)


def test_its_words_say_how_it_goes() -> None:
    words = [str(Drift("n1", percent)) for percent in GAINS]
    assert words == [
        "the clock of n1 is right",
        "the clock of n1 stands still",
        "the clock of n1 is set right, and goes twice as fast",
    ]
