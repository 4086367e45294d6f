"""What a write rests on: of nodes that lack a column, that ask a quorum, that keep leaves."""

from __future__ import annotations

import pytest
from short_stories import NOTHING, THREE, TWO, Story, check, then
from stories import OK, both, create, in_a_row, retitle, row
from test_oracle import GROWING

from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import accepted
from syncmodel.steps import Create, Delete, Mend, Partition, Set

BY_FIELD, UPSERTS = Guarantees(by_field=True), Guarantees(upserts=True)
QUORUM = Guarantees(quorum=True, rollback_keeps_log=True, answers_rows=False)
LEAVES_OF_NEIGHBOURS = Guarantees(rows="multi-value", passes_on=False)
LEAVES_REPLACED = Guarantees(rows="multi-value", upserts=True)
#: n1 runs the version that does not know how severe a case is.
OLD_AND_NEW = fully_connected(GROWING, 2).deploy(("n1",), 2)
OLD = {"c1": ("t1",)}
OLD_T2 = {"c1": ("t2",)}
HIGH = (
    Create("n2", "cases", "c1", (("title", "t1"), ("severity", "high"))),
    accepted({"title": "t1", "severity": "high"}),
)
OLD_CREATES = (create("n1", "c1", "t2"), accepted({"title": "t2"}))
T1, T2, T3 = ({"c1": (title, 0)} for title in ("t1", "t2", "t3"))
CREATED = then((create("n1", "c1", "t1"), row("t1")), T1)
DELETED = (Delete("n1", "cases", "c1"), OK)
ONE_BY_ONE = in_a_row((retitle("n1", "c1", "t2"), OK), (retitle("n2", "c1", "t3"), OK))
STORIES = {
    "a node that lacks a column leaves it as it was, or as it begins": Story(
        (then(HIGH, OLD, {"c1": ("t1", "high")}), then(DELETED, NOTHING)),
        then(OLD_CREATES, OLD_T2, {"c1": ("t2", "low")}),
        then(OLD_CREATES, OLD_T2, {"c1": ("t2", "high")}),
        OLD_AND_NEW,
        BY_FIELD,
    ),
    "of two creates the column of the one that knows it shows with either title": Story(
        (),
        then(both(HIGH, OLD_CREATES), OLD, {"c1": ("t2", "high")}),
        then(both(HIGH, OLD_CREATES), OLD_T2, {"c1": ("t2", "high")}),
        OLD_AND_NEW,
        BY_FIELD,
    ),
    "not where rows merge whole": Story(
        (),
        then(both(HIGH, OLD_CREATES), OLD_T2, {"c1": ("t2", "high")}),
        then(both(HIGH, OLD_CREATES), OLD_T2, {"c1": ("t2", "normal")}),
        OLD_AND_NEW,
    ),
    "what is set beats how a column begins": Story(
        (then(OLD_CREATES, OLD_T2, {"c1": ("t2", "normal")}),),
        then(
            (
                Set("n2", "cases", "c1", "severity", "high"),
                accepted({"title": "t2", "severity": "high"}),
            ),
            OLD_T2,
            {"c1": ("t2", "normal")},
        ),
        then(
            (
                Set("n2", "cases", "c1", "severity", "high"),
                accepted({"title": "t2", "severity": "high"}),
            ),
            OLD_T2,
            {"c1": ("t2", "high")},
        ),
        OLD_AND_NEW,
        BY_FIELD,
    ),
    "a row that is replaced by one without a column shows its title": Story(
        (then(HIGH, OLD, {"c1": ("t1", "high")}),),
        then(OLD_CREATES, OLD, {"c1": ("t1", "high")}),
        then(OLD_CREATES, OLD_T2, {"c1": ("t2", "normal")}),
        OLD_AND_NEW,
        UPSERTS,
    ),
    "with a quorum a write follows all that was accepted": Story(
        (CREATED,), then(ONE_BY_ONE, T2), then(ONE_BY_ONE, T3), THREE, QUORUM
    ),
    "a leaf that was created over a delete does not take out what a hearer has": Story(
        (
            CREATED,
            then((Partition(()), OK), T1),
            then(DELETED, NOTHING, T1, T1),
            then((Mend("n1", "n2"), OK), NOTHING, NOTHING, T1),
            then((create("n2", "c1", "t2"), row("t2")), NOTHING, T2, T1),
        ),
        then((Mend("n2", "n3"), OK), NOTHING, T2, NOTHING),
        then((Mend("n2", "n3"), OK), NOTHING, T2, T1),
        THREE,
        LEAVES_OF_NEIGHBOURS,
        split=True,
    ),
    "a leaf that is replaced shows no more than its winner": Story(
        (CREATED,),
        then((create("n2", "c1", "t2"), row("t2")), NOTHING),
        then((create("n2", "c1", "t2"), row("t2")), T2),
        TWO,
        LEAVES_REPLACED,
        split=True,
    ),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_a_write_rests_on_what_its_node_knows(story: Story) -> None:
    check(story)
