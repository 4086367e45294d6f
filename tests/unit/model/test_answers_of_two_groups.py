"""Rows that refer to each other are put in order group by group, by the answers that there were."""

from __future__ import annotations

import pytest
from short_stories import NOTHING, Story, check, then
from stories import LOST, OK, attach, both, create
from test_oracle import shop

from syncmodel.model.columns import OnDelete
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import accepted, refused
from syncmodel.steps import Create, Delete

HIDING = fully_connected(shop(OnDelete.HIDE, OnDelete.HIDE), 2)
NO_ROWS_ANSWERED = Guarantees(answers_rows=False)
C1 = (create("n1", "c1", "t1"), accepted({"title": "t1"}))
C2 = (create("n1", "c2", "t2"), accepted({"title": "t2"}))
C1_GOES = (Delete("n1", "cases", "c1"), OK)
E1 = (attach("n1", "e1", "c1", "b1"), accepted({"case": "c1", "body": "b1"}))
E2 = (attach("n1", "e2", "c2", "b2"), accepted({"case": "c2", "body": "b2"}))
E3 = (attach("n1", "e3", "c2", "b3"), accepted({"case": "c2", "body": "b3"}))
E4 = (attach("n1", "e4", "c2", "b4"), accepted({"case": "c2", "body": "b4"}))
E1_EXISTS, E1_MISSES = (E1[0], refused("exists")), (E1[0], refused("missing_reference"))
NOTE = Create("n1", "notes", "n1", (("event", "e1"), ("text", "x1")))
NOTE_GOES = Delete("n1", "notes", "n1")
SHOWS_C1 = {"c1": ("t1",)}
SHOWS_C2 = {"c2": ("t2",), **{f"e{n}": ("c2", f"b{n}") for n in (2, 3, 4)}}
STORIES = {
    "what is there is not missing its case, whatever else is asked for": Story(
        (then(C1, SHOWS_C1),),
        then(both(C1_GOES, E1, E1_MISSES, C2, E2, E3, E4), SHOWS_C2),
        then(both(C1_GOES, E1, E1_EXISTS, C2, E2, E3, E4), SHOWS_C2),
        HIDING,
    ),
    "a request without an answer is no refusal": Story(
        (),
        then(both((NOTE_GOES, OK), (NOTE, refused("missing_reference"))), NOTHING),
        then(both((NOTE_GOES, refused("no_such_row")), (NOTE, LOST)), NOTHING),
        HIDING,
        NO_ROWS_ANSWERED,
    ),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_each_group_is_put_in_an_order_of_its_own(story: Story) -> None:
    check(story)
