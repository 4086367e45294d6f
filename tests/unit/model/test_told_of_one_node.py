"""What several answers of one node rule out together, and what it shows at the rest after them."""

from __future__ import annotations

import pytest
from short_stories import NOTHING, TWO, Story, check, then
from stories import (
    CREATED,
    DELETED,
    LOST,
    OK,
    attach,
    both,
    count,
    create,
    event,
    in_a_row,
    retitle,
    row,
)

from syncmodel.model.guarantees import Guarantees
from syncmodel.model.outcome import Outcome, refused, shown
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.steps import Cut, Delete, Heal, Partition, Read, Step

T1, T2 = {"c1": ("t1", 0)}, {"c1": ("t2", 0)}
N1_DELETES, N2_DELETES = Delete("n1", "cases", "c1"), Delete("n2", "cases", "c1")
GONE = refused("no_such_row")
LEAVES, BY_FIELD = Guarantees(rows="multi-value"), Guarantees(by_field=True)
SUMS, ONLY_A_RESYNC = Guarantees(by_field=True, sums=True), Guarantees(heal_catches_up=False)
#: Once the links are whole again, n1 need not hear of what n2 wrote.
N1_LACKS_IT = (
    then((Partition((("n1",), ("n2",))), OK), NOTHING),
    then((create("n2", "c1", "t1"), row("t1")), NOTHING, T1),
    then((retitle("n2", "c1", "t2"), row("t2")), NOTHING, T2),
    then((Heal(), OK), NOTHING, T2),
)


def reads(node: str, case: tuple[str, int]) -> tuple[Step, Outcome]:
    """A node is asked for c1, and shows this."""
    value = Value(tuple(zip(("title", "counter"), case, strict=True)))
    return Read(node, "cases", "c1"), shown(View(((Row("cases", "c1"), value),)))


CREATE_LOST = (create("n2", "c1", "t2"), LOST)
N1_ATTACHES = (attach("n1", "e1", "c1", "b1"), event("c1", "b1"))
E1 = {"e1": ("c1", "b1")}
#: The delete is between the creates, whichever comes first; then n2 is cut off.
CREATED_TWICE = in_a_row(
    both(
        (create("n1", "c1", "t1"), row("t1")),
        (create("n1", "c1", "t2"), row("t2")),
        (N1_DELETES, OK),
    ),
    (Cut("n1", "n2"), OK),
)
STORIES = {
    "a delete that is last in no order is not what shows": Story(
        (), then(CREATED_TWICE, NOTHING, NOTHING), then(CREATED_TWICE, T2, NOTHING)
    ),
    "no change lands on a row that is gone, whatever else is asked of it": Story(
        (
            then(CREATED, T1),
            then(
                both(
                    (retitle("n1", "c1", "t2"), LOST),
                    (count("n1", "c1", 1), LOST),
                    (N1_DELETES, OK),
                ),
                NOTHING,
            ),
        ),
        then(both((retitle("n1", "c1", "t3"), LOST), (N1_DELETES, OK)), NOTHING),
        then(both((retitle("n1", "c1", "t3"), LOST), (N1_DELETES, GONE)), NOTHING),
    ),
    "a delete of the only leaf uncovers none": Story(
        (then(CREATED, T1),),
        then(both((N2_DELETES, OK), (N2_DELETES, OK)), NOTHING),
        then(both((N2_DELETES, OK), (N2_DELETES, GONE)), NOTHING),
        TWO,
        LEAVES,
    ),
    "what is set of the only leaf is there for what is asked next": Story(
        (then(CREATED, T1),),
        then(
            both(
                (retitle("n1", "c1", "t2"), row("t2")),
                (count("n1", "c1", 1), row("t1", 1)),
                (retitle("n1", "c1", "t3"), row("t3", 1)),
            ),
            {"c1": ("t3", 1)},
        ),
        then(
            both(
                (retitle("n1", "c1", "t2"), row("t2")),
                (count("n1", "c1", 1), row("t2", 1)),
                (retitle("n1", "c1", "t3"), row("t3", 1)),
            ),
            {"c1": ("t3", 1)},
        ),
        TWO,
        LEAVES,
    ),
    "a row that is there again is answered with what its create gave it": Story(
        (then(CREATED, T1), then(DELETED, NOTHING)),
        then(both(CREATE_LOST, (count("n2", "c1", 1), row("t1", 1))), {"c1": ("t2", 1)}),
        then(both(CREATE_LOST, (count("n2", "c1", 1), row("t2", 1))), {"c1": ("t2", 1)}),
        TWO,
        BY_FIELD,
    ),
    "a row that is there again is read with what its create gave it": Story(
        (then(CREATED, T1), then(DELETED, NOTHING)),
        then(both(CREATE_LOST, reads("n2", ("t1", 0))), T2),
        then(both(CREATE_LOST, reads("n2", ("t2", 0))), T2),
        TWO,
        BY_FIELD,
    ),
    "what was in the sum beside another create is in it from now on": Story(
        (
            then((Partition((("n1",), ("n2",))), OK), NOTHING),
            then((create("n1", "c1", "t1"), row("t1")), T1, NOTHING),
            then((create("n2", "c1", "t2"), row("t2")), T1, T2),
            then((count("n1", "c1", 1), row("t1", 1)), {"c1": ("t1", 1)}, T2),
            then((Heal(), OK), {"c1": ("t2", 1)}),
        ),
        then((retitle("n1", "c1", "t3"), row("t3")), {"c1": ("t3", 1)}),
        then((retitle("n1", "c1", "t3"), row("t3", 1)), {"c1": ("t3", 1)}),
        TWO,
        SUMS,
    ),
    "what is added to a row that shows was made knowing its create": Story(
        (then(CREATE_LOST, NOTHING),),
        then((count("n1", "c1", 1), row("t2", 1)), T2),
        then((count("n1", "c1", 1), row("t2", 1)), {"c1": ("t2", 1)}),
        TWO,
        SUMS,
    ),
    "a rest shows what the last of a node's writes left": Story(
        (then(CREATED, T1),),
        then(both((retitle("n1", "c1", "t2"), LOST), (count("n1", "c1", 1), row("t1", 1))), T2),
        then(
            both((retitle("n1", "c1", "t2"), LOST), (count("n1", "c1", 1), row("t1", 1))),
            {"c1": ("t2", 1)},
        ),
    ),
    "what a row refers to is there at the rest, whichever version it is": Story(
        N1_LACKS_IT,
        then(N1_ATTACHES, NOTHING, T2),
        then(N1_ATTACHES, {**T2, **E1}),
        TWO,
        ONLY_A_RESYNC,
    ),
    "what is asked for after that does not change it": Story(
        N1_LACKS_IT,
        then(in_a_row(N1_ATTACHES, reads("n2", ("t2", 0))), NOTHING, T2),
        then(in_a_row(N1_ATTACHES, (Delete("n2", "cases", "c1"), OK)), NOTHING),
        TWO,
        ONLY_A_RESYNC,
    ),
    "what a node lacks at a rest does not come over a link that is cut": Story(
        (*N1_LACKS_IT, then((Cut("n2", "n1"), OK), NOTHING, T2)),
        then((N1_DELETES, OK), NOTHING, T2),
        then((N1_DELETES, GONE), NOTHING, T2),
        TWO,
        ONLY_A_RESYNC,
    ),
    "but it may come at any time over one that is whole again": Story(
        (*N1_LACKS_IT, then((Cut("n2", "n1"), OK), NOTHING, T2)),
        then((Cut("n1", "n2"), OK), T2),
        then((Heal(), OK), T2),
        TWO,
        ONLY_A_RESYNC,
    ),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_it_is_ruled_out_and_what_is_near_is_not(story: Story) -> None:
    check(story)
