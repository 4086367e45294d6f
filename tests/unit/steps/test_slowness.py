"""A slow link: it changes when things come, and nothing else."""

from __future__ import annotations

import asyncio

import pytest
from supertest import create_case, fully_connected, update_case

from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.model.plan import Plan
from syncmodel.reference.simulated import Deliverable, SimulatedCluster
from syncmodel.steps import Burst, Concurrently, Crash, Cut, Heal, Pause, Resume, Slow

PLAN = Plan(fully_connected(3))


def test_it_is_a_link_that_is_whole_and_not_too_slow() -> None:
    assert Slow("n1", "n2", 0).enabled(PLAN)
    assert Slow("n1", "n2", 500).enabled(PLAN)
    for step in (Slow("n1", "n2", 501), Slow("n1", "n2", -1), Slow("n1", "n1", 5)):
        assert not step.enabled(PLAN)
    assert not Slow("n1", "n9", 5).enabled(PLAN)
    assert not Slow("n1", "n2", 5).enabled(Cut("n1", "n2").advance(PLAN))
    assert not Concurrently((Slow("n1", "n2", 5), Cut("n1", "n2"))).enabled(PLAN)
    assert Slow("n1", "n2", 5).advance(PLAN) == PLAN


def test_what_passes_over_it_comes_last() -> None:
    async def test() -> None:
        one = SimulatedCluster(3, seed=5)
        await one.begin(PLAN.net)
        await one.slow(("n1", "n2"), 20)
        world = one.world
        every = {link for _, link in world.coming_but(frozenset())}
        assert {link for _, link in world.coming_but(frozenset({("n1", "n2")}))} == every - {
            ("n1", "n2")
        }
        alone = [*world.coming_but(frozenset(every))]
        assert alone == [*world.coming]
        assert isinstance(alone[0], Deliverable)

    asyncio.run(test())


STEPS = (
    Slow("n1", "n2", 100),
    Burst((create_case("n1", "c1", "t1"), Crash("n3"), update_case("n1", "c1", "t2"))),
    Burst((update_case("n1", "c1", "t3"), Pause("n1"))),
    Cut("n1", "n2"),
    Resume("n1"),
    Heal(),
    Slow("n1", "n2", 0),
)


@pytest.mark.parametrize("seed", [None, *range(4)])
def test_a_run_with_it_passes(seed: int | None) -> None:
    result = asyncio.run(run(SimulatedCluster(3, seed=seed), PLAN.net, STEPS))
    assert result.verdict is Verdict.PASS
