"""What a node can't show though it may know it, and requests that had to be refused all along."""

from __future__ import annotations

import pytest
from stories import (
    APART,
    C1,
    CREATED,
    DELETED,
    EMPTY,
    EVERYWHERE,
    LOST,
    N1_RETITLES,
    N3_ALONE,
    NO_C1,
    OK,
    T1,
    T2,
    T3,
    Story,
    both,
    check_near,
    check_raised,
    count,
    create,
    everywhere,
    in_a_row,
    retitle,
    rolled_back,
    row,
    sights,
    told,
)

from syncmodel.model.divergence import Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.outcome import refused
from syncmodel.steps import Crash, Cut, Delete, Mend, Restart

N2_RETITLES = (retitle("n2", "c1", "t3"), row("t3"))
BY_FIELD = Guarantees(by_field=True)
SUMS = Guarantees(by_field=True, sums=True)
QUORUM = Guarantees(quorum=True, rollback_keeps_log=True)
N1_SHOWS_NOTHING = (Delete("n1", "cases", "c1"), refused("no_such_row"))
STORIES = [
    Story(
        Kind.WRONGLY_REFUSED,
        "what a node answers beside its rollback comes before it drops the log",
        EVERYWHERE,
        both(N1_SHOWS_NOTHING, rolled_back("n1")),
        both(DELETED, rolled_back("n1")),
    ),
    Story(
        Kind.FLIPPED,
        "what did not show where nobody can bring it since does not show later",
        (
            *EVERYWHERE,
            both(N1_RETITLES, N2_RETITLES, rolled_back("n2")),
            sights({"c1": T2}, None, {"c1": T2}),
        ),
        sights({"c1": T3}, None, {"c1": T3}),
        sights({"c1": T2}, None, {"c1": T2}),
    ),
    Story(
        Kind.FLIPPED,
        "a row that one of two late deletes took does not come back",
        (
            *EVERYWHERE,
            APART,
            (Delete("n1", "cases", "c1"), LOST),
            (Delete("n1", "cases", "c1"), LOST),
            sights(EMPTY, C1, C1),
        ),
        sights(C1, C1, C1),
        sights(EMPTY, C1, C1),
    ),
    Story(
        Kind.FLIPPED,
        "a change that was asked before the delete does not show after it",
        (
            *EVERYWHERE,
            in_a_row(
                (retitle("n2", "c1", "t2"), LOST),
                (Crash("n1"), OK),
                (Delete("n2", "cases", "c1"), OK),
            ),
            sights(EMPTY, EMPTY, EMPTY),
            (Restart("n1"), OK),
        ),
        everywhere(c1=T2),
        everywhere(),
    ),
    Story(
        Kind.WRONGLY_ACCEPTED,
        "what was asked before a delete does not show on its node after it, before any rest",
        (*EVERYWHERE, APART, in_a_row((retitle("n1", "c1", "t2"), LOST), DELETED)),
        DELETED,
        N1_SHOWS_NOTHING,
    ),
    Story(
        Kind.FLIPPED,
        "a create that got no answer needs the row to be away",
        (*EVERYWHERE, (create("n1", "c1", "t2"), LOST)),
        everywhere(c1=T2),
        everywhere(c1=T1),
    ),
    Story(
        Kind.LEAKED,
        "what lands late crosses no link that was cut by then",
        (
            (create("n1", "c1", "t1"), LOST),
            everywhere(),
            APART,
            sights(EMPTY, EMPTY, EMPTY),
        ),
        sights(C1, C1, NO_C1),
        sights(C1, NO_C1, NO_C1),
    ),
    Story(
        Kind.WRONGLY_ACCEPTED,
        "two creates at once are not both accepted, though others may arrive",
        (),
        both(CREATED, (create("n1", "c1", "t2"), row("t2")), (create("n2", "c1", "t3"), row("t3"))),
        both(CREATED, DELETED, (create("n1", "c1", "t2"), row("t2"))),
    ),
    Story(
        Kind.WRONGLY_ACCEPTED,
        "two deletes at once do not both find a row that merges by field",
        EVERYWHERE,
        both(DELETED, DELETED),
        both(DELETED, N1_SHOWS_NOTHING),
        BY_FIELD,
    ),
    Story(
        Kind.STALE,
        "an increment rests on the create that its node showed",
        (in_a_row(CREATED, (count("n2", "c1", 1), row("t1", 1))),),
        everywhere(c1=T1),
        everywhere(c1=("t1", 1)),
        SUMS,
    ),
    Story(
        Kind.WRONGLY_REFUSED,
        "a minority says nothing of its rows",
        (*EVERYWHERE, N3_ALONE),
        (create("n3", "c1", "t2"), refused("exists")),
        (create("n3", "c1", "t2"), refused("no_quorum")),
        QUORUM,
    ),
]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_it_is_seen(story: Story) -> None:
    check_raised(story)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_and_no_more_than_that(story: Story) -> None:
    check_near(story)


def test_it_shows_once_it_may_have_come_anew() -> None:
    """n1 may not have known n2's title when it showed its own; it may know it by now."""
    apart = (*EVERYWHERE, APART, N1_RETITLES, N2_RETITLES, sights({"c1": T2}, {"c1": T3}, C1))
    told((*apart, (Mend("n2", "n1"), OK), sights({"c1": T3}, {"c1": T3}, C1)), Guarantees())


def test_a_late_request_may_land_once_there_is_something_to_change() -> None:
    """The title was asked for before the delete, and lands after the next create."""
    asked = ((retitle("n1", "c1", "t2"), LOST), DELETED, everywhere())
    again = ((create("n1", "c1", "t3"), row("t3")), everywhere(c1=T2))
    told((*EVERYWHERE, *asked, *again), Guarantees())


def test_a_tombstone_may_come_unseen_where_nothing_showed() -> None:
    """n2 lacks the row at that rest, or knows that it is deleted: so it may never show it."""
    cut = (
        in_a_row(CREATED, (Cut("n1", "n2"), OK), (Cut("n1", "n3"), OK)),
        sights(C1, NO_C1, NO_C1),
    )
    told((*cut, (Mend("n1", "n2"), OK), sights(C1, C1, C1)), Guarantees())
    beside = (CREATED, both(DELETED, APART), sights(EMPTY, EMPTY, EMPTY))
    told((in_a_row(*beside[:2]), beside[2], (Mend("n1", "n2"), OK), everywhere()), Guarantees())
