"""What is never taken any more once its node was stopped, and what a node's lost log leaves."""

from __future__ import annotations

import pytest
from short_stories import NOTHING, Story, check, then
from stories import (
    LOST,
    OK,
    both,
    count,
    create,
    in_a_row,
    retitle,
    rolled_back,
    rolled_out,
    row,
)

from syncmodel.model.guarantees import Guarantees
from syncmodel.model.outcome import refused
from syncmodel.steps import Backup, Crash, Delete, Heal, Restart, Restore

NO_ROWS_ANSWERED = Guarantees(answers_rows=False)
T1, T2, T3 = ({"c1": (title, 0)} for title in ("t1", "t2", "t3"))
CREATED = (create("n1", "c1", "t1"), row("t1"))
LATE = (create("n1", "c1", "t1"), LOST)
HEALED = (Heal(), OK)
CRASHED, RESTARTED = (Crash("n1"), OK), (Restart("n1"), OK)
N2_CREATES = (create("n2", "c1", "t1"), row("t1"))
N2_SETS_T2 = (retitle("n2", "c1", "t2"), row("t2"))
COUNTS = count("n1", "c1", 1)
SETS_LATE = (retitle("n1", "c1", "t2"), LOST)
CREATES_LATE = (create("n1", "c1", "t2"), LOST)
DELETED = (Delete("n1", "cases", "c1"), OK)
N2_DELETES = (Delete("n2", "cases", "c1"), OK)
STORIES = {
    "a rollback ends what its node was asked before": Story(
        (
            then(LATE, NOTHING),
            then(rolled_back("n1"), NOTHING),
        ),
        then(rolled_out("n1"), T1),
        then(rolled_out("n1"), NOTHING),
    ),
    "so it does what came beside a crash, once its node is back": Story(
        (then(both(LATE, CRASHED), NOTHING), then(RESTARTED, NOTHING)),
        then(HEALED, T1),
        then(HEALED, NOTHING),
    ),
    "but it may have come beside that": Story(
        (then(both(LATE, CRASHED), NOTHING),),
        then(RESTARTED, T2),
        then(RESTARTED, T1),
    ),
    "a change of what was not there never comes": Story(
        (
            then((retitle("n1", "c1", "t2"), LOST), NOTHING),
            then(CRASHED, NOTHING),
            then(RESTARTED, NOTHING),
        ),
        then(CREATED, T2),
        then(CREATED, T1),
    ),
    "nor does it where nobody looked in between": Story(
        (),
        then(in_a_row(SETS_LATE, CRASHED, RESTARTED, N2_CREATES), T2),
        then(in_a_row(SETS_LATE, CRASHED, RESTARTED, N2_CREATES), T1),
    ),
    "nor does a create of what was there": Story(
        (then(CREATED, T1),),
        then(in_a_row(CREATES_LATE, CRASHED, RESTARTED, N2_DELETES), T2),
        then(in_a_row(CREATES_LATE, CRASHED, RESTARTED, N2_DELETES), NOTHING),
    ),
    "it does where its node went on": Story(
        (then(CREATED, T1),),
        then(in_a_row(CREATES_LATE, DELETED), T3),
        then(in_a_row(CREATES_LATE, DELETED), T2),
    ),
    "a delete without an answer found what its node lost since": Story(
        (),
        then(in_a_row(N2_CREATES, (DELETED[0], LOST), rolled_back("n1")), T2),
        then(in_a_row(N2_CREATES, (DELETED[0], LOST), rolled_back("n1")), NOTHING),
    ),
    "it may where its node was not stopped": Story(
        (then((retitle("n1", "c1", "t2"), LOST), NOTHING),),
        then(CREATED, T3),
        then(CREATED, T2),
    ),
    "what one increment rests on is known though its node lost it": Story(
        (),
        then(in_a_row(N2_CREATES, N2_SETS_T2, (COUNTS, OK), rolled_back("n1")), {"c1": ("t2", 2)}),
        then(in_a_row(N2_CREATES, N2_SETS_T2, (COUNTS, OK), rolled_back("n1")), {"c1": ("t2", 1)}),
        guarantees=NO_ROWS_ANSWERED,
    ),
    "and so it is of one without an answer": Story(
        (),
        then(in_a_row(N2_CREATES, (COUNTS, LOST), rolled_back("n1")), {"c1": ("t1", 2)}),
        then(in_a_row(N2_CREATES, (COUNTS, LOST), rolled_back("n1")), {"c1": ("t1", 1)}),
    ),
    "a create that waits for a delete is not there before it": Story(
        (then(CREATED, T1), then((create("n1", "c1", "t2"), LOST), T1)),
        then((Delete("n2", "cases", "c1"), OK), T1),
        then((Delete("n2", "cases", "c1"), OK), T2),
    ),
    "what waited when its disk was put back does not show": Story(
        (
            then((create("n2", "c1", "t1"), LOST), NOTHING),
            then((Backup(("n1", "n2")), OK), NOTHING),
            then((create("n2", "c1", "t2"), row("t2")), T2),
            then((create("n2", "c1", "t3"), LOST), T2),
        ),
        then((Restore(("n2",), plain=True), OK), T3),
        then((Restore(("n2",), plain=True), OK), T2),
    ),
    "what showed once no request has to land for": Story(
        (then(LATE, T1), then(CRASHED, T1), then(RESTARTED, T1)),
        then((create("n1", "c1", "t2"), row("t2")), T2),
        then((create("n1", "c1", "t2"), refused("exists")), T1),
    ),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_it_lands_before_its_node_stops_or_never(story: Story) -> None:
    check(story)
