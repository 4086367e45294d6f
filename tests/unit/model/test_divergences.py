"""Every name of a wrong sight: where it is raised, and a near miss where it must not be.

Wrong answers and the control plane are in `test_answers`.
"""

from __future__ import annotations

import pytest
from stories import (
    APART,
    C1,
    CONFLICT,
    CREATED,
    DELETED,
    EMPTY,
    EVENT,
    EVERYWHERE,
    HAS_EVENT,
    HEALED,
    KEEPS_LOG,
    LOST,
    N1_RETITLES,
    N3_ALONE,
    N3_RETITLES,
    NO_C1,
    NODES,
    OK,
    ONLY_RESYNC,
    T1,
    T2,
    T3,
    TWO_TOMBSTONES,
    WALLCLOCK,
    Moment,
    Sight,
    Story,
    both,
    chain,
    check_near,
    check_raised,
    count,
    create,
    everywhere,
    in_a_row,
    retitle,
    rolled_back,
    rolled_out,
    row,
    sights,
    told,
)

from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import Outcome
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.model.well_formed import check_form
from syncmodel.steps import Crash, Cut, Delete, Mend, Restart, Resync, Step
from syncmodel.targets.wire import SUPERTEST

CASE_1, CASE_2 = Row("cases", "c1"), Row("cases", "c2")


def value(title: str) -> Value:
    """A case that nobody counted on."""
    return Value((("title", title), ("counter", 0)))


def perhaps(node: str, by: int) -> tuple[Step, Outcome]:
    """An increment that nobody heard of again."""
    return (count(node, "c1", by), LOST)


#: The case after 1 and 2, and after 4 and 8.
THREE = {"c1": ("t1", 3)}
TWELVE = {"c1": ("t1", 12)}

MISSING = [
    Story(Kind.MISSING, "a row never came", (CREATED,), sights(C1, C1, NO_C1), everywhere(c1=T1)),
    Story(
        Kind.MISSING,
        "only a cut excuses",
        (N3_ALONE, CREATED),
        sights(C1, NO_C1, NO_C1),
        sights(C1, C1, NO_C1),
    ),
    Story(
        Kind.MISSING,
        "an event is dropped on the way",
        (CREATED, EVENT),
        sights(HAS_EVENT, C1, C1),
        everywhere(**HAS_EVENT),
    ),
    Story(
        Kind.MISSING,
        "what was acknowledged outlives a crash",
        (APART, CREATED, (Crash("n1"), OK), (Restart("n1"), OK)),
        sights(NO_C1, NO_C1, NO_C1),
        sights(C1, NO_C1, NO_C1),
    ),
    Story(
        Kind.MISSING,
        "what was only perhaps accepted need not be there",
        ((create("n1", "c1", "t1"), LOST), everywhere(c1=T1)),
        everywhere(),
        everywhere(c1=T1),
    ),
    Story(
        Kind.MISSING,
        "what peers know comes back after a rollback",
        (*EVERYWHERE, rolled_back("n1"), sights(None, C1, C1), rolled_out("n1")),
        sights(NO_C1, C1, C1),
        everywhere(c1=T1),
    ),
    Story(
        Kind.MISSING,
        "a link that is mended brings what was missing, though nothing else changed",
        (
            everywhere(),
            in_a_row(CREATED, APART),
            sights(C1, NO_C1, NO_C1),
            (Mend("n1", "n2"), OK),
        ),
        sights(C1, NO_C1, NO_C1),
        sights(C1, C1, NO_C1),
    ),
    Story(
        Kind.MISSING,
        "a rollback drops the log of its own node only",
        (APART, CREATED, (create("n2", "c2", "t2"), row("t2")), rolled_back("n1")),
        sights(None, EMPTY, EMPTY),
        sights(None, {"c2": T2}, EMPTY),
    ),
    Story(
        Kind.MISSING,
        "where a rollback keeps the log, rows come back",
        (APART, CREATED, rolled_back("n1"), rolled_out("n1")),
        sights(NO_C1, NO_C1, NO_C1),
        sights(C1, NO_C1, NO_C1),
        KEEPS_LOG,
    ),
    Story(
        Kind.MISSING,
        "where rows are not passed on, only neighbours hear",
        ((Cut("n1", "n3"), OK), CREATED),
        sights(C1, NO_C1, NO_C1),
        sights(C1, C1, NO_C1),
        Guarantees(passes_on=False),
    ),
    Story(
        Kind.MISSING,
        "where only a resync catches up, it does",
        (N3_ALONE, CREATED, HEALED, sights(C1, C1, NO_C1), (Resync("n3"), OK)),
        sights(C1, C1, NO_C1),
        everywhere(c1=T1),
        ONLY_RESYNC,
    ),
]
OLD = [
    Story(
        Kind.RESURRECTED,
        "a deleted row is back",
        (*EVERYWHERE, DELETED),
        sights(NO_C1, NO_C1, C1),
        everywhere(),
    ),
    Story(
        Kind.RESURRECTED,
        "created again is not resurrected",
        (
            *EVERYWHERE,
            DELETED,
            everywhere(),
            (create("n2", "c1", "t2"), row("t2")),
            (Delete("n2", "cases", "c1"), OK),
        ),
        everywhere(c1=T2),
        everywhere(),
    ),
    Story(
        Kind.RESURRECTED,
        "a delete that was not acknowledged need not have happened",
        (*EVERYWHERE, (Delete("n1", "cases", "c1"), LOST), everywhere()),
        everywhere(c1=T1),
        everywhere(),
    ),
    Story(
        Kind.STALE,
        "an update is undone",
        (*EVERYWHERE, N1_RETITLES),
        everywhere(c1=T1),
        everywhere(c1=T2),
    ),
    Story(
        Kind.STALE,
        "behind a cut the old version shows",
        (*EVERYWHERE, N3_ALONE, N1_RETITLES),
        sights({"c1": T2}, C1, C1),
        sights({"c1": T2}, {"c1": T2}, C1),
    ),
    Story(
        Kind.STALE,
        "an update is made on an old version",
        (*EVERYWHERE, (count("n1", "c1", 1), row("t1", 1))),
        (retitle("n1", "c1", "t2"), row("t2", 0)),
        (retitle("n1", "c1", "t2"), row("t2", 1)),
    ),
    Story(
        Kind.INVENTED,
        "an increment is made on what never was",
        EVERYWHERE,
        (count("n1", "c1", 1), row("t2", 1)),
        (count("n1", "c1", 1), row("t1", 1)),
    ),
    Story(
        Kind.STALE,
        "an increment is made on an old version",
        (*EVERYWHERE, N1_RETITLES),
        (count("n1", "c1", 1), row("t1", 1)),
        (count("n1", "c1", 1), row("t2", 1)),
    ),
]
CHOSEN = [
    Story(
        Kind.DISAGREEMENT,
        "once they hear each other they agree, though what they show may be several versions",
        (
            *EVERYWHERE,
            in_a_row(
                perhaps("n1", 1), perhaps("n1", 2), perhaps("n3", 4), perhaps("n3", 8), N3_ALONE
            ),
            sights(THREE, THREE, TWELVE),
            HEALED,
        ),
        sights(THREE, THREE, TWELVE),
        sights(THREE, THREE, THREE),
    ),
    Story(
        Kind.DISAGREEMENT,
        "a conflict is settled one way",
        CONFLICT,
        sights({"c1": T2}, {"c1": T2}, {"c1": T3}),
        everywhere(c1=T3),
    ),
    Story(
        Kind.DISAGREEMENT,
        "nodes that know the same agree though they do not hear each other",
        chain(N1_RETITLES, N3_RETITLES),
        sights({"c1": T2}, {"c1": T3}, {"c1": T3}),
        sights({"c1": T2}, {"c1": T2}, {"c1": T3}),
    ),
    Story(
        Kind.DISAGREEMENT,
        "one shows the row and one its absence",
        chain(DELETED, N3_RETITLES),
        sights({"c1": T3}, EMPTY, {"c1": T3}),
        sights(EMPTY, EMPTY, {"c1": T3}),
    ),
    Story(
        Kind.FLIPPED,
        "a settled winner loses",
        (*CONFLICT, everywhere(c1=T3)),
        everywhere(c1=T2),
        everywhere(c1=T3),
    ),
    Story(
        Kind.FLIPPED,
        "the winner is the same wherever both are known",
        (
            *chain(N1_RETITLES, N3_RETITLES),
            sights({"c1": T2}, {"c1": T2}, {"c1": T3}),
            HEALED,
        ),
        everywhere(c1=T3),
        everywhere(c1=T2),
    ),
    Story(
        Kind.FLIPPED,
        "one of two tombstones won",
        TWO_TOMBSTONES,
        everywhere(c1=T3),
        everywhere(),
    ),
    Story(
        Kind.FLIPPED,
        "a row that had beaten a tombstone is gone",
        (*chain(DELETED, N3_RETITLES), sights({"c1": T3}, {"c1": T3}, {"c1": T3})),
        sights(EMPTY, {"c1": T3}, {"c1": T3}),
        sights({"c1": T3}, {"c1": T3}, {"c1": T3}),
    ),
]
INCREMENTS_LOST = (
    *EVERYWHERE,
    (count("n1", "c1", 1), LOST),
    (count("n2", "c1", 2), LOST),
)
WRONG = [
    Story(Kind.INVENTED, "a value nobody wrote", EVERYWHERE, everywhere(c1=T2), everywhere(c1=T1)),
    Story(
        Kind.INVENTED,
        "a mixture of two writes",
        (
            *EVERYWHERE,
            N3_ALONE,
            N1_RETITLES,
            (count("n3", "c1", 1), row("t1", 1)),
            HEALED,
        ),
        everywhere(c1=("t2", 1)),
        everywhere(c1=("t1", 1)),
    ),
    Story(
        Kind.INVENTED,
        "unknown increments add up, and to nothing else",
        INCREMENTS_LOST,
        everywhere(c1=("t1", 4)),
        everywhere(c1=("t1", 3)),
    ),
    Story(
        Kind.INVENTED,
        "an unknown increment rests on what its node has lost since",
        (*INCREMENTS_LOST[:-1], rolled_back("n1")),
        sights(None, {"c1": ("t1", 2)}, {"c1": ("t1", 2)}),
        sights(None, {"c1": ("t1", 1)}, {"c1": ("t1", 1)}),
    ),
    Story(
        Kind.INVENTED,
        "another title is stored",
        EVERYWHERE,
        (N1_RETITLES[0], row("t9")),
        N1_RETITLES,
    ),
    Story(
        Kind.INVENTED, "an answer without the row", EVERYWHERE, (N1_RETITLES[0], OK), N1_RETITLES
    ),
    Story(
        Kind.INVENTED,
        "an event with another body",
        (CREATED, EVENT),
        everywhere(c1=T1, e1=("c1", "b2")),
        everywhere(**HAS_EVENT),
    ),
    Story(
        Kind.DUPLICATED,
        "the same row twice",
        (*EVERYWHERE, (create("n1", "c2", "t2"), row("t2"))),
        Sight({"n1": View(((CASE_1, value("t1")), (CASE_1, value("t1")), (CASE_2, value("t2"))))}),
        everywhere(c1=T1, c2=T2),
    ),
    Story(
        Kind.ORPHAN,
        "an event shows whose case is deleted",
        (CREATED, EVENT, everywhere(**HAS_EVENT), DELETED),
        everywhere(e1=("c1", "b1")),
        everywhere(),
    ),
    Story(
        Kind.LEAKED,
        "a row crosses a cut",
        (N3_ALONE, CREATED),
        everywhere(c1=T1),
        sights(C1, C1, NO_C1),
    ),
    Story(
        Kind.LEAKED,
        "what was written before the cut may have crossed",
        (
            in_a_row((create("n1", "c2", "t2"), row("t2")), N3_ALONE, CREATED),
            sights({"c1": T1, "c2": T2}, {"c1": T1, "c2": T2}, {"c2": T2}),
        ),
        everywhere(c1=T1, c2=T2),
        sights({"c1": T1, "c2": T2}, {"c1": T1, "c2": T2}, {"c2": T2}),
    ),
    Story(
        Kind.LEAKED,
        "a row is back that a rollback dropped everywhere",
        (*EVERYWHERE, rolled_back(*NODES), rolled_out(*NODES)),
        everywhere(c1=T1),
        everywhere(),
    ),
    Story(
        Kind.LEAKED,
        "what only one node knew is lost with its log",
        (APART, CREATED, rolled_back("n1"), rolled_out("n1")),
        sights(C1, EMPTY, EMPTY),
        everywhere(),
    ),
]
STORIES = [*MISSING, *OLD, *CHOSEN, *WRONG]
#: `not settled`, `ended` and `invariant` stand beside the table: no belief is needed to see them.
ELSEWHERE = {
    Kind.WRONGLY_ACCEPTED,
    Kind.WRONGLY_REFUSED,
    Kind.GAP,
    Kind.STALE_READ,
    Kind.READ_YOUR_WRITES,
    Kind.MONOTONIC_READS,
    Kind.WRITES_FOLLOW_READS,
    Kind.CONTROL_PLANE,
    Kind.NOT_SETTLED,
    Kind.ENDED,
    Kind.INVARIANT,
}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_raised(story: Story) -> None:
    check_raised(story)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_near_miss(story: Story) -> None:
    check_near(story)


CASE_ONE, CASE_TWO = (Row("cases", f"c{number}") for number in (1, 2))


def wrong_with(*views: View) -> set[tuple[Kind, Row | None]]:
    """What is wrong with the last of these views, shown one after another, whatever was written."""
    net = fully_connected(SUPERTEST, 1)
    for one in views[:-1]:
        check_form(net, {"n1": one})
    with pytest.raises(DivergenceFound) as found:
        check_form(net, {"n1": views[-1]})
    return {(one.kind, one.row) for one in found.value.divergences}


def test_what_is_wrong_with_a_row_is_said_of_that_row_and_of_each() -> None:
    one, other = (Value((("title", title), ("counter", 0))) for title in ("t1", "t2"))
    event = Value((("case", "c9"), ("body", "b1")))
    twice = View(((CASE_ONE, one), (CASE_ONE, other), (CASE_TWO, one)))
    whole = View(((CASE_ONE, one), (CASE_TWO, one)))
    later = View((*whole.rows, (CASE_ONE, other)))
    assert wrong_with(twice) == {(Kind.DUPLICATED, CASE_ONE)}
    assert wrong_with(whole, later) == {(Kind.DUPLICATED, CASE_ONE)}
    narrow = Value((("title", "t1"),))
    bad = View(((CASE_ONE, narrow), (CASE_TWO, narrow), (Row("events", "e1"), event)))
    assert wrong_with(bad) == {
        (Kind.CONTROL_PLANE, CASE_ONE),
        (Kind.CONTROL_PLANE, CASE_TWO),
        (Kind.ORPHAN, Row("events", "e1")),
    }


DELETE_LOST, CREATE_LOST = (DELETED[0], LOST), (CREATED[0], LOST)


@pytest.mark.parametrize(
    ("moments", "where", "expected", "shown"),
    [
        ((*EVERYWHERE, everywhere()), "missing: n1", "title t1, counter 0", "nothing"),
        (
            (*EVERYWHERE, DELETED, everywhere(c1=T1)),
            *("resurrected: n1", "deleted", "title t1, counter 0"),
        ),
        (
            (*EVERYWHERE, DELETE_LOST, everywhere(c1=T2)),
            *("invented: n1", "title t1, counter 0, or deleted", "title t2, counter 0"),
        ),
        (
            (CREATE_LOST, everywhere(c1=T2)),
            *("invented: n1", "title t1, counter 0, or nothing", "title t2, counter 0"),
        ),
        (
            (N3_ALONE, CREATED, sights(C1, C1, C1)),
            *("leaked: n3", "nothing", "title t1, counter 0"),
        ),
    ],
)
def test_a_divergence_is_one_sentence(
    moments: tuple[Moment, ...], where: str, expected: str, shown: str
) -> None:
    kind, node = where.split(": ")
    with pytest.raises(DivergenceFound) as found:
        told(moments, Guarantees())
    sentence = f"{kind}: cases/c1 on {node}: expected {expected}; shown: {shown}"
    assert str(found.value) == sentence


def test_every_name_has_a_story() -> None:
    assert {story.kind for story in STORIES} == set(Kind) - ELSEWHERE


@pytest.mark.parametrize(
    ("moments", "guarantees"),
    [
        pytest.param(
            (*EVERYWHERE, N1_RETITLES, everywhere(c1=T1)), WALLCLOCK, id="an update may lose"
        ),
        pytest.param(
            (in_a_row(CREATED, (Restart("n3"), OK)), sights(C1, C1, NO_C1)),
            ONLY_RESYNC,
            id="a restart may lose what was under way",
        ),
        pytest.param(
            (N3_ALONE, CREATED, HEALED, (Resync("n3"), LOST), sights(C1, C1, NO_C1)),
            ONLY_RESYNC,
            id="a resync that nobody confirmed",
        ),
        pytest.param(
            (N3_ALONE, CREATED, both(HEALED, (Resync("n3"), OK)), sights(C1, C1, NO_C1)),
            ONLY_RESYNC,
            id="a resync before the heal",
        ),
        pytest.param(
            (
                N3_ALONE,
                CREATED,
                (Crash("n1"), OK),
                (Crash("n2"), OK),
                HEALED,
                (Resync("n3"), OK),
                (Restart("n1"), OK),
                (Restart("n2"), OK),
                sights(C1, C1, NO_C1),
            ),
            ONLY_RESYNC,
            id="a resync with nobody there",
        ),
        pytest.param(
            (*CONFLICT, sights({"c1": T2}, {"c1": T2}, {"c1": T3})),
            ONLY_RESYNC,
            id="a conflict that only a resync settles",
        ),
        pytest.param(
            (N3_ALONE, CREATED, HEALED, (Resync("n1"), OK), sights(C1, C1, NO_C1)),
            ONLY_RESYNC,
            id="another node's resync",
        ),
    ],
)
def test_promises(moments: tuple[Moment, ...], guarantees: Guarantees) -> None:
    told(moments, guarantees)
