"""A plugin is disabled or uninstalled: where, what stays of it, and what must be confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.errors import InvalidRunError
from syncmodel.model.belief import Belief
from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import accepted, refused, unknown
from syncmodel.model.plan import Plan
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import (
    Burst,
    Concurrently,
    Crash,
    Create,
    Cut,
    Disable,
    FaultyRollout,
    Heal,
    Partition,
    Reboot,
    Restart,
    Rollback,
    Rollout,
    Select,
    Set,
    Step,
    Uninstall,
)
from syncmodel.steps.plugins import UNCONFIRMED
from syncmodel.steps.scope import Scope
from syncmodel.targets.wire import SUPERTEST

PLAN = Plan(fully_connected(SUPERTEST, 2))
CASE = Create("n1", "cases", "c1", (("title", "t1"),))
OTHER = Create("n2", "cases", "c2", (("title", "t2"),))
APART = Partition((("n1",), ("n2",)))
UP = Rollout(("n1",), 3)


def ended(steps: Sequence[Step], bug: str | None = None) -> tuple[Verdict, set[Kind]]:
    """The verdict of a run on simulated nodes, and what diverged."""

    async def main() -> tuple[Verdict, set[Kind]]:
        target = SimulatedCluster(2, [bug] if bug else [])
        await target.begin(PLAN.net)
        result = await run(target, PLAN.net, list(steps))
        return result.verdict, {one.kind for one in result.divergences}

    return asyncio.run(main())


def after(*steps: Step) -> Plan:
    plan = PLAN
    for step in steps:
        assert step.enabled(plan), step
        plan = step.advance(plan)
    return plan


def test_what_only_a_node_knew_is_there_after_a_disable_and_gone_after_an_uninstall() -> None:
    alone = [APART, CASE]
    row = next(iter(after(*alone).rows))
    assert row in after(*alone, Disable("n1"), UP).may_show("n1")
    for gone in ([Uninstall("n1", True)], [Disable("n1"), Uninstall("n1", True)]):
        assert row not in after(*alone, *gone, UP).may_show("n1")
    assert row in after(*alone, Uninstall("n1", False)).may_show("n1")


def test_a_disabled_node_has_tables_and_takes_no_part() -> None:
    net = after(Disable("n1")).net
    assert net.carriers == ("n2",)
    assert (net.has_tables("n1"), net.running["n1"]) == (True, 1)
    assert not after(Disable("n1"), Uninstall("n1", True)).net.has_tables("n1")
    assert after(Disable("n1"), UP).net.disabled == frozenset()
    assert "disabled=['n1']" in repr(net)


def test_where_they_are_enabled() -> None:
    down = Crash("n1").advance(PLAN)
    bare = Rollback(("n1",), 1).advance(PLAN)
    staged = Select("n1", 3).advance(PLAN)
    disabled = Disable("n1").advance(PLAN)
    for step in (Disable("n1"), Uninstall("n1", True), Uninstall("n1", False)):
        assert step.enabled(PLAN)
        for plan in (down, bare, staged):
            assert not step.enabled(plan)
        assert step.enabled(disabled) == isinstance(step, Uninstall)
    assert not Select("n1", 3).enabled(disabled)
    assert not Disable("n9").enabled(PLAN)
    for cls, count in ((Disable, 2), (Uninstall, 4)):
        found: list[Step] = list(cls.choices(PLAN, Scope.of(SUPERTEST, [cls.op])))
        assert len(found) == count
        assert all(step.enabled(PLAN) for step in found)


def test_an_uninstall_that_nobody_confirmed_must_be_refused_with_that_code() -> None:
    belief, step = Belief(PLAN.net), Uninstall("n1", False)
    assert step.expect(belief, step.due()) is belief
    assert step.due() == refused(UNCONFIRMED)
    for other in (accepted(), refused("no_plugin"), refused("unreachable")):
        with pytest.raises(DivergenceFound) as found:
            step.expect(belief, other)
        assert [one.kind for one in found.value.divergences] == [Kind.CONTROL_PLANE]
    with pytest.raises(DivergenceFound):
        Uninstall("n1", True).expect(belief, refused(UNCONFIRMED))
    for one in (step, Disable("n1")):
        with pytest.raises(InvalidRunError):
            one.expect(belief, unknown("timeout"))


RUNS: dict[str, list[Step]] = {
    "a row is back": [CASE, Disable("n1"), OTHER, UP],
    "an older version": [Rollout(("n1",), 3), CASE, Disable("n1"), Rollout(("n1",), 2)],
    "amid a cut": [APART, CASE, Disable("n1"), OTHER, UP, Heal()],
    "what others wrote": [CASE, Disable("n1"), Set("n2", "cases", "c1", "title", "t3"), UP],
    "down and up": [CASE, Disable("n1"), Crash("n1"), Restart("n1"), UP],
    "booted": [CASE, Disable("n1"), Reboot("n1"), UP],
    "both": [CASE, Disable("n1"), Disable("n2"), UP, Rollout(("n2",), 2)],
    "then uninstalled": [APART, CASE, Disable("n1"), Uninstall("n1", True), UP, Heal()],
    "unconfirmed": [CASE, Uninstall("n1", False), OTHER, Uninstall("n1", True), UP],
    "unconfirmed and disabled": [CASE, Disable("n1"), Uninstall("n1", False), UP],
    "at once": [CASE, Burst((Disable("n1"), OTHER, UP))],
    "beside a write": [Concurrently((CASE, Disable("n1"))), UP],
    "beside a cut": [CASE, Concurrently((Cut("n1", "n2"), Uninstall("n1", True))), UP, Heal()],
    "a rollout that fails with a step down": [
        Rollout(("n1",), 3),
        CASE,
        Disable("n1"),
        FaultyRollout("n1", 2, "activation-fails"),
        FaultyRollout("n1", 2, "migration-fails"),
        FaultyRollout("n1", 2, "killed-after-commit"),
    ],
}


@pytest.mark.parametrize("steps", RUNS.values(), ids=RUNS)
def test_a_correct_node_does_it(steps: list[Step]) -> None:
    assert ended(steps) == (Verdict.PASS, set())
