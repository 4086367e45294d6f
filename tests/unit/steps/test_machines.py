"""A machine is told what to boot, and boots it: nothing happens sooner, and nothing else then."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.errors import InvalidRunError
from syncmodel.model.belief import Belief
from syncmodel.model.control import compare_control
from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import refused, unknown
from syncmodel.model.plan import Plan
from syncmodel.model.view import ControlView
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import (
    Burst,
    Crash,
    Create,
    Disable,
    FaultyRollout,
    Heal,
    Partition,
    Pause,
    Reboot,
    Restart,
    Rollback,
    Rollout,
    Select,
    Step,
)
from syncmodel.steps.scope import Scope
from syncmodel.targets.wire import SUPERTEST

PLAN = Plan(fully_connected(SUPERTEST, 2))
CASE = Create("n1", "cases", "c1", (("title", "t1"),))
OTHER = Create("n2", "cases", "c2", (("title", "t2"),))
APART = Partition((("n1",), ("n2",)))
TABLES = ("cases", "events")


def ended(steps: Sequence[Step], bug: str | None = None) -> tuple[Verdict, set[Kind]]:
    """The verdict of a run on simulated nodes, and what diverged."""

    async def main() -> tuple[Verdict, set[Kind]]:
        target = SimulatedCluster(2, [bug] if bug else [])
        await target.begin(PLAN.net)
        result = await run(target, PLAN.net, list(steps))
        return result.verdict, {one.kind for one in result.divergences}

    return asyncio.run(main())


def test_what_is_selected_runs_from_the_boot_on() -> None:
    net = Select("n1", 3).rewire(PLAN.net)
    assert (net.running["n1"], net.selected("n1")) == (2, 3)
    for same in (Restart("n1"), Crash("n1")):
        assert same.rewire(net).running["n1"] == 2
    booted = Reboot("n1").rewire(net)
    assert booted == Rollout(("n1",), 3).rewire(PLAN.net)
    assert Reboot("n1").rewire(Crash("n1").rewire(net)) == booted
    assert Select("n1", 2).rewire(net) == PLAN.net
    assert "staged=['n1=3']" in repr(net)


def test_any_deployment_takes_the_place_of_what_was_selected() -> None:
    staged = Select("n1", 3).rewire(PLAN.net)
    assert Rollback(("n1",), 1).rewire(staged) == Rollback(("n1",), 1).rewire(PLAN.net)


def test_tables_go_when_it_boots_and_not_when_it_is_selected() -> None:
    plan = Select("n1", 1).advance(CASE.advance(APART.advance(PLAN)))
    assert plan.may_show("n1")
    assert not Reboot("n1").advance(plan).may_show("n1")


def test_a_node_that_would_boot_another_generation_is_not_healthy() -> None:
    belief = Belief(Select("n1", 3).rewire(PLAN.net))
    other = ControlView(2, 2, (2, 2), 1, TABLES, healthy=True, stored=TABLES)

    def shows(selected: int, running: int, *, healthy: bool) -> None:
        links = (selected, running)
        view = ControlView(*links, links, 1, TABLES, healthy=healthy, stored=TABLES)
        compare_control(belief, {"n1": view, "n2": other})

    shows(3, 2, healthy=False)
    for selected, running, healthy in ((3, 2, True), (2, 2, True), (3, 3, True)):
        with pytest.raises(DivergenceFound):
            shows(selected, running, healthy=healthy)


def test_where_they_are_enabled() -> None:
    down = Crash("n1").advance(PLAN)
    assert Reboot("n1").enabled(down)
    assert Reboot("n1").enabled(Pause("n1").advance(PLAN))
    assert not Reboot("n9").enabled(PLAN)
    assert Select("n1", 3).enabled(PLAN)
    assert not Select("n1", 3).enabled(down)
    assert not Select("n1", 2).enabled(PLAN)  # selected already
    assert not Select("n1", 9).enabled(PLAN)
    assert not Select("n1", 3).enabled(Disable("n1").advance(PLAN))
    assert not FaultyRollout("n1", 3, "disk-full").enabled(Select("n1", 1).advance(PLAN))
    for cls, count in ((Select, 4), (Reboot, 2)):
        found: list[Step] = list(cls.choices(PLAN, Scope.of(SUPERTEST, [cls.op])))
        assert len(found) == count
        assert all(step.enabled(PLAN) for step in found)


def test_how_a_selection_is_judged() -> None:
    belief = Belief(PLAN.net)
    with pytest.raises(DivergenceFound):
        Select("n1", 3).expect(belief, refused("job_running"))
    with pytest.raises(InvalidRunError):
        Select("n1", 3).expect(belief, unknown("timeout"))


RUNS: dict[str, list[Step]] = {
    "ahead": [CASE, Select("n1", 3), OTHER, Reboot("n1")],
    "back": [APART, CASE, Select("n1", 1), Reboot("n1"), Heal(), Rollout(("n1",), 2)],
    "between": [Rollout(("n1",), 3), CASE, Select("n1", 2), Restart("n1"), Reboot("n1")],
    "nothing selected": [CASE, Reboot("n1"), OTHER],
    "down": [CASE, Select("n1", 3), Crash("n1"), OTHER, Reboot("n1")],
    "standing still": [CASE, Select("n1", 3), Pause("n1"), OTHER, Reboot("n1")],
    "taken back": [CASE, Select("n1", 1), Select("n1", 2), Reboot("n1"), OTHER],
    "deployed over": [CASE, Select("n1", 1), Rollout(("n1",), 3), Reboot("n1"), OTHER],
    "at once": [Burst((CASE, Select("n1", 3), Reboot("n1"), OTHER))],
    "without a plugin": [Rollback(("n1",), 1), Select("n1", 3), OTHER, Reboot("n1")],
}


@pytest.mark.parametrize("steps", RUNS.values(), ids=RUNS)
def test_a_correct_machine_does_it(steps: list[Step]) -> None:
    assert ended(steps) == (Verdict.PASS, set())
