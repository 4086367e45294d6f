"""Every name in the table of divergences: where it is raised, and a near miss where it must not be.

Each story is written with the words of docs/semantics.md: steps with hand-made answers, then what
each node shows. The last sight is the one that is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve
from stories import (
    EMPTY,
    LOST,
    NODES,
    OK,
    Moment,
    Sight,
    Story,
    both,
    event,
    everywhere,
    in_a_row,
    rolled_back,
    rolled_out,
    row,
    sights,
    told,
)

from syncmodel.errors import InvalidRunError
from syncmodel.model.control import TABLES, compare_control
from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.outcome import refused
from syncmodel.model.values import Case
from syncmodel.model.view import ControlView, View
from syncmodel.model.world import initial
from syncmodel.steps import (
    Crash,
    CreateCase,
    CreateEvent,
    Cut,
    DeleteCase,
    DeleteEvent,
    Heal,
    IncrementCase,
    Mend,
    Partition,
    Refused,
    Restart,
    Resync,
    Rollback,
    Rollout,
    UpdateCase,
)

T1, T2, T3 = ("t1", 0), ("t2", 0), ("t3", 0)
CREATED = (CreateCase("n1", "c1", "t1"), row("t1"))
EVENT = (CreateEvent("n1", "e1", "c1", "b1"), event("c1", "b1"))
DELETED = (DeleteCase("n1", "c1"), OK)
EVERYWHERE = (CREATED, everywhere(c1=T1))
N1_RETITLES = (UpdateCase("n1", "c1", "t2"), row("t2"))
N3_RETITLES = (UpdateCase("n3", "c1", "t3"), row("t3"))
N3_ALONE = (Partition((("n1", "n2"), ("n3",))), OK)
APART = (Partition(()), OK)
HEALED = (Heal(), OK)
C1: dict[str, Any] = {"c1": T1}
NO_C1: dict[str, Any] = {}
HAS_EVENT: dict[str, Any] = {"c1": T1, "e1": ("c1", "b1")}
#: n1 and n3 retitled the same case, neither knowing of the other; then the network healed.
CONFLICT = (
    *EVERYWHERE,
    N3_ALONE,
    N1_RETITLES,
    N3_RETITLES,
    sights({"c1": T2}, {"c1": T2}, {"c1": T3}),
    HEALED,
)
#: n1 and n2 deleted a case that n3 retitled; all settled for a tombstone, nobody knows for which.
TWO_TOMBSTONES = (
    *EVERYWHERE,
    APART,
    DELETED,
    (DeleteCase("n2", "c1"), OK),
    N3_RETITLES,
    sights(EMPTY, EMPTY, {"c1": T3}),
    HEALED,
    everywhere(),
)
ONLY_RESYNC = Guarantees(heal_catches_up=False)
KEEPS_LOG = Guarantees(rollback_keeps_log=True)
WALLCLOCK = Guarantees(policies={"cases": "wallclock-lww", "events": "wallclock-lww"})


def chain(*writes: Moment) -> tuple[Moment, ...]:
    """Writes while all are apart; then n1 hears n3 and n2 hears n1, and nobody hears back."""
    return (*EVERYWHERE, APART, *writes, (Mend("n3", "n1"), OK), (Mend("n1", "n2"), OK))


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
        ((CreateCase("n1", "c1", "t1"), LOST), everywhere(c1=T1)),
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
        "a rollback drops the log of its own node only",
        (APART, CREATED, (CreateCase("n2", "c2", "t2"), row("t2")), rolled_back("n1")),
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
            (CreateCase("n2", "c1", "t2"), row("t2")),
            (DeleteCase("n2", "c1"), OK),
        ),
        everywhere(c1=T2),
        everywhere(),
    ),
    Story(
        Kind.RESURRECTED,
        "a delete that was not acknowledged need not have happened",
        (*EVERYWHERE, (DeleteCase("n1", "c1"), LOST), everywhere()),
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
        (*EVERYWHERE, (IncrementCase("n1", "c1", 1), row("t1", 1))),
        (UpdateCase("n1", "c1", "t2"), row("t2", 0)),
        (UpdateCase("n1", "c1", "t2"), row("t2", 1)),
    ),
    Story(
        Kind.STALE,
        "an increment is made on an old version",
        (*EVERYWHERE, N1_RETITLES),
        (IncrementCase("n1", "c1", 1), row("t1", 1)),
        (IncrementCase("n1", "c1", 1), row("t2", 1)),
    ),
]
CHOSEN = [
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
    (IncrementCase("n1", "c1", 1), LOST),
    (IncrementCase("n2", "c1", 2), LOST),
)
WRONG = [
    Story(Kind.INVENTED, "a value nobody wrote", EVERYWHERE, everywhere(c1=T2), everywhere(c1=T1)),
    Story(
        Kind.INVENTED,
        "a mixture of two writes",
        (*EVERYWHERE, N3_ALONE, N1_RETITLES, (IncrementCase("n3", "c1", 1), row("t1", 1)), HEALED),
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
        (*EVERYWHERE, (CreateCase("n1", "c2", "t2"), row("t2"))),
        Sight({"n1": View((("c1", Case("t1", 0)), ("c1", Case("t1", 0)), ("c2", Case("t2", 0))))}),
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
            in_a_row((CreateCase("n1", "c2", "t2"), row("t2")), N3_ALONE, CREATED),
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
DELETE_AND_RETITLE = both(DELETED, (N1_RETITLES[0], row("t2")))
ANSWERS = [
    Story(
        Kind.WRONGLY_ACCEPTED,
        "a row that is there can't be created",
        EVERYWHERE,
        (CreateCase("n2", "c1", "t2"), row("t2")),
        (CreateCase("n2", "c1", "t2"), refused("exists")),
    ),
    Story(
        Kind.WRONGLY_ACCEPTED,
        "a row that is gone can't be updated, save before it went",
        (*EVERYWHERE, DELETED),
        N1_RETITLES,
        (N1_RETITLES[0], refused("no_such_row")),
    ),
    Story(
        Kind.WRONGLY_ACCEPTED,
        "a row that may be gone may be updated",
        EVERYWHERE,
        both(N1_RETITLES, (CreateCase("n2", "c1", "t3"), row("t3"))),
        DELETE_AND_RETITLE,
    ),
    Story(
        Kind.WRONGLY_ACCEPTED,
        "an event needs its case",
        (*EVERYWHERE, DELETED, everywhere()),
        EVENT,
        (EVENT[0], refused("missing_case")),
    ),
    Story(
        Kind.WRONGLY_ACCEPTED,
        "a node without the plugin accepts nothing",
        (*EVERYWHERE, rolled_back("n1")),
        N1_RETITLES,
        (N1_RETITLES[0], refused("no_plugin")),
    ),
    Story(
        Kind.WRONGLY_ACCEPTED,
        "a bad request",
        (),
        (Refused(DELETED[0], "no_such_row"), OK),
        (Refused(DELETED[0], "no_such_row"), refused("no_such_row")),
    ),
    Story(
        Kind.WRONGLY_REFUSED,
        "a bad request is refused with its own error",
        (),
        (Refused(DELETED[0], "no_such_row"), refused("malformed")),
        (Refused(DELETED[0], "no_such_row"), refused("no_such_row")),
    ),
    Story(
        Kind.WRONGLY_REFUSED,
        "a row that was never there does not exist",
        (),
        (CREATED[0], refused("exists")),
        CREATED,
    ),
    Story(
        Kind.WRONGLY_REFUSED,
        "a row that a healed link may bring may exist",
        (APART, CREATED, sights(C1, EMPTY, EMPTY)),
        (CreateCase("n2", "c1", "t2"), refused("exists")),
        both((CreateCase("n2", "c1", "t2"), refused("exists")), HEALED),
    ),
    Story(
        Kind.WRONGLY_REFUSED,
        "a row that is there can be updated, save once it is gone",
        EVERYWHERE,
        (N1_RETITLES[0], refused("no_such_row")),
        both(DELETED, (N1_RETITLES[0], refused("no_such_row"))),
    ),
    Story(
        Kind.WRONGLY_REFUSED,
        "an event that is hidden exists",
        (CREATED, EVENT, everywhere(**HAS_EVENT), DELETED, everywhere()),
        (CreateEvent("n2", "e1", "c1", "b2"), refused("missing_case")),
        (CreateEvent("n2", "e1", "c1", "b2"), refused("exists")),
    ),
    Story(
        Kind.WRONGLY_REFUSED,
        "an event that is hidden can be deleted",
        (CREATED, EVENT, everywhere(**HAS_EVENT), DELETED, everywhere()),
        (DeleteEvent("n2", "e1"), refused("no_such_row")),
        (DeleteEvent("n2", "e1"), OK),
    ),
    Story(
        Kind.WRONGLY_REFUSED,
        "a node that runs can be reached, save in the moment of a crash",
        EVERYWHERE,
        (N1_RETITLES[0], refused("unreachable")),
        both((Crash("n1"), OK), (N1_RETITLES[0], refused("unreachable"))),
    ),
]
CONTROL = [
    Story(
        Kind.CONTROL_PLANE,
        "the plugin API is gone",
        EVERYWHERE,
        sights(C1, C1, None),
        everywhere(c1=T1),
    ),
    Story(
        Kind.CONTROL_PLANE,
        "the plugin API outlives a rollback",
        (*EVERYWHERE, rolled_back("n3")),
        everywhere(c1=T1),
        sights(C1, C1, None),
    ),
    Story(
        Kind.CONTROL_PLANE,
        "a rollback is refused",
        (),
        (Rollback(("n1",), 1), refused("not_ready")),
        rolled_back("n1"),
    ),
    Story(
        Kind.CONTROL_PLANE,
        "a resync is refused; a timeout is never a refusal",
        (),
        (Resync("n1"), refused("not_ready")),
        (Resync("n1"), LOST),
    ),
    Story(
        Kind.CONTROL_PLANE,
        "a resync may meet a crash",
        (),
        both(HEALED, (Resync("n1"), refused("unreachable"))),
        both((Crash("n1"), OK), (Resync("n1"), refused("unreachable"))),
    ),
]
STORIES = [*MISSING, *OLD, *CHOSEN, *WRONG, *ANSWERS, *CONTROL]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_raised(story: Story) -> None:
    told(story.before, story.guarantees)
    with pytest.raises(DivergenceFound) as found:
        told((*story.before, story.raised), story.guarantees)
    assert {divergence.kind for divergence in found.value.divergences} == {story.kind}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_near_miss(story: Story) -> None:
    told((*story.before, story.near), story.guarantees)


def test_every_name_has_a_story() -> None:
    """`not settled` stands beside the table: no belief is needed to see it."""
    assert {story.kind for story in STORIES} == set(Kind) - {Kind.NOT_SETTLED}


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


HEALTHY = ControlView(2, 2, (2, 2), 1, TABLES, healthy=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"selected": 3},
        {"running": 1},
        {"links": (2, 1)},
        {"plugin": None},
        {"plugin": 2},
        {"tables": ("supertest_cases",)},
        {"healthy": False},
    ],
    ids=str,
)
def test_control_plane(wrong: Mapping[str, Any]) -> None:
    belief = initial().belief
    compare_control(belief, {"n1": HEALTHY, "n2": HEALTHY})
    with pytest.raises(DivergenceFound) as found:
        compare_control(belief, {"n1": HEALTHY, "n2": evolve(HEALTHY, **wrong)})
    assert [(d.kind, d.node) for d in found.value.divergences] == [(Kind.CONTROL_PLANE, "n2")]


def test_a_cluster_with_a_cut_or_a_dead_node_may_call_itself_unhealthy() -> None:
    sick = evolve(HEALTHY, healthy=False)
    for fault in ((Cut("n1", "n2"), OK), (Crash("n3"), OK)):
        compare_control(told((fault,), Guarantees()), {"n1": sick})
    with pytest.raises(DivergenceFound):
        compare_control(told(((Crash("n3"), OK), (Restart("n3"), OK)), Guarantees()), {"n1": sick})


def test_a_dropped_table_must_be_gone() -> None:
    bare = ControlView(1, 1, (1, 1), None, (), healthy=True)
    belief = told((rolled_back("n1"),), Guarantees())
    compare_control(belief, {"n1": bare, "n2": HEALTHY})
    with pytest.raises(DivergenceFound, match="tables"):
        compare_control(belief, {"n1": evolve(bare, tables=TABLES)})


@pytest.mark.parametrize(
    "moment",
    [(Rollout(("n1",), 3), LOST), (Refused(DELETED[0], "no_such_row"), LOST)],
    ids=str,
)
def test_where_nothing_could_be_said_any_more_the_run_is_invalid(moment: Moment) -> None:
    with pytest.raises(InvalidRunError):
        told((moment,), Guarantees())
