"""Searches on nodes that may run a version of their plugin which has dropped a column."""

from __future__ import annotations

from collections import Counter

import pytest
from searches import search

from syncmodel.engine.drive import Straight
from syncmodel.engine.findings import Settings
from syncmodel.engine.history import Entry, Performed
from syncmodel.engine.run import run
from syncmodel.model.net import fully_connected
from syncmodel.reference.kinds import EMBEDDED_DROPPING, SIMULATED, SIMULATED_DROPPING
from syncmodel.reference.simulated import DroppingSimulation
from syncmodel.steps import Create, Rollout, Set
from syncmodel.targets.wire import DROPPING, SUPERTEST

DROPPED = 4
INVENTED = ("invented", "cases")


@pytest.mark.slow
@pytest.mark.parametrize("network", [None, 5])
def test_nothing_is_wrong_with_nodes_that_dropped_a_column_beside_others(
    network: int | None,
) -> None:
    target, seen = DroppingSimulation(3, seed=network), Counter[str]()

    def see(entry: Entry) -> None:
        if not isinstance(entry, Performed) or not entry.outcome.ok:
            return
        step, world = entry.step, target.world
        if isinstance(step, Create | Set):
            there = [one.running for one in world.machines.values() if one.state is not None]
            runs = world.machines[step.node].running
            if runs == DROPPED:
                seen["written where it was dropped"] += 1
            elif DROPPED in there and isinstance(step, Set) and step.column == "severity":
                seen["set beside one that dropped it"] += 1

    findings, recorder = search(target, Settings(sequences=60, steps=30, seed=3), observe=see)
    assert findings.failure is None
    assert not findings.invalid
    began = [net for net, _ in recorder.runs if DROPPED in net.running.values()]
    assert began
    assert seen["written where it was dropped"] > 20
    assert seen["set beside one that dropped it"] > 0


STEPS = (
    Create("n1", "cases", "c1", (("severity", "t2"), ("title", "t1"))),
    Rollout(("n2",), DROPPED),
    Set("n2", "cases", "c1", "title", "t3"),
)


@pytest.mark.parametrize("bug", ["unknown-column-dropped", None])
def test_who_drops_what_it_does_not_show_any_more_is_seen(bug: str | None) -> None:
    target = DroppingSimulation(2, [] if bug is None else [bug])
    result = Straight().run(run(target, fully_connected(DROPPING, 2), STEPS))
    assert [one.key for one in result.divergences] == ([] if bug is None else [INVENTED])


@pytest.mark.slow
def test_a_bug_of_who_drops_what_it_does_not_show_is_found_there() -> None:
    target = DroppingSimulation(2, ["unknown-column-dropped"])
    settings = Settings(sequences=300, steps=30, seed=8, nodes=2)
    findings, _ = search(target, settings)
    assert findings.failure is not None


def test_they_are_the_same_nodes_and_the_schema_alone_is_another() -> None:
    for kind in (EMBEDDED_DROPPING, SIMULATED_DROPPING):
        assert kind.schema == DROPPING
        assert kind.twin == "simulated-dropping"
        assert kind.make(2, ()).schema == DROPPING
    assert SIMULATED_DROPPING.ops == SIMULATED.ops
    assert [one.role for one in DROPPING.generations[:3]] == [
        one.role for one in SUPERTEST.generations
    ]
    assert DROPPING.columns[DROPPED] == tuple(
        name for name in DROPPING.columns[3] if name != "cases.severity"
    )
