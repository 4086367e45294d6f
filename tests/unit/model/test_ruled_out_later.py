"""What an earlier sight or answer rules out, though nobody could say then which write it was of."""

from __future__ import annotations

import pytest
from short_stories import NOTHING, TWO, Story, check, then
from stories import (
    CREATED,
    DELETED,
    EVERYWHERE,
    LOST,
    OK,
    both,
    create,
    everywhere,
    in_a_row,
    retitle,
    row,
    told,
)

from syncmodel.model.guarantees import Guarantees
from syncmodel.model.outcome import refused
from syncmodel.model.values import Row
from syncmodel.steps import Crash, Cut, Delete, Distrust, Pause, Rollback

T1, T2, T3 = {"c1": ("t1", 0)}, {"c1": ("t2", 0)}, {"c1": ("t3", 0)}
N2_CREATES = (create("n2", "c1", "t1"), row("t1"))
N2_DELETES = (Delete("n2", "cases", "c1"), OK)
N1_SETS_ONE_OF_N2 = in_a_row(
    (Cut("n1", "n2"), OK), N2_CREATES, (retitle("n1", "c1", "t2"), row("t2"))
)
N1_GOES_BACK = (Rollback(("n1",), 1), OK)
N2_DIES, N1_STOPS, N2_STOPS = (Crash("n2"), OK), (Pause("n1"), OK), (Pause("n2"), OK)
ASKED_FOR_AND_KILLED = Delete("n1", "cases", "c2"), (Crash("n1"), OK)
BY_FIELD = Guarantees(by_field=True)
STORIES = {
    "what a node would have shown it does not know, whomever another one distrusts": Story(
        (
            then(CREATED, T1),
            then(
                in_a_row(
                    (retitle("n1", "c1", "t2"), LOST),
                    (Distrust("n1", "n2"), OK),
                    (Cut("n1", "n2"), OK),
                ),
                T2,
                T1,
            ),
        ),
        then(N1_GOES_BACK, T2),
        then(N1_GOES_BACK, T1),
    ),
    "what did not show as it was beaten stays so, whomever another node distrusts": Story(
        (
            then(
                in_a_row(
                    (Distrust("n2", "n1"), OK), N2_CREATES, N2_DELETES, (Rollback(("n2",), 1), OK)
                ),
                NOTHING,
            ),
        ),
        then(N2_DIES, T1),
        then(N2_DIES, NOTHING),
    ),
    "a process that stands still until it is killed does not answer": Story(
        (then(CREATED, T1), then(N1_STOPS, T1), then((create("n1", "c2", "t2"), LOST), T1)),
        then(both((ASKED_FOR_AND_KILLED[0], refused("no_such_row")), ASKED_FOR_AND_KILLED[1]), T1),
        then(both((ASKED_FOR_AND_KILLED[0], LOST), ASKED_FOR_AND_KILLED[1]), T1),
    ),
    "where columns merge by themselves, a row that is back shows what its create gave it": Story(
        (
            then(CREATED, T1),
            then(DELETED, NOTHING),
            then((create("n2", "c1", "t2"), LOST), NOTHING),
        ),
        then(N2_STOPS, T1),
        then(N2_STOPS, T2),
        TWO,
        BY_FIELD,
    ),
    "where columns merge by themselves, what is set of a row beats what its create gave": Story(
        (),
        then(N1_SETS_ONE_OF_N2, T1),
        then(N1_SETS_ONE_OF_N2, T2, T1),
        TWO,
        BY_FIELD,
    ),
    "no write rests on another one that was made of it": Story(
        (then(CREATED, T1), then((retitle("n1", "c1", "t2"), LOST), T1)),
        then((retitle("n2", "c1", "t3"), row("t3", 1)), {"c1": ("t3", 1)}),
        then((retitle("n2", "c1", "t3"), row("t3")), T3),
    ),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_it_is_ruled_out_and_what_is_near_is_not(story: Story) -> None:
    check(story)


def test_requests_without_an_answer_do_not_help_each_other_to_land_on_a_row_that_is_gone() -> None:
    lost = in_a_row((retitle("n2", "c1", "t2"), LOST), (retitle("n2", "c1", "t3"), LOST))
    late = frozenset({1, 2})
    gone = told((*EVERYWHERE, lost, everywhere(c1=("t1", 0)), DELETED, everywhere()), Guarantees())
    assert late <= frozenset(gone.row(Row("cases", "c1")).beaten["n2"])
    there = told((*EVERYWHERE, lost, everywhere(c1=("t1", 0))), Guarantees())
    assert late.isdisjoint(there.row(Row("cases", "c1")).beaten.get("n2", ()))
