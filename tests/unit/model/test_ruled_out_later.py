"""What an earlier sight rules out for good, though nobody could say then which write it was."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from attrs import evolve, frozen
from histories import History, Moment, judged
from stories import (
    C1,
    CREATED,
    DELETED,
    EMPTY,
    EVERYWHERE,
    LOST,
    OK,
    Shown,
    both,
    create,
    everywhere,
    in_a_row,
    retitle,
    row,
    told,
    view,
)

from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import Outcome, refused
from syncmodel.model.values import Row
from syncmodel.steps import Crash, Cut, Delete, Distrust, Pause, Rollback, Step
from syncmodel.targets.wire import SUPERTEST

Told = tuple[tuple[Step, Outcome], Shown, Shown]
T2: Shown = {"c1": ("t2", 0)}
GONE = refused("no_such_row")
N2_DELETES = Delete("n2", "cases", "c1")


@frozen
class Story:
    """After `before` the `last` moment is possible on two nodes, each of `never` is not.

    A moment is a step, and what n1 and n2 show then.
    """

    name: str
    before: Sequence[Told]
    last: Told
    never: Sequence[Told]
    guarantees: Guarantees = Guarantees()

    def history(self, last: Told) -> History:
        """The story with that end."""
        moments = (
            Moment(step, outcome, {"n1": view(n1), "n2": view(n2)})
            for (step, outcome), n1, n2 in (*self.before, last)
        )
        running = tuple(
            evolve(m, views={n: v for n, v in m.views.items() if v != NOT_THERE}) for m in moments
        )
        return History(fully_connected(SUPERTEST, 2), self.guarantees, running)


#: For a node that does not run.
NOT_THERE = view({"c9": ("nobody", 0)})
DOWN: Shown = {"c9": ("nobody", 0)}

STORIES = [
    Story(
        "what a node would have shown it does not know, whomever another one distrusts",
        (
            (CREATED, C1, C1),
            (
                in_a_row(
                    (retitle("n1", "c1", "t2"), LOST),
                    (Distrust("n1", "n2"), OK),
                    (Cut("n1", "n2"), OK),
                ),
                T2,
                C1,
            ),
        ),
        ((Rollback(("n1",), 1), OK), None, C1),
        (((Rollback(("n1",), 1), OK), None, T2),),
    ),
    Story(
        "what did not show as it was beaten stays so, whomever another node distrusts",
        (
            (
                in_a_row(
                    (Distrust("n2", "n1"), OK),
                    (create("n2", "c1", "t1"), row("t1")),
                    (N2_DELETES, OK),
                    (Rollback(("n2",), 1), OK),
                ),
                EMPTY,
                None,
            ),
        ),
        ((Crash("n2"), OK), EMPTY, DOWN),
        (((Crash("n2"), OK), C1, DOWN),),
    ),
    Story(
        "a process that stands still until it is killed does not answer",
        (
            (CREATED, C1, C1),
            ((Pause("n1"), OK), DOWN, C1),
            ((create("n1", "c2", "t2"), LOST), DOWN, C1),
        ),
        (both((Delete("n1", "cases", "c2"), LOST), (Crash("n1"), OK)), DOWN, C1),
        ((both((Delete("n1", "cases", "c2"), GONE), (Crash("n1"), OK)), DOWN, C1),),
    ),
    Story(
        "where columns merge by themselves, a row that is back shows what its create gave it",
        (
            (CREATED, C1, C1),
            (DELETED, EMPTY, EMPTY),
            ((create("n2", "c1", "t2"), LOST), EMPTY, EMPTY),
        ),
        ((Pause("n2"), OK), T2, DOWN),
        (((Pause("n2"), OK), C1, DOWN),),
        Guarantees(by_field=True),
    ),
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_it_is_ruled_out_and_what_is_near_is_not(story: Story) -> None:
    verdict = judged(story.history(story.last))
    assert verdict is not None
    assert verdict.model is None, verdict.why
    assert verdict.oracle is None
    for never in story.never:
        verdict = judged(story.history(never))
        assert verdict is not None
        assert verdict.oracle == verdict.model == len(story.before) + 1, verdict


def test_requests_without_an_answer_do_not_help_each_other_to_land_on_a_row_that_is_gone() -> None:
    lost = in_a_row((retitle("n2", "c1", "t2"), LOST), (retitle("n2", "c1", "t3"), LOST))
    late = frozenset({1, 2})
    gone = told((*EVERYWHERE, lost, everywhere(c1=("t1", 0)), DELETED, everywhere()), Guarantees())
    assert late <= frozenset(gone.row(Row("cases", "c1")).beaten["n2"])
    there = told((*EVERYWHERE, lost, everywhere(c1=("t1", 0))), Guarantees())
    assert late.isdisjoint(there.row(Row("cases", "c1")).beaten.get("n2", ()))
