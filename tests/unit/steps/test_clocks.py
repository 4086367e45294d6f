"""A clock jumps: where, how far, and that nothing else follows."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from supertest import fully_connected

from syncmodel.model.plan import Plan
from syncmodel.reference.node.clock import Clock as MachineClock
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Clock, Concurrently, Crash, Pause, Restart
from syncmodel.steps.scope import Scope
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
    assert application.ahead_s == 0
    supervisor.set(-60)
    assert application.ahead_s == -60
    assert MachineClock(tmp_path / "clock").ahead_s == -60
