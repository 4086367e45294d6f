"""Admin requests that must be refused: where, how they are judged, and that nothing changes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.model.belief import Belief
from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.model.net import Net, fully_connected
from syncmodel.model.outcome import Outcome, accepted, compound, refused, unknown
from syncmodel.model.plan import Plan
from syncmodel.nostr.forged import FORGERIES
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import (
    Burst,
    Clock,
    Concurrently,
    Crash,
    Create,
    Delete,
    Distrust,
    Leave,
    Misuse,
    Pause,
    Restart,
    Rollback,
    Rollout,
    Step,
    Trust,
    Uninstall,
)
from syncmodel.steps.misused import FORGED, METHODS, REPLAYED, UNAUTHORIZED, VARIANTS
from syncmodel.steps.restoring import Backup, Restore
from syncmodel.steps.scope import Scope
from syncmodel.targets.base import Settled, Unsettled
from syncmodel.targets.wire import SUPERTEST

PLAN = Plan(fully_connected(SUPERTEST, 2))
ALL = [Misuse("n1", variant, method) for variant in VARIANTS for method in METHODS]
CASE = Create("n1", "cases", "c1", (("title", "t1"),))
OTHER = Create("n2", "cases", "c2", (("title", "t2"),))
GONE = Delete("n1", "cases", "c1")
STEP = Misuse("n1", "stale", "rollout.rollback")
REPLAY = Misuse("n1", REPLAYED, "rollout.rollback")


def ended(steps: Sequence[Step], bug: str | None = None) -> tuple[Verdict, set[Kind]]:
    async def main() -> tuple[Verdict, set[Kind]]:
        target = SimulatedCluster(2, [bug] if bug else [])
        result = await run(target, PLAN.net, list(steps))
        return result.verdict, {one.kind for one in result.divergences}

    return asyncio.run(main())


def test_what_is_wrong_about_each_is_known() -> None:
    assert set(FORGERIES) == set(FORGED)


def test_where_it_is_enabled() -> None:
    assert all(step.enabled(PLAN) for step in ALL)
    for gone in (Crash("n1"), Pause("n1")):
        assert not STEP.enabled(gone.advance(PLAN))
    bare = Rollback(("n1",), 1).advance(PLAN)
    assert STEP.enabled(bare)
    assert not Misuse("n1", "polite", "rollout.rollback").enabled(PLAN)
    assert not Misuse("n1", "stale", "make.coffee").enabled(PLAN)
    found = list(Misuse.choices(PLAN, Scope.of(SUPERTEST, ["misuse"])))
    assert all(step.enabled(PLAN) for step in found)
    assert {step.variant for step in found} == set(VARIANTS)
    assert {step.method for step in found} == set(METHODS)


def test_it_changes_neither_plan_nor_belief() -> None:
    belief = Belief(PLAN.net)
    for step in ALL:
        assert step.advance(PLAN) is PLAN
        assert step.due() == refused(UNAUTHORIZED)
        assert step.expect(belief, step.due()) is belief
        assert step.expect(belief, unknown("timeout")) is belief


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (accepted(), Kind.WRONGLY_ACCEPTED),
        (refused("job_running"), Kind.WRONGLY_REFUSED),
        (refused("unreachable"), Kind.WRONGLY_REFUSED),
    ],
    ids=str,
)
def test_anything_but_that_refusal_is_wrong(outcome: Outcome, kind: Kind) -> None:
    with pytest.raises(DivergenceFound) as found:
        STEP.expect(Belief(PLAN.net), outcome)
    assert {one.kind for one in found.value.divergences} == {kind}


def test_a_node_that_others_stop_meanwhile_need_not_answer() -> None:
    beside = Concurrently((Restart("n1"), STEP))
    assert beside.enabled(PLAN)
    parts = (accepted(), refused("unreachable"))
    beside.expect(Belief(PLAN.net), compound(parts))


@pytest.mark.parametrize("end", [Pause("n1"), Crash("n1"), Restart("n1")], ids=str)
def test_a_simulated_node_that_is_stopped_meanwhile_is_no_alarm(end: Step) -> None:
    assert ended([Concurrently((end, STEP))]) == (Verdict.PASS, set())
    assert ended([Concurrently((STEP, end))]) == (Verdict.PASS, set())


def test_what_is_replayed_is_the_last_request_of_all() -> None:
    """So nothing else is asked of that node at the same time."""
    assert not Concurrently((Rollback(("n1",), 1), REPLAY)).enabled(PLAN)
    assert Concurrently((Rollback(("n2",), 1), REPLAY)).enabled(PLAN)
    assert Concurrently((Rollback(("n1",), 1), STEP)).enabled(PLAN)


MOMENTS: dict[str, list[Step]] = {
    "at the beginning": [],
    "with a row": [CASE],
    "after a rollback": [Rollback(("n1",), 1)],
    "after a rollback and a rollout": [Rollback(("n1",), 1), Rollout(("n1",), 3)],
    "after an uninstall and a restart": [Uninstall("n1", True), Restart("n1")],
    "while a node is away": [Leave("n2"), Restart("n1")],
    "after trust that came and went": [Distrust("n1", "n2"), Trust("n1", "n2")],
    "after a restore": [Backup(("n1",)), Rollback(("n1",), 1), Restore(("n1",), plain=True)],
    "while another one stands still": [Pause("n2")],
    "as a clock jumps": [Rollback(("n1",), 1), Clock("n1", -60)],
}


@pytest.mark.parametrize("before", MOMENTS.values(), ids=MOMENTS)
def test_a_correct_node_refuses_each_at_any_moment(before: Sequence[Step]) -> None:
    assert ended([*before, *ALL, Burst(tuple(ALL))]) == (Verdict.PASS, set())


def test_the_control_plane_is_looked_at_after_it() -> None:
    """A node that refuses a request and carries it out all the same is seen at once."""
    looks: list[bool] = []

    class Looked(SimulatedCluster):
        async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
            looks.append(control)
            return await super().settle(net, control=control, limit_s=limit_s)

    asyncio.run(run(Looked(2), PLAN.net, [CASE, STEP, OTHER, Burst((STEP,)), GONE, GONE]))
    assert looks == [True, False, True, False, True, False, True]


@pytest.mark.parametrize("method", METHODS)
def test_replays_are_refused_by_what_was_noted(method: str) -> None:
    """Also where a restart forgets: what was asked just now is still known."""
    bug = "replayed-rollback-accepted"
    replay = Misuse("n1", REPLAYED, method)
    assert ended([replay, replay], bug) == (Verdict.PASS, set())
    ask: dict[str, Step] = {
        "rollout.rollback": Rollback(("n1",), 1),
        "plugins.uninstall": Uninstall("n1", True),
        "cluster_nodes.leave": Leave("n2"),
        "cluster_nodes.distrust": Distrust("n1", "n2"),
    }
    wrong = (Verdict.DIVERGED, {Kind.WRONGLY_ACCEPTED})
    assert ended([ask[method], Restart("n1"), replay], bug) == wrong
    assert ended([ask[method], Restart("n1"), Misuse("n2", REPLAYED, method)], bug)[0] is (
        Verdict.PASS
    )


def test_only_who_signs_is_not_looked_at() -> None:
    bug = "non-admin-accepted"
    others = [step for step in ALL if step.variant != "not-admin"]
    assert ended(others, bug) == (Verdict.PASS, set())
    for method in METHODS:
        step = Misuse("n1", "not-admin", method)
        assert ended([step], bug) == (Verdict.DIVERGED, {Kind.WRONGLY_ACCEPTED})
