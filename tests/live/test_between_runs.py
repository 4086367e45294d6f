"""What dies between two runs is made anew, and the search goes on."""

from __future__ import annotations

from syncmodel.engine.drive import Loop
from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.model.net import fully_connected
from syncmodel.reference.embedded import EmbeddedCluster
from syncmodel.steps import Create
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 2)
STEPS = (Create("n1", "cases", "c1", (("title", "t1"),)),)


def test_an_application_that_died_between_two_runs_ends_nothing() -> None:
    with Loop() as loop:
        cluster = EmbeddedCluster(2)
        try:
            assert loop.run(run(cluster, NET, STEPS)).verdict is Verdict.PASS
            loop.run(cluster.live["n1"].machine.kill())
            again = loop.run(run(cluster, NET, STEPS))
            assert again.verdict is Verdict.PASS, again.reason
            # The tester's own way to it too.
            loop.run(cluster.live["n2"].close())
            again = loop.run(run(cluster, NET, STEPS))
            assert again.verdict is Verdict.PASS, again.reason
        finally:
            loop.run(cluster.close())
