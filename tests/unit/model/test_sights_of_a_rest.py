"""What a rest says: of who was told, of leaves that differ, and of rows that others may hide."""

from __future__ import annotations

import pytest
from histories import SCHEMA
from short_stories import NOTHING, THREE, TWO, Story, check, then
from stories import LOST, OK, attach, both, count, create, event, in_a_row, retitle, row
from test_oracle import GROWING

from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import Outcome, accepted
from syncmodel.steps import (
    Crash,
    Create,
    Cut,
    Delete,
    Distrust,
    Mend,
    Restart,
    Rollback,
    Rollout,
    Step,
)

NEIGHBOURS = Guarantees(passes_on=False)
LEAVES = Guarantees(rows="multi-value")
T1, T2, T3 = ({"c1": (title, 0)} for title in ("t1", "t2", "t3"))
CREATED = then((create("n1", "c1", "t1"), row("t1")), T1)
N1_SETS_T2 = (retitle("n1", "c1", "t2"), row("t2"))
N2_SETS_T3 = (retitle("n2", "c1", "t3"), row("t3"))
N2_SETS_T2 = (retitle("n2", "c1", "t2"), row("t2"))
N3_SETS_T3 = (retitle("n3", "c1", "t3"), row("t3"))
N1_APART = THREE.with_cut([("n1", "n2"), ("n1", "n3"), ("n2", "n1"), ("n3", "n1")])
N3_CREATES = in_a_row(
    (create("n3", "c1", "t1"), row("t1")),
    (Cut("n3", "n1"), OK),
    (Cut("n3", "n2"), OK),
    (Crash("n2"), OK),
)
N2_CREATES = in_a_row((create("n2", "c1", "t1"), row("t1")), (Cut("n2", "n1"), OK))
#: An event of two cases, as two nodes say at once: the second one's shows.
CASES = {"c1": ("t1", 0), "c2": ("t2", 0)}
OF_TWO_CASES = (
    CREATED,
    then((create("n1", "c2", "t2"), row("t2")), CASES),
    then(
        both(
            (attach("n1", "e1", "c1", "b1"), event("c1", "b1")),
            (attach("n2", "e1", "c2", "b2"), event("c2", "b2")),
        ),
        CASES | {"e1": ("c2", "b2")},
    ),
)
C2_GOES = (Delete("n1", "cases", "c2"), OK)
PARTED = in_a_row(both(N1_SETS_T2, N2_SETS_T3), (Cut("n2", "n1"), OK), (Cut("n1", "n2"), OK))
HIDDEN_ON_THE_WAY = in_a_row((create("n3", "c1", "t1"), LOST), (Distrust("n2", "n3"), OK))
N2_DELETES_AND_DISTRUSTS_N3 = in_a_row(
    (Delete("n2", "cases", "c1"), OK), (Distrust("n2", "n3"), OK)
)
OLD = {"c1": ("t1",)}


def severe(node: str, title: str, how: str) -> tuple[Step, Outcome]:
    """A case is created with how severe it is."""
    values = (("title", title), ("severity", how))
    return Create(node, "cases", "c1", values), accepted(dict(values))


OF_TWO_VERSIONS = both(severe("n2", "t1", "high"), severe("n3", "t2", "low"))
N1_SETS_T2_BEHIND_A_CUT = in_a_row(N1_SETS_T2, (Cut("n1", "n2"), OK))
CREATED_AGAIN_TWICE = in_a_row(
    (create("n1", "c1", "t2"), row("t2")),
    (create("n2", "c1", "t3"), row("t3")),
    (Cut("n1", "n3"), OK),
    (Cut("n2", "n3"), OK),
)
FOUR = fully_connected(SCHEMA, 4)
#: n1 and n2 hear nobody; n3 and n4 hear them, and not each other.
TOLD_BY_TWO = FOUR.with_cut(
    link for link in FOUR.links if link[1] in ("n1", "n2") or link[0] in ("n3", "n4")
)
TWO_CREATE = both((create("n1", "c1", "t2"), row("t2")), (create("n2", "c1", "t3"), row("t3")))
STORIES = {
    "two nodes that do not hear each other settle a conflict one way": Story(
        (), then(TWO_CREATE, T2, T3, T3, T2), then(TWO_CREATE, T2, T3, T3, T3), TOLD_BY_TWO
    ),
    "what may have come before a cut has come once it is mended": Story(
        (CREATED, then(N1_SETS_T2_BEHIND_A_CUT, T2, T1)),
        then((Mend("n1", "n2"), OK), T2, T1),
        then((Mend("n1", "n2"), OK), T2, T2),
    ),
    "what a node shows it hands on, though it hears nobody": Story(
        (CREATED, then((Cut("n2", "n1"), OK), T1)),
        then((retitle("n1", "c1", "t2"), LOST), T2, T1),
        then((retitle("n1", "c1", "t2"), LOST), T2, T2),
    ),
    "where columns merge apart, a row has those of one of its creates": Story(
        (CREATED, then((Delete("n1", "cases", "c1"), OK), NOTHING)),
        then(CREATED_AGAIN_TWICE, T3, T3, T1),
        then(CREATED_AGAIN_TWICE, T3, T3, T2),
        THREE,
        Guarantees(by_field=True),
    ),
    "where nodes hand on only their own, a node need not know what its hearer lacks": Story(
        (then(N3_CREATES, NOTHING, T1),),
        then((Restart("n2"), OK), T1, T1, T1),
        then((Restart("n2"), OK), NOTHING, T1, T1),
        THREE,
        NEIGHBOURS,
    ),
    "where they do, it knows no more": Story(
        (then(N3_CREATES, NOTHING, T1),),
        then((Restart("n2"), OK), NOTHING, T1, T1),
        then((Restart("n2"), OK), T1, T1, T1),
        THREE,
    ),
    "what did not show was not there, and nobody brings it": Story(
        (then(N2_CREATES, NOTHING, T1),),
        then((Cut("n1", "n2"), OK), T1, T1),
        then((Cut("n1", "n2"), OK), NOTHING, T1),
        TWO,
        NEIGHBOURS,
    ),
    "of two nodes the second did not show what it may know": Story(
        (
            CREATED,
            then(in_a_row(both(N1_SETS_T2, N2_SETS_T3), (Cut("n1", "n2"), OK)), T2, T3),
        ),
        then((Mend("n2", "n1"), OK), T2, T2),
        then((Mend("n2", "n1"), OK), T2, T3),
        TWO.with_cut([("n2", "n1")]),
    ),
    "two nodes show the same leaf": Story(
        (CREATED,),
        then(both(N1_SETS_T2, N2_SETS_T3), T2, T3),
        then(both(N1_SETS_T2, N2_SETS_T3), T2, T2),
        guarantees=LEAVES,
    ),
    "so they do behind one that hears nobody": Story(
        (then((create("n2", "c1", "t1"), row("t1")), NOTHING, T1, T1),),
        then(both(N2_SETS_T2, N3_SETS_T3), NOTHING, T2, T3),
        then(both(N2_SETS_T2, N3_SETS_T3), NOTHING, T3, T3),
        N1_APART,
        LEAVES,
    ),
    "a leaf that did not show does once the other is deleted": Story(
        (CREATED, then(PARTED, T2, T3)),
        then((Delete("n1", "cases", "c1"), OK), T2, T3),
        then((Delete("n1", "cases", "c1"), OK), T3, T3),
        guarantees=LEAVES,
        split=True,
    ),
    "nodes of two versions show one leaf in the columns that both have": Story(
        (),
        then(OF_TWO_VERSIONS, OLD, {"c1": ("t1", "high")}, {"c1": ("t2", "low")}),
        then(OF_TWO_VERSIONS, OLD, {"c1": ("t1", "high")}, {"c1": ("t1", "high")}),
        fully_connected(GROWING, 3).deploy(("n1",), 2),
        LEAVES,
    ),
    "what a node hides it may hand on after a rest": Story(
        (then(HIDDEN_ON_THE_WAY, NOTHING, NOTHING, T1),),
        then((Cut("n1", "n2"), OK), NOTHING, NOTHING, NOTHING),
        then((Cut("n1", "n2"), OK), T1, NOTHING, T1),
        THREE.with_cut([("n1", "n3"), ("n3", "n1")]),
    ),
    "what somebody hides comes back at any time to who lost it": Story(
        (
            then((create("n2", "c1", "t1"), row("t1")), T1),
            then((Distrust("n1", "n2"), OK), NOTHING, T1),
            then((Rollback(("n2",), 1), OK), NOTHING),
            then(both((count("n1", "c1", 1), LOST), (Rollout(("n2",), 2), OK)), NOTHING, NOTHING),
        ),
        then((retitle("n2", "c1", "t5"), row("t5", 2)), NOTHING, {"c1": ("t5", 2)}),
        then((retitle("n2", "c1", "t5"), row("t5")), NOTHING, {"c1": ("t5", 0)}),
    ),
    "what rests on a tombstone that is hidden replaces what that did": Story(
        (
            CREATED,
            then(
                both((create("n2", "c1", "t5"), row("t5")), (Delete("n3", "cases", "c1"), OK)),
                {"c1": ("t5", 0)},
            ),
        ),
        then(N2_DELETES_AND_DISTRUSTS_N3, NOTHING, {"c1": ("t5", 0)}, NOTHING),
        then(N2_DELETES_AND_DISTRUSTS_N3, NOTHING),
        THREE,
        LEAVES,
        split=True,
    ),
    "a leaf shows again whose tombstone is hidden": Story(
        (CREATED, then((Delete("n2", "cases", "c1"), OK), NOTHING)),
        then((Distrust("n1", "n2"), OK), NOTHING),
        then((Distrust("n1", "n2"), OK), T1, NOTHING),
        TWO,
        LEAVES,
    ),
    "or does not, where what replaced it since rests on what is hidden": Story(
        (
            CREATED,
            then((Delete("n2", "cases", "c1"), OK), NOTHING),
            then((create("n2", "c1", "t2"), row("t2")), T2),
            then((Delete("n1", "cases", "c1"), OK), NOTHING),
        ),
        then((Distrust("n1", "n2"), OK), T2, NOTHING),
        then((Distrust("n1", "n2"), OK), NOTHING),
        TWO,
        LEAVES,
    ),
    "a row is hidden by the one of two cases that is away": Story(
        OF_TWO_CASES,
        then(C2_GOES, {"c1": ("t1", 0), "e1": ("c1", "b1")}),
        then(C2_GOES, T1),
    ),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_a_sight_says_what_its_node_has(story: Story) -> None:
    check(story)
