"""What a node sent arrives, though it stands still or is dead by then, and a read came before."""

from __future__ import annotations

import asyncio

import pytest
from supertest import create_case, create_event, fully_connected

from syncmodel.engine.history import Verdict
from syncmodel.engine.run import run
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Burst, Crash, Disable, Pause, Read, Step


@pytest.mark.parametrize("ends", [Pause("n3"), Crash("n3")], ids=["pause", "crash"])
@pytest.mark.parametrize("apart", [Disable("n2"), Crash("n2"), Pause("n2")], ids=lambda s: s.op)
def test_a_read_that_shows_nothing_yet_says_nothing_of_what_is_under_way(
    ends: Step, apart: Step
) -> None:
    written = create_event("n3", "e1", "c1", "t2")
    steps = [
        create_case("n1", "c1", "t1"),
        apart,
        Burst((written, ends, Read("n1", "events", None))),
    ]
    for network in range(40):
        result = asyncio.run(run(SimulatedCluster(3, (), network), fully_connected(3), steps))
        assert result.verdict is Verdict.PASS, (network, result.divergences)
