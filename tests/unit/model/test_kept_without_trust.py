"""What a node has of authors that it does not trust: it hands that on, and shows it when it may."""

from __future__ import annotations

import pytest
from short_stories import NOTHING, THREE, TWO, Story, check, then
from stories import LOST, OK, both, count, create, in_a_row, retitle, rolled_back, rolled_out, row

from syncmodel.model.guarantees import Guarantees
from syncmodel.model.outcome import Outcome
from syncmodel.steps import Cut, Delete, Distrust, Mend, Partition, Step, Trust

T1, T2, T3 = ({"c1": (title, 0)} for title in ("t1", "t2", "t3"))
CREATED = (create("n1", "c1", "t1"), row("t1"))
N1_ALONE = (Partition((("n1",), ("n2", "n3"))), OK)
N3_APART = THREE.with_cut([("n1", "n3"), ("n2", "n3"), ("n3", "n1"), ("n3", "n2")])
ALL_APART = (Partition(()), OK)
N2_SETS_T2 = (retitle("n2", "c1", "t2"), row("t2"))
#: n3 has what the other two wrote, and trusts neither any more.
WARY = (
    then(CREATED, T1),
    then(N2_SETS_T2, T2),
    then(ALL_APART, T2),
    then(both((Distrust("n3", "n1"), OK), (Distrust("n3", "n2"), OK)), T2, T2, NOTHING),
)
DELETED_AND_HIDDEN = in_a_row(
    (create("n2", "c1", "t1"), row("t1")),
    (Delete("n1", "cases", "c1"), LOST),
    (Distrust("n1", "n2"), OK),
)
COUNTED_APART = in_a_row(
    N2_SETS_T2,
    (count("n1", "c1", 1), LOST),
    (Cut("n1", "n2"), OK),
    (Cut("n2", "n1"), OK),
    (Distrust("n1", "n2"), OK),
)


def set_and_counted(first: int, second: int) -> tuple[Step, Outcome]:
    """n1 sets a title, stops trusting n2, and counts twice at once, with these answers."""
    return in_a_row(
        (retitle("n1", "c1", "t2"), LOST),
        (Distrust("n1", "n2"), OK),
        both((count("n1", "c1", 1), row("t2", first)), (count("n1", "c1", 2), row("t2", second))),
    )


STORIES = {
    "what got no answer rests on what its node showed then, and hides now": Story(
        (then((create("n2", "c1", "t1"), row("t1")), T1),),
        then(set_and_counted(1, 2), {"c1": ("t2", 3)}),
        then(set_and_counted(1, 3), {"c1": ("t2", 3)}),
    ),
    "it hands on what it does not show": Story(
        (then(CREATED, T1, T1, NOTHING), then((Distrust("n2", "n1"), OK), T1, NOTHING, NOTHING)),
        then(N1_ALONE, T1, T1, T1),
        then(N1_ALONE, T1, NOTHING, T1),
        N3_APART,
    ),
    "beside what it shows": Story(
        (
            then(CREATED, T1, T1, NOTHING),
            then(N2_SETS_T2, T2, T2, NOTHING),
            then((Distrust("n2", "n1"), OK), T2, T2, NOTHING),
        ),
        then(N1_ALONE, T2, T2, T1),
        then(N1_ALONE, T2, T2, T2),
        N3_APART,
    ),
    "what it never had does not show when it is trusted again": Story(
        (then(CREATED, T1, T1, NOTHING), then((Distrust("n3", "n1"), OK), T1, T1, NOTHING)),
        then((Trust("n3", "n1"), OK), T1, T1, T1),
        then((Trust("n3", "n1"), OK), T1, T1, NOTHING),
        N3_APART,
    ),
    "where nodes hand on only their own, it does not": Story(
        (then(CREATED, T1, T1, NOTHING), then((Distrust("n2", "n1"), OK), T1, NOTHING, NOTHING)),
        then(N1_ALONE, T1, NOTHING, T1),
        then(N1_ALONE, T1, NOTHING, NOTHING),
        N3_APART,
        Guarantees(passes_on=False),
    ),
    "it shows at once when it is trusted again": Story(
        (
            then(CREATED, T1),
            then((Partition((("n1",), ("n2",))), OK), T1),
            then((Distrust("n2", "n1"), OK), T1, NOTHING),
        ),
        then((Trust("n2", "n1"), OK), T2, T1),
        then((Trust("n2", "n1"), OK), T1, T1),
        TWO,
    ),
    "not where its node lost its log since": Story(
        (
            then(CREATED, T1),
            then((Partition((("n1",), ("n2",))), OK), T1),
            then((Distrust("n2", "n1"), OK), T1, NOTHING),
            then(rolled_back("n2"), T1),
            then(rolled_out("n2"), T1, NOTHING),
        ),
        then((Trust("n2", "n1"), OK), T1, T1),
        then((Trust("n2", "n1"), OK), T1, NOTHING),
    ),
    "of two authors one is trusted again": Story(
        WARY,
        then((Trust("n3", "n1"), OK), T2, T2, T2),
        then((Trust("n3", "n1"), OK), T2, T2, T1),
        THREE,
    ),
    "then the other": Story(
        (*WARY, then((Trust("n3", "n1"), OK), T2, T2, T1)),
        then((Trust("n3", "n2"), OK), T2, T2, T3),
        then((Trust("n3", "n2"), OK), T2, T2, T2),
        THREE,
    ),
    "then what the other wrote is handed on": Story(
        (
            *WARY,
            then((Trust("n3", "n1"), OK), T2, T2, T1),
            then(rolled_back("n1"), T2, T1),
            then(rolled_out("n1"), NOTHING, T2, T1),
        ),
        then((Mend("n3", "n1"), OK), T3, T2, T1),
        then((Mend("n3", "n1"), OK), T2, T2, T1),
        THREE,
    ),
    "an increment without an answer rests on what its node hid since": Story(
        (then((create("n2", "c1", "t1"), row("t1")), T1),),
        then(
            in_a_row((count("n1", "c1", 1), LOST), (Distrust("n1", "n2"), OK)),
            {"c1": ("t1", 2)},
        ),
        then(
            in_a_row((count("n1", "c1", 1), LOST), (Distrust("n1", "n2"), OK)),
            {"c1": ("t1", 1)},
        ),
        TWO,
    ),
    "a delete without an answer found what its node hid since": Story(
        (),
        then(DELETED_AND_HIDDEN, NOTHING, T2),
        then(DELETED_AND_HIDDEN, NOTHING, NOTHING),
    ),
    "and so it does where a change came in between": Story(
        (then((create("n2", "c1", "t1"), row("t1")), T1),),
        then(COUNTED_APART, {"c1": ("t3", 1)}, T2),
        then(COUNTED_APART, {"c1": ("t2", 1)}, T2),
        TWO,
    ),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_trust_decides_what_shows_and_not_what_is_had(story: Story) -> None:
    check(story)
