"""Answers whose rows nobody can have stored: of creates, of columns that merge apart, of sums."""

from __future__ import annotations

import pytest
from short_stories import NOTHING, TWO, Story, check, then
from stories import LOST, OK, both, count, create, in_a_row, retitle, row

from syncmodel.model.guarantees import Guarantees
from syncmodel.steps import Cut, Heal

BY_FIELD, SUMS = Guarantees(by_field=True), Guarantees(by_field=True, sums=True)
T1, T2, T3 = ({"c1": (title, 0)} for title in ("t1", "t2", "t3"))
CREATE, SETS = create("n1", "c1", "t1"), retitle("n1", "c1", "t2")
CREATED = then((CREATE, row("t1")), T1)
COUNTS = count("n1", "c1", 2)
COUNTED = {"c1": ("t1", 2)}
N2_COUNTS = (count("n2", "c1", 1), row("t1", 1))
APART = (Cut("n1", "n2"), OK), (Cut("n2", "n1"), OK)
STORIES = {
    "a create stores what it was asked for": Story(
        (), then((CREATE, row("t2")), T1), then((CREATE, row("t1")), T1), guarantees=BY_FIELD
    ),
    "so it does as a whole": Story(
        (), then((CREATE, row("t2")), T2), then((CREATE, row("t1")), T1)
    ),
    "a column that was not set shows what it did": Story(
        (CREATED,), then((SETS, row("t2", 1)), T2), then((SETS, row("t2")), T2), guarantees=BY_FIELD
    ),
    "a sum has at least what was added": Story(
        (CREATED,),
        then((COUNTS, row("t1", 1)), COUNTED),
        then((COUNTS, row("t1", 2)), COUNTED),
        guarantees=SUMS,
    ),
    "and no more than what may have come": Story(
        (CREATED,),
        then(both((COUNTS, row("t1", 4)), N2_COUNTS), {"c1": ("t1", 3)}),
        then(both((COUNTS, row("t1", 3)), N2_COUNTS), {"c1": ("t1", 3)}),
        guarantees=SUMS,
    ),
    "and what was there before": Story(
        (CREATED, then((COUNTS, row("t1", 2)), COUNTED)),
        then((count("n1", "c1", 4), row("t1", 4)), {"c1": ("t1", 6)}),
        then((count("n1", "c1", 4), row("t1", 6)), {"c1": ("t1", 6)}),
        guarantees=SUMS,
    ),
    "a title beside a sum": Story(
        (CREATED,),
        then((COUNTS, row("t3", 2)), COUNTED),
        then((COUNTS, row("t1", 2)), COUNTED),
        guarantees=SUMS,
    ),
    "an increment that was answered is in every later sum": Story(
        (CREATED, then(in_a_row((COUNTS, row("t1", 2)), *APART), COUNTED, T1)),
        then((Heal(), OK), T1),
        then((Heal(), OK), COUNTED),
        guarantees=SUMS,
    ),
    "what an increment rests on its node had": Story(
        (),
        then(
            in_a_row((create("n2", "c1", "t1"), row("t1")), (COUNTS, row("t1", 2)), *APART),
            NOTHING,
            T1,
        ),
        then(
            in_a_row((create("n2", "c1", "t1"), row("t1")), (COUNTS, row("t1", 2)), *APART),
            COUNTED,
            T1,
        ),
        guarantees=SUMS,
    ),
    "of two creates at once either is the last": Story(
        (),
        then(both((CREATE, row("t1")), (create("n2", "c1", "t2"), row("t2"))), T3),
        then(both((CREATE, row("t1")), (create("n2", "c1", "t2"), row("t2"))), T2),
        guarantees=SUMS,
    ),
    "of a change without an answer the base is one that its node had": Story(
        (then((create("n1", "c1", "t1"), row("t1")), T1),),
        then(both((SETS, LOST), (count("n1", "c1", 1), row("t3", 1))), {"c1": ("t3", 1)}),
        then(both((SETS, LOST), (count("n1", "c1", 1), row("t2", 1))), {"c1": ("t2", 1)}),
        TWO,
    ),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_what_is_answered_is_what_may_be_stored(story: Story) -> None:
    check(story)
