"""What a tally counts, and what looks like it and must not count."""

import asyncio

import pytest

from syncmodel.engine.run import run
from syncmodel.engine.tally import Sometimes, Tally
from syncmodel.model.net import fully_connected
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import (
    Burst,
    Crash,
    CreateCase,
    CreateEvent,
    DeleteCase,
    Heal,
    Partition,
    Restart,
    Resync,
    Rollback,
    Step,
    UpdateCase,
)

CREATE = CreateCase("n1", "c1", "t1")
SPLIT = Partition((("n1",), ("n2", "n3")))


def tally_of(*steps: Step) -> Tally:
    tally = Tally()
    asyncio.run(run(SimulatedCluster(3), fully_connected(3), steps, observe=tally))
    return tally


SEEN = {
    Sometimes.PARTITIONS: (SPLIT, Burst((Heal(), SPLIT))),
    Sometimes.CONFLICTS: (
        CREATE,
        SPLIT,
        UpdateCase("n1", "c1", "t2"),
        UpdateCase("n2", "c1", "t3"),
        Heal(),
    ),
    Sometimes.RESYNCS: (CREATE, Resync("n2")),
    Sometimes.ROLLBACKS: (CREATE, Rollback(("n2",), 1)),
    Sometimes.CRASHES: (Crash("n1"), Restart("n1")),
    Sometimes.HIDDEN: (CREATE, CreateEvent("n1", "e1", "c1", "t2"), DeleteCase("n2", "c1")),
    Sometimes.CONTESTED: (CREATE, CreateCase("n2", "c1", "t2")),
}
NOT_SEEN = {
    Sometimes.PARTITIONS: (CREATE, Crash("n1"), Restart("n1")),
    # One after the other, and two deletes of which nobody can tell the winner.
    Sometimes.CONFLICTS: (
        CREATE,
        UpdateCase("n2", "c1", "t2"),
        SPLIT,
        DeleteCase("n1", "c1"),
        DeleteCase("n2", "c1"),
        Heal(),
    ),
    # Nothing to send; nobody to send it; only what is lacking is asked for.
    Sometimes.RESYNCS: (
        Resync("n2"),
        CREATE,
        Resync("n1", full=False),
        Partition((("n1",), ("n2",), ("n3",))),
        Resync("n1"),
    ),
    # No rows yet; and a later rollback of a node that has none any more.
    Sometimes.ROLLBACKS: (Rollback(("n2",), 1), CREATE),
    Sometimes.CRASHES: (Restart("n1"),),
    Sometimes.HIDDEN: (CREATE, CreateEvent("n1", "e1", "c1", "t2")),
    Sometimes.CONTESTED: (CREATE, DeleteCase("n2", "c1")),
}


@pytest.mark.parametrize("what", SEEN, ids=lambda what: what.name)
def test_it_is_seen(what: Sometimes) -> None:
    tally = tally_of(*SEEN[what])
    assert tally.seen[what] == (2 if what is Sometimes.PARTITIONS else 1)
    assert what not in tally.never()


@pytest.mark.parametrize("what", NOT_SEEN, ids=lambda what: what.name)
def test_it_is_not_seen(what: Sometimes) -> None:
    tally = tally_of(*NOT_SEEN[what])
    assert tally.seen[what] == 0
    assert what in tally.never()


def test_what_no_step_can_bring_about_is_not_missed() -> None:
    assert Sometimes.CRASHES not in Tally().never(frozenset({"create_case", "heal"}))
    assert Sometimes.CONFLICTS in Tally().never(frozenset({"create_case", "heal"}))


def test_steps_inside_of_others_count_by_themselves() -> None:
    tally = tally_of(CREATE, Burst((UpdateCase("n1", "c1", "t2"), DeleteCase("n2", "c1"))))
    assert tally.by_op == {"create_case": 1, "update_case": 1, "delete_case": 1}
    assert (tally.sequences, tally.steps, tally.rests) == (1, 2, 3)
