"""The node's cores, searched whole: exact counts, what is merged, the shortest ways to bugs."""

from __future__ import annotations

import pytest
from attrs import evolve
from supertest import fully_connected

from syncmodel.checker import Bounds, Holds, Violated, check, graph
from syncmodel.corpus.format import Confirmed
from syncmodel.engine.drive import Straight
from syncmodel.engine.run import run
from syncmodel.engine.script import length
from syncmodel.errors import UsageError
from syncmodel.exhaustive.cores import Moment, cluster, never_wrong, seen
from syncmodel.exhaustive.counterexamples import counterexample
from syncmodel.exhaustive.limits import Limits
from syncmodel.exhaustive.messagewise import Messagewise
from syncmodel.exhaustive.searches import Grain, alive, label, search
from syncmodel.exhaustive.shortest import (
    NoneShorter,
    Shortest,
    anything,
    known_lengths,
    shortest,
)
from syncmodel.exhaustive.stepwise import Stepwise, Then, as_run
from syncmodel.reference.node import bugs
from syncmodel.reference.node.supervisor_pieces import SupervisorPieces
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.reference.simulated.world import deliverables
from syncmodel.steps import Burst, Crash, Create, Restart

COUNTS = [
    (Grain.STEPS, Limits(), 9, 10),
    (Grain.STEPS, Limits(burst=2), 19, 26),
    (Grain.STEPS, Limits(cuts=1), 84, 253),
    (Grain.MESSAGES, Limits(), 31, 32),
    (Grain.MESSAGES, Limits(cuts=1), 872, 1076),
    (Grain.MESSAGES, Limits(nodes=3, writes=1), 10, 13),
]


@pytest.mark.parametrize(("grain", "limits", "states", "transitions"), COUNTS, ids=str)
def test_the_cores_agree_with_the_model(
    grain: Grain, limits: Limits, states: int, transitions: int
) -> None:
    verdict = search(grain, limits).run(Bounds())
    assert isinstance(verdict, Holds), str(verdict)
    assert (verdict.statistics.states, verdict.statistics.transitions) == (states, transitions)


def _rests(system: Messagewise) -> set[Moment]:
    moments = (node["state"] for _, node in graph(system).nodes(data=True))
    return {m for m in moments if not m.since_rest and not deliverables(m.virtual)}


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(Limits(cuts=1), marks=pytest.mark.long),
        Limits(writes=1, cuts=1, resyncs=1),
        Limits(writes=1, rollbacks=1),
        Limits(nodes=3, writes=1),
        pytest.param(Limits(rows={"events": 1}, crashes=1), marks=pytest.mark.long),
    ],
    ids=str,
)
def test_neutral_deliveries_first_come_to_the_same_rests(limits: Limits) -> None:
    reduced, whole = Messagewise(cluster(limits)), Messagewise(cluster(limits), whole=True)
    assert {m.key for m in _rests(reduced)} == {m.key for m in _rests(whole)}
    asked = [never_wrong(), *seen(limits), *alive(Grain.MESSAGES, limits)]
    fewer, all_of_it = check(reduced, asked), check(whole, asked)
    assert fewer.outcome == all_of_it.outcome == "holds"
    assert fewer.statistics.states <= all_of_it.statistics.states


def test_neutral_deliveries_first_leave_something_out() -> None:
    limits = Limits(cuts=1)
    fewer = check(Messagewise(cluster(limits)), [never_wrong()])
    all_of_it = check(Messagewise(cluster(limits), whole=True), [never_wrong()])
    assert fewer.statistics.states < all_of_it.statistics.states


@pytest.mark.parametrize("limits", [Limits(cuts=1), Limits(writes=1, rollbacks=1)], ids=str)
def test_symmetry_counts_each_class_once(limits: Limits) -> None:
    apart = cluster(limits, symmetric=True)
    names = apart.beginnings()[0].names
    told_apart = [
        Stepwise(apart),
        Stepwise(type(apart)(limits, apart.setup, apart.nets, symmetric=False)),
    ]
    together, each = (graph(system) for system in told_apart)
    classes = {
        Moment(m.model, m.virtual, m.left, m.rested_on, names, m.since_rest, m.found).key
        for m in (node["state"] for _, node in each.nodes(data=True))
    }
    assert len(classes) == together.number_of_nodes() < each.number_of_nodes()


def test_a_path_becomes_a_run_with_its_bursts() -> None:
    create, crash, restart = (
        Create("n1", "cases", "c1", (("title", "t1"),)),
        Crash("n1"),
        Restart("n1"),
    )
    path = [Then(create, rests=False), Then(crash), Then(restart)]
    assert as_run(path) == (Burst((create, crash)), restart)
    assert length(as_run(path)) == 3


# --- planted bugs --------------------------------------------------------------------------------

#: Those whose proof takes a second or so; `bench/shortest.py` proves all.
FAST = {
    "rollback-leaves-table": 1,
    "rollback-keeps-log": 1,
    "case-takes-its-events": 1,
    "own-stamps-only": 2,
    "heard-only-both-ways": 2,
    "rollback-replays-plan": 1,
    "rollback-keeps-old-table": 1,
    "dialler-gives-up": 2,
}


@pytest.mark.parametrize("bug", FAST)
def test_the_stored_length_is_the_shortest(bug: str) -> None:
    found = shortest([bug], anything(FAST[bug]), known_lengths()[bug])
    assert isinstance(found, Shortest)
    assert found.length == known_lengths()[bug] == length(found.steps)
    again = Straight().run(run(SimulatedCluster(FAST[bug], (bug,)), found.net, found.steps))
    assert found.divergence in again.keys
    correct = Straight().run(run(SimulatedCluster(FAST[bug]), found.net, found.steps))
    assert not correct.keys


def test_a_restart_that_boots_another_generation_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    older = SupervisorPieces(boots=lambda running, _: running - 1)
    monkeypatch.setattr(bugs, "supervisor_pieces", lambda _names: older)
    limits = evolve(anything(1), ops=frozenset({"restart"}))
    # No row is there that could show it.
    found = shortest([], limits, 1, nets=(fully_connected(1, generation=3),))
    assert isinstance(found, Shortest)
    assert found.divergence == ("control plane", "")
    assert found.steps == (Restart("n1"),)


def test_every_bug_has_a_length() -> None:
    assert set(known_lengths()) == {bug.name for bug in bugs.all_bugs()}
    assert all(n >= 1 for n in known_lengths().values())


def test_nothing_fails_without_a_bug() -> None:
    assert shortest([], anything(1), 3) == NoneShorter(3, 84, whole=False)


def test_a_counterexample_is_a_file_that_fails_again() -> None:
    limits = Limits(rollbacks=1)
    verdict = search(Grain.STEPS, limits, ("tombstone-lost-on-resync",)).run(Bounds())
    assert isinstance(verdict, Violated)
    saved = counterexample(verdict, ("tombstone-lost-on-resync",))
    assert saved is not None
    assert saved.bug == "tombstone-lost-on-resync"
    assert saved.expected.divergence == ("resurrected", "cases")
    assert saved.confirmed == Confirmed(1, 1)
    assert length(saved.steps) == 4
    assert "wrong: resurrected" in label(verdict.path.end)


def test_a_bug_is_found_at_the_grain_of_messages_too() -> None:
    limits = Limits(cuts=1, writes=1, resyncs=1)
    verdict = search(Grain.MESSAGES, limits, ("resync-round-the-cut",)).run(Bounds())
    assert isinstance(verdict, Violated)
    saved = counterexample(verdict, ("resync-round-the-cut",))
    assert saved is not None
    assert length(saved.steps) == 3
    assert saved.confirmed == Confirmed(1, 1)


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(UsageError, match="planted in nodes"):
        search(Grain.MODEL, Limits(), ("tie-by-arrival",))
    with pytest.raises(UsageError, match="searches of the model"):
        search(Grain.STEPS, Limits(timeouts=1))
    with pytest.raises(UsageError, match="No property's name"):
        search(Grain.STEPS, Limits(), wanted=("nonsense",))
