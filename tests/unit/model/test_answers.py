"""Answers that can't be, and a control plane that is not as its generation has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest
from msgspec.structs import replace
from stories import (
    APART,
    C1,
    CREATED,
    DELETED,
    EMPTY,
    EVENT,
    EVERYWHERE,
    HAS_EVENT,
    HEALED,
    LOST,
    N1_RETITLES,
    NET,
    OK,
    T1,
    Moment,
    Story,
    attach,
    both,
    check_near,
    check_raised,
    count,
    create,
    everywhere,
    rolled_back,
    row,
    sights,
    told,
)

from syncmodel.errors import InvalidRunError
from syncmodel.model.control import compare_control
from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.outcome import accepted, refused
from syncmodel.model.view import ControlView
from syncmodel.model.world import initial
from syncmodel.steps import Crash, Cut, Delete, Refused, Restart, Resync, Rollback, Rollout

TABLES = ("cases", "events")
DELETE_AND_RETITLE = both(DELETED, (N1_RETITLES[0], row("t2")))
ANSWERS = [
    Story(
        Kind.WRONGLY_ACCEPTED,
        "a row that is there can't be created",
        EVERYWHERE,
        (create("n2", "c1", "t2"), row("t2")),
        (create("n2", "c1", "t2"), refused("exists")),
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
        both(N1_RETITLES, (create("n2", "c1", "t3"), row("t3"))),
        DELETE_AND_RETITLE,
    ),
    Story(
        Kind.WRONGLY_ACCEPTED,
        "of two creates at once one is too late",
        (),
        both(CREATED, (create("n1", "c1", "t2"), row("t2"))),
        both(CREATED, (create("n2", "c1", "t2"), row("t2"))),
    ),
    Story(
        Kind.WRONGLY_ACCEPTED,
        "of two increments at once none is lost",
        EVERYWHERE,
        both(
            (count("n1", "c1", 1), row("t1", 1)),
            (count("n1", "c1", 2), row("t1", 2)),
        ),
        both(
            (count("n1", "c1", 1), row("t1", 3)),
            (count("n1", "c1", 2), row("t1", 2)),
        ),
    ),
    Story(
        Kind.WRONGLY_ACCEPTED,
        "a row deleted twice was created in between, perhaps elsewhere",
        EVERYWHERE,
        both(DELETED, DELETED),
        both(DELETED, DELETED, (create("n2", "c1", "t2"), row("t2"))),
    ),
    Story(
        Kind.WRONGLY_ACCEPTED,
        "an event needs its case",
        (*EVERYWHERE, DELETED, everywhere()),
        EVENT,
        (EVENT[0], refused("missing_reference")),
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
        (create("n2", "c1", "t2"), refused("exists")),
        both((create("n2", "c1", "t2"), refused("exists")), HEALED),
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
        (attach("n2", "e1", "c1", "b2"), refused("missing_reference")),
        (attach("n2", "e1", "c1", "b2"), refused("exists")),
    ),
    Story(
        Kind.WRONGLY_REFUSED,
        "an event that is hidden can be deleted",
        (CREATED, EVENT, everywhere(**HAS_EVENT), DELETED, everywhere()),
        (Delete("n2", "events", "e1"), refused("no_such_row")),
        (Delete("n2", "events", "e1"), OK),
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
STORIES = [*ANSWERS, *CONTROL]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_raised(story: Story) -> None:
    check_raised(story)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_near_miss(story: Story) -> None:
    check_near(story)


def test_every_name_has_a_story() -> None:
    assert {story.kind for story in STORIES} == {
        Kind.WRONGLY_ACCEPTED,
        Kind.WRONGLY_REFUSED,
        Kind.CONTROL_PLANE,
    }


HEALTHY = ControlView(2, 2, (2, 2), 1, TABLES, healthy=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"selected": 3},
        {"running": 1},
        {"links": (2, 1)},
        {"plugin": None},
        {"plugin": 2},
        {"tables": ("cases",)},
        {"stored": ("cases", "cases_old", "events")},
        {"stored": ()},
        {"columns": ()},
        {"contradictions": ("it says two things",)},
        {
            "columns": (
                "cases.counter",
                "cases.severity",
                "cases.title",
                "events.body",
                "events.case",
            )
        },
        {"healthy": False},
    ],
    ids=str,
)
def test_control_plane(wrong: Mapping[str, Any]) -> None:
    belief = initial(NET).belief
    compare_control(belief, {"n1": HEALTHY, "n2": HEALTHY})
    with pytest.raises(DivergenceFound) as found:
        compare_control(belief, {"n1": HEALTHY, "n2": replace(HEALTHY, **wrong)})
    # What could not be seen is not held against a node; all else is.
    (unseen,) = wrong
    compare_control(belief, {"n2": replace(HEALTHY, **wrong, unseen=frozenset({unseen}))})
    other = frozenset({"healthy" if unseen != "healthy" else "links"})
    with pytest.raises(DivergenceFound):
        compare_control(belief, {"n2": replace(HEALTHY, **wrong, unseen=other)})
    assert [(d.kind, d.node) for d in found.value.divergences] == [(Kind.CONTROL_PLANE, "n2")]


def test_a_view_that_somebody_filled_with_lists_is_judged_as_well() -> None:
    belief, listing = initial(NET).belief, cast("tuple[str, ...]", ["it is slow"])
    with pytest.raises(DivergenceFound):
        compare_control(belief, {"n1": replace(HEALTHY, contradictions=listing)})


def test_a_cluster_with_a_cut_or_a_dead_node_may_call_itself_unhealthy() -> None:
    sick = replace(HEALTHY, healthy=False)
    for fault in ((Cut("n1", "n2"), OK), (Crash("n3"), OK)):
        compare_control(told((fault,), Guarantees()), {"n1": sick})
    with pytest.raises(DivergenceFound):
        compare_control(told(((Crash("n3"), OK), (Restart("n3"), OK)), Guarantees()), {"n1": sick})


def test_a_dropped_table_must_be_gone() -> None:
    bare = ControlView(1, 1, (1, 1), None, (), healthy=True)
    belief = told((rolled_back("n1"),), Guarantees())
    compare_control(belief, {"n1": bare, "n2": HEALTHY})
    with pytest.raises(DivergenceFound, match="tables"):
        compare_control(belief, {"n1": replace(bare, tables=TABLES)})


def test_a_table_that_a_rollback_left_in_the_store_is_seen_without_the_plugin() -> None:
    bare = ControlView(1, 1, (1, 1), None, (), healthy=True)
    belief = told((rolled_back("n1"),), Guarantees())
    compare_control(belief, {"n1": replace(bare, stored=())})
    with pytest.raises(DivergenceFound, match="tables in the store"):
        compare_control(belief, {"n1": replace(bare, stored=("events_old",))})


def test_a_cluster_of_several_generations_that_is_whole_must_call_itself_healthy() -> None:
    belief = told((rolled_back("n1"),), Guarantees())
    compare_control(belief, {"n2": HEALTHY})
    with pytest.raises(DivergenceFound, match="healthy"):
        compare_control(belief, {"n2": replace(HEALTHY, healthy=False)})


@pytest.mark.parametrize(
    "moment",
    [(Rollout(("n1",), 3), LOST), (Refused(DELETED[0], "no_such_row"), LOST)],
    ids=str,
)
def test_where_nothing_could_be_said_any_more_the_run_is_invalid(moment: Moment) -> None:
    with pytest.raises(InvalidRunError):
        told((moment,), Guarantees())


@pytest.mark.parametrize("answer", [None, {"id": "c1", "deleted": True}, {"title": 3}], ids=str)
def test_what_the_answer_to_a_delete_carries_is_not_looked_at(
    answer: dict[str, Any] | None,
) -> None:
    deleted = (DELETED[0], accepted(answer))
    told((*EVERYWHERE, deleted, everywhere()), Guarantees())
    with pytest.raises(DivergenceFound, match=r"delete.*: accepted; .*delete.*: accepted"):
        told((*EVERYWHERE, both(deleted, deleted)), Guarantees())
