"""A counterexample is performed once more on as many nodes as there are."""

from __future__ import annotations

from supertest import create_case, fully_connected

from syncmodel.engine.again import performed
from syncmodel.engine.counterexample import Counterexample
from syncmodel.engine.drive import Straight
from syncmodel.engine.history import Began, Entry
from syncmodel.engine.run import run
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Partition, Uninstall

BUG = "silent-peer-has-it"
STEPS = (Partition((("n1",), ("n2",))), create_case("n1", "c1", "t1"), Uninstall("n1", False))


def test_it_fails_alike_and_nodes_that_it_has_none_of_stay_down() -> None:
    net, driver = fully_connected(2), Straight()
    found = Counterexample.of(net, driver.run(run(SimulatedCluster(2, [BUG]), net, STEPS)))
    for count in (2, 4):
        entries: list[Entry] = []
        result = performed(SimulatedCluster(count, [BUG]), driver, found, (), entries.append)
        assert found.key in result.keys
        (began,) = (entry for entry in entries if isinstance(entry, Began))
        assert began.net.down == frozenset(began.net.nodes) - {"n1", "n2"}


def test_without_the_bug_it_passes() -> None:
    net, driver = fully_connected(2), Straight()
    found = Counterexample.of(net, driver.run(run(SimulatedCluster(2, [BUG]), net, STEPS)))
    assert not performed(SimulatedCluster(2), driver, found).divergences
