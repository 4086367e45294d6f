"""What a tally counts, and what looks like it and must not count."""

import asyncio

import pytest

from syncmodel.engine.history import Began, Rested, Verdict
from syncmodel.engine.run import run
from syncmodel.engine.tally import Sometimes, Tally
from syncmodel.model.columns import OnDelete, Ref, Token
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net, fully_connected
from syncmodel.model.outcome import accepted
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.model.world import World, initial, promised
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import (
    Backup,
    Burst,
    Clock,
    Crash,
    Create,
    Cut,
    Delete,
    Distrust,
    Hang,
    Heal,
    Join,
    Leave,
    Partition,
    Pause,
    Purge,
    Reactivate,
    Restart,
    Restore,
    Resume,
    Resync,
    Rollback,
    Set,
    Slow,
    Step,
    Trust,
)
from syncmodel.targets.wire import SUPERTEST

CREATE = Create("n1", "cases", "c1", (("title", "t1"),))
EVENT = Create("n1", "events", "e1", (("case", "c1"), ("body", "t2")))
UPDATE = Set("n1", "cases", "c1", "title", "t2")
SPLIT = Partition((("n1",), ("n2", "n3")))


def tally_of(*steps: Step) -> Tally:
    tally = Tally()
    asyncio.run(run(SimulatedCluster(3), fully_connected(SUPERTEST, 3), steps, observe=tally))
    return tally


SEEN = {
    Sometimes.PARTITIONS: (SPLIT, Burst((Heal(), SPLIT))),
    Sometimes.CONFLICTS: (
        CREATE,
        SPLIT,
        Set("n1", "cases", "c1", "title", "t2"),
        Set("n2", "cases", "c1", "title", "t3"),
        Heal(),
    ),
    Sometimes.RESYNCS: (CREATE, Resync("n2")),
    Sometimes.ROLLBACKS: (CREATE, Rollback(("n2",), 1)),
    Sometimes.CRASHES: (Crash("n1"), Restart("n1")),
    Sometimes.RESTORES: (Backup(("n1",)), Restore(("n1",), False)),
    Sometimes.PURGES: (Purge(),),
    Sometimes.PAUSES: (Pause("n1"), Resume("n1")),
    Sometimes.CLOCKS: (Clock("n1", 60),),
    Sometimes.HANGS: (Hang("n1", "n2"), Heal()),
    Sometimes.SLOW: (Slow("n1", "n2", 20),),
    Sometimes.LEAVES: (Leave("n1"),),
    Sometimes.RETURNS: (Leave("n2"), CREATE, Join("n2")),
    Sometimes.DISTRUSTS: (Distrust("n1", "n2"),),
    Sometimes.REPLAYS: (Distrust("n2", "n1"), CREATE, Trust("n2", "n1")),
    Sometimes.HIDDEN: (
        CREATE,
        EVENT,
        Delete("n2", "cases", "c1"),
    ),
    Sometimes.CONTESTED: (CREATE, Create("n2", "cases", "c1", (("title", "t2"),))),
}
NOT_SEEN = {
    Sometimes.PARTITIONS: (CREATE, Crash("n1"), Restart("n1")),
    # One after the other, and two deletes of which nobody can tell the winner.
    Sometimes.CONFLICTS: (
        CREATE,
        Set("n2", "cases", "c1", "title", "t2"),
        SPLIT,
        Delete("n1", "cases", "c1"),
        Delete("n2", "cases", "c1"),
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
    Sometimes.PAUSES: (Crash("n1"), Restart("n1")),
    Sometimes.CLOCKS: (Restart("n1"),),
    Sometimes.HANGS: (SPLIT, Heal()),
    Sometimes.SLOW: (Hang("n1", "n2"),),
    Sometimes.LEAVES: (Cut("n1", "n2"),),
    # Nobody wrote anything meanwhile.
    Sometimes.RETURNS: (CREATE, Leave("n2"), Reactivate("n2")),
    Sometimes.DISTRUSTS: (Leave("n1"),),
    Sometimes.REPLAYS: (Distrust("n2", "n3"), CREATE, Trust("n2", "n3")),
    Sometimes.HIDDEN: (CREATE, EVENT),
    Sometimes.CONTESTED: (CREATE, Delete("n2", "cases", "c1")),
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
    assert Sometimes.CRASHES not in Tally().never(frozenset({"create", "heal"}))
    assert Sometimes.CONFLICTS in Tally().never(frozenset({"create", "heal"}))


def test_steps_inside_of_others_count_by_themselves() -> None:
    tally = tally_of(CREATE, Burst((UPDATE, Delete("n2", "cases", "c1"))))
    assert tally.by_op == {"create": 1, "set": 1, "delete": 1}
    assert (tally.sequences, tally.steps, tally.rests) == (1, 2, 3)


PLAIN = Schema(Table("notes", Token("text")))
LISTS = Schema(
    Table("lists", Token("name")),
    Table("rows", Ref("list", "lists", on_delete=OnDelete.NOTHING), Token("text")),
)


def never(net: Net) -> set[Sometimes]:
    """What such nodes can show, as far as nothing was seen of it."""
    tally = Tally()
    tally(Began(1, net))
    return set(tally.never())


def test_what_no_such_node_can_show_is_not_missed() -> None:
    assert never(fully_connected(SUPERTEST, 2)) == set(Sometimes)
    # Nothing refers to another row, or so that it would be hidden; and no generation drops rows.
    nothing = {Sometimes.HIDDEN, Sometimes.ROLLBACKS}
    assert never(fully_connected(PLAIN, 2)) == set(Sometimes) - nothing
    assert never(fully_connected(LISTS, 2)) == set(Sometimes) - nothing
    promises = Guarantees(quorum=True, rollback_keeps_log=True)
    quorum = promised(fully_connected(SUPERTEST, 2), promises)
    assert never(quorum) == set(Sometimes) - {Sometimes.CONFLICTS, Sometimes.ROLLBACKS}
    kept = promised(fully_connected(SUPERTEST, 2), Guarantees(rollback_keeps_log=True))
    assert never(kept) == set(Sometimes) - {Sometimes.ROLLBACKS}


CASES = tuple((Row("cases", f"c{i}"), Value((("title", f"t{i}"),))) for i in (1, 2))
LINK = (Row("links", "l1"), Value((("why", "t3"), ("one", "c1"), ("other", "c2"))))


def test_a_row_is_hidden_while_any_row_that_it_refers_to_is() -> None:
    schema = Schema(
        Table("cases", Token("title")),
        Table("links", Token("why"), Ref("one", "cases"), Ref("other", "cases")),
    )
    moments = (
        (Create("n1", "cases", "c1", (("title", "t1"),)), CASES[:1]),
        (Create("n1", "cases", "c2", (("title", "t2"),)), CASES),
        (Create("n1", "links", "l1", LINK[1].cells), (*CASES, LINK)),  # type: ignore[arg-type]
        (Delete("n1", "cases", "c2"), CASES[:1]),
    )
    tally, world = Tally(), initial(fully_connected(schema, 1), Guarantees(answers_rows=False))
    tally(Began(1, world.plan.net))
    for index, (step, rows) in enumerate(moments, 1):
        before, belief = world, step.expect(world.belief, accepted())
        world = World(step.advance(before.plan), belief)
        tally(Rested(index, {"n1": View(rows)}, "quiet", 0.0, before, world))
        assert tally.seen[Sometimes.HIDDEN] == (index == len(moments))


def test_parts_of_a_search_add_up() -> None:
    parts = [tally_of(CREATE), tally_of(CREATE, EVENT, Delete("n2", "cases", "c1"))]
    whole = Tally()
    whole.become(parts)
    assert (whole.sequences, whole.steps, whole.rests) == (2, 4, 6)
    assert whole.by_op == {"create": 3, "delete": 1}
    assert whole.seen[Sometimes.HIDDEN] == 1
    assert whole.verdicts == {Verdict.PASS: 2}
    assert whole.net == fully_connected(SUPERTEST, 3)
