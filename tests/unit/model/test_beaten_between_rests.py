"""What a node did not show it shows later only if it may have come to it anew."""

from __future__ import annotations

import pytest
from short_stories import THREE, Shown, Story, check, then
from stories import OK, both, create, in_a_row, retitle, row, view

from syncmodel.model.outcome import Outcome
from syncmodel.model.outcome import shown as looked
from syncmodel.model.view import View
from syncmodel.steps import Cut, Delete, Distrust, Mend, Partition, Pause, Read, Step

T1, T2, T3, T4 = ({"c1": (title, 0)} for title in ("t1", "t2", "t3", "t4"))
CREATED = then((create("n1", "c1", "t1"), row("t1")), T1)
N1_SETS_T2 = (retitle("n1", "c1", "t2"), row("t2"))
N2_SETS_T2 = (retitle("n2", "c1", "t2"), row("t2"))
N2_SETS_T3 = (retitle("n2", "c1", "t3"), row("t3"))
#: n1 shows its own title, and may have heard of n2's before the links were cut.
PARTED = in_a_row(both(N1_SETS_T2, N2_SETS_T3), (Cut("n2", "n1"), OK), (Cut("n1", "n2"), OK))
DELETES = (Delete("n1", "cases", "c1"), OK)
CREATED_TWICE = both(
    DELETES,
    DELETES,
    (create("n1", "c1", "t2"), row("t2")),
    (create("n1", "c1", "t3"), row("t3")),
)
ALL_PARTED = in_a_row(
    both(N1_SETS_T2, N2_SETS_T3, (retitle("n3", "c1", "t4"), row("t4"))), (Partition(()), OK)
)


def n1_reads(rows: Shown) -> tuple[Step, Outcome]:
    """n1 is asked for the case, and shows this."""
    return Read("n1", "cases", "c1"), looked(view(rows) or View())


def n2_reads(rows: Shown) -> tuple[Step, Outcome]:
    """The same of n2."""
    return Read("n2", "cases", "c1"), looked(view(rows) or View())


N2_AND_N3_APART = THREE.with_cut([("n2", "n3"), ("n3", "n2")])
N3_APART = THREE.with_cut([("n1", "n3"), ("n2", "n3"), ("n3", "n1"), ("n3", "n2")])
STORIES = {
    "a title that comes anew shows": Story(
        (CREATED, then(PARTED, T2, T3)),
        then((Mend("n2", "n1"), OK), T1, T3),
        then((Mend("n2", "n1"), OK), T3, T3),
    ),
    "it comes from one of two nodes": Story(
        (CREATED, then(PARTED, T2, T3, T2)),
        then((Mend("n2", "n1"), OK), T1, T3, T1),
        then((Mend("n2", "n1"), OK), T3, T3, T3),
        N2_AND_N3_APART,
    ),
    "a node that did not show it either does not bring it": Story(
        (CREATED, then(PARTED, T2, T3, T2)),
        then((Mend("n1", "n2"), OK), T3, T3, T3),
        then((Mend("n1", "n2"), OK), T2, T3, T2),
        N2_AND_N3_APART,
    ),
    "nor does a node that can't know of it": Story(
        (
            then((create("n1", "c1", "t1"), row("t1")), T1, T1, {}),
            then(PARTED, T2, T3, {}),
        ),
        then((Mend("n3", "n1"), OK), T3, T3, {}),
        then((Mend("n3", "n1"), OK), T2, T3, {}),
        N3_APART,
    ),
    "what is never the last on its node is not where both that follow are known": Story(
        (CREATED,),
        then(in_a_row(CREATED_TWICE, n2_reads(T2), n2_reads(T3), n2_reads({})), T3),
        then(in_a_row(CREATED_TWICE, n2_reads(T2), n2_reads(T3), n2_reads(T3)), T3),
    ),
    "it may be where one of them is": Story(
        (CREATED,),
        then(in_a_row(CREATED_TWICE, n2_reads(T2), n2_reads({})), T2),
        then(in_a_row(CREATED_TWICE, n2_reads(T2), n2_reads({})), T3),
    ),
    "a title is brought before what beats it where it came from": Story(
        (then((create("n1", "c1", "t1"), row("t1")), T1), then(ALL_PARTED, T2, T3, T4)),
        then(in_a_row((Mend("n3", "n1"), OK), n1_reads(T3)), T2, T3, T4),
        then(in_a_row((Mend("n3", "n1"), OK), n1_reads(T3)), T4, T3, T4),
        THREE,
    ),
    "a cut loses what a node that stands still has sent": Story(
        (CREATED,),
        then(in_a_row(N2_SETS_T3, (Pause("n2"), OK), (Cut("n2", "n1"), OK), n1_reads(T1)), T3),
        then(in_a_row(N2_SETS_T3, (Pause("n2"), OK), (Cut("n2", "n1"), OK), n1_reads(T1)), T1),
    ),
    "it shows once its node does not trust the winner's author": Story(
        (
            CREATED,
            then(
                in_a_row(
                    both(N2_SETS_T2, (retitle("n3", "c1", "t3"), row("t3"))),
                    (Cut("n3", "n1"), OK),
                    (Cut("n3", "n2"), OK),
                    (Cut("n1", "n3"), OK),
                    (Cut("n2", "n3"), OK),
                ),
                T2,
                T2,
                T3,
            ),
        ),
        then((Distrust("n1", "n2"), OK), T2, T2, T3),
        then((Distrust("n1", "n2"), OK), T3, T2, T3),
        THREE,
    ),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_it_shows_where_it_may_have_come(story: Story) -> None:
    check(story)
