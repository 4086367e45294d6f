"""What an answer says of a row when something else is done, or was left undone, beside it."""

from __future__ import annotations

import pytest
from short_stories import NOTHING, THREE, TWO, Shown, Story, check, then
from stories import LOST, OK, WALLCLOCK, attach, both, count, create, in_a_row, retitle, row, view
from test_oracle import GROWING

from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import Outcome, refused
from syncmodel.model.outcome import shown as looked
from syncmodel.model.view import View
from syncmodel.steps import (
    Create,
    Cut,
    Delete,
    Distrust,
    Hang,
    Heal,
    Mend,
    Partition,
    Pause,
    Read,
    Restart,
    Rollback,
    Step,
    Trust,
)

T1, T2, T3 = ({"c1": (title, 0)} for title in ("t1", "t2", "t3"))
CREATED = then((create("n1", "c1", "t1"), row("t1")), T1)
N1_DELETES, N2_DELETES = ((Delete(node, "cases", "c1"), OK) for node in ("n1", "n2"))
N2_SETS_T2 = (retitle("n2", "c1", "t2"), row("t2"))
N1_SETS_T3 = (retitle("n1", "c1", "t3"), row("t3"))
LATE_T2 = then((retitle("n1", "c1", "t2"), LOST), T1)
LATE_T4 = then((retitle("n2", "c1", "t4"), LOST), T1)
#: A title lands between two increments.
BETWEEN = both((count("n1", "c1", 1), row("t2", 3)), (count("n1", "c1", 2), row("t1", 2)))
BETWEEN_ON_BOTH = both((count("n2", "c1", 1), row("t2", 3)), (count("n1", "c1", 2), row("t1", 2)))
BOTH_FIND_NOTHING = both(
    (Delete("n2", "cases", "c1"), refused("no_such_row")),
    (attach("n1", "e1", "c1", "b1"), refused("missing_reference")),
)
FINDS_NOTHING = (retitle("n1", "c1", "t4"), refused("no_such_row"))


def reads(rows: Shown) -> tuple[Step, Outcome]:
    """n1 is asked for the case, and shows this."""
    return Read("n1", "cases", "c1"), looked(view(rows) or View())


COUNTS_AND_READS = both((count("n1", "c1", 2), row("t1", 2)), reads({"c1": ("t2", 2)}))
PARTED = in_a_row(N2_SETS_T2, (Cut("n2", "n1"), OK), N1_SETS_T3)
HANGS = (Hang("n1", "n2"), OK)
#: n1 does not trust n2 any more, and is cut off from it.
WARY = (
    then((create("n2", "c1", "t1"), row("t1")), T1),
    then((Partition((("n1",), ("n2",))), OK), T1),
    then((Distrust("n1", "n2"), OK), NOTHING, T1),
)
TRUSTED = (Trust("n1", "n2"), OK)
#: Two nodes of a version that knows one column more than the one before.
NEW = fully_connected(GROWING, 2)
QUORUM = Guarantees(quorum=True, rollback_keeps_log=True)
NO_QUORUM = (create("n1", "c1", "t1"), refused("no_quorum"))
OLD = then((Rollback(("n1",), 2), OK), NOTHING)


def malformed(node: str, *severity: str) -> tuple[Step, Outcome]:
    """A create that gives that column, perhaps, is refused."""
    given = (("title", "t1"), *(("severity", one) for one in severity))
    return Create(node, "cases", "c1", given), refused("malformed")


#: n2 and n3 have a row, which n1 may get, or what they may have deleted it with.
BEHIND = THREE.with_cut([("n1", "n2"), ("n1", "n3"), ("n2", "n1"), ("n3", "n1")])
N2_CREATED = then((create("n2", "c1", "t1"), row("t1")), NOTHING, T1, T1)
N1_HAS_NOTHING_YET = in_a_row(
    (Mend("n2", "n1"), OK),
    (Mend("n3", "n1"), OK),
    (Delete("n2", "cases", "c1"), LOST),
    (Delete("n3", "cases", "c1"), LOST),
    FINDS_NOTHING,
)
#: Two titles, of which one will win.
CONFLICT = (
    CREATED,
    then((Partition((("n1",), ("n2",))), OK), T1),
    then((retitle("n1", "c1", "t2"), row("t2")), T2, T1),
    then((retitle("n2", "c1", "t3"), row("t3")), T2, T3),
)


def both_count(n1: str, n2: str) -> tuple[Step, Outcome]:
    """As soon as they hear each other they answer with these titles."""
    counts = (count("n1", "c1", 1), row(n1, 1)), (count("n2", "c1", 2), row(n2, 2))
    return in_a_row((Heal(), OK), both(*counts))


STORIES = {
    "a node that has nothing need not know a delete": Story(
        (N2_CREATED,),
        then(N1_HAS_NOTHING_YET, T1, NOTHING, T1),
        then(N1_HAS_NOTHING_YET, T1, T1, T1),
        BEHIND,
    ),
    "no two titles beat each other": Story(
        CONFLICT,
        then(both_count("t3", "t2"), {"c1": ("t3", 1)}),
        then(both_count("t3", "t3"), {"c1": ("t3", 1)}),
    ),
    "a node lacks a quorum beside a restart of another": Story(
        (),
        then(NO_QUORUM, NOTHING),
        then(both(NO_QUORUM, (Restart("n2"), OK)), NOTHING),
        guarantees=QUORUM,
    ),
    "and once another stands still": Story(
        (),
        then(NO_QUORUM, NOTHING),
        then(in_a_row((Pause("n2"), OK), NO_QUORUM), NOTHING),
        guarantees=QUORUM,
    ),
    "a node refuses a column that it lacks": Story(
        (OLD,), then(malformed("n1"), NOTHING), then(malformed("n1", "high"), NOTHING), NEW
    ),
    "unless it is given as it begins": Story(
        (OLD,),
        then(malformed("n1", "normal"), NOTHING),
        then(malformed("n1", "high"), NOTHING),
        NEW,
    ),
    "or that it may lack by then": Story(
        (),
        then(malformed("n1", "high"), NOTHING),
        then(both(malformed("n1", "high"), (Rollback(("n1",), 2), OK)), NOTHING),
        NEW,
    ),
    "which it can't where it has no plugin by then": Story(
        (),
        then(both(malformed("n1", "high"), (Rollback(("n1",), 1), OK)), NOTHING),
        then(both(malformed("n1", "high"), (Rollback(("n1",), 2), OK)), NOTHING),
        NEW,
    ),
    "a title that got no answer lands between two answers": Story(
        (CREATED, LATE_T2, LATE_T4),
        then(BETWEEN, {"c1": ("t1", 2)}),
        then(BETWEEN, {"c1": ("t2", 3)}),
    ),
    "so it does between those of two nodes": Story(
        (CREATED, LATE_T2, LATE_T4),
        then(BETWEEN_ON_BOTH, {"c1": ("t1", 2)}),
        then(BETWEEN_ON_BOTH, {"c1": ("t2", 3)}),
        split=True,
    ),
    "so it does between two reads": Story(
        (CREATED, LATE_T2, LATE_T4),
        then(both(reads(T2), reads(T1)), T1),
        then(both(reads(T2), reads(T1)), T2),
    ),
    "so it does between an increment and a read": Story(
        (CREATED, LATE_T2, LATE_T4),
        then(COUNTS_AND_READS, {"c1": ("t1", 2)}),
        then(COUNTS_AND_READS, {"c1": ("t2", 2)}),
        split=True,
    ),
    "so it does not where a read of the other came first": Story(
        (CREATED, LATE_T2),
        then(in_a_row(reads(T2), reads(T1)), T2),
        then(in_a_row(reads(T1), reads(T2)), T2),
    ),
    "a delete that landed does not land again": Story(
        (
            CREATED,
            then(((N1_DELETES[0]), LOST), T1),
            then(in_a_row(FINDS_NOTHING, (create("n1", "c1", "t2"), row("t2"))), T2),
        ),
        then((Cut("n1", "n2"), OK), NOTHING),
        then((Cut("n1", "n2"), OK), T2),
    ),
    "where columns merge apart a create lands after others found nothing": Story(
        (then(both((create("n1", "c1", "t1"), LOST), (create("n1", "c1", "t2"), LOST)), NOTHING),),
        then(BOTH_FIND_NOTHING, T3),
        then(BOTH_FIND_NOTHING, T1),
        guarantees=Guarantees(by_field=True),
    ),
    "what a node knew loses to what it wrote": Story(
        (CREATED,), then(PARTED, T2, T2), then(PARTED, T3, T3)
    ),
    "not where a clock decides": Story(
        (CREATED,), then(PARTED, NOTHING, T2), then(PARTED, T2, T2), guarantees=WALLCLOCK
    ),
    "what one of two deletes took does not come back while a link hangs": Story(
        (
            CREATED,
            then((Partition(()), OK), T1),
            then(N1_DELETES, NOTHING, T1, T1),
            then(N2_DELETES, NOTHING, NOTHING, T1),
            then((retitle("n3", "c1", "t3"), row("t3")), NOTHING, NOTHING, T3),
            then(in_a_row((Heal(), OK), HANGS, (retitle("n3", "c1", "t4"), LOST)), NOTHING),
        ),
        then((Heal(), OK), T3),
        then((Heal(), OK), NOTHING),
        THREE,
    ),
    "a create without an answer lands once its node trusts who deleted the row": Story(
        (
            CREATED,
            then((Distrust("n1", "n2"), OK), T1),
            then(N2_DELETES, T1, NOTHING),
            then((create("n1", "c1", "t2"), LOST), T1, NOTHING),
        ),
        then(TRUSTED, T3),
        then(TRUSTED, T2),
    ),
    "what is trusted again is changed at once": Story(
        WARY,
        then(both(TRUSTED, (retitle("n1", "c1", "t2"), row("t2"))), NOTHING, T1),
        then(both(TRUSTED, (retitle("n1", "c1", "t2"), row("t2"))), T2, T1),
        TWO,
    ),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_an_answer_says_what_it_may_beside_others(story: Story) -> None:
    check(story)
