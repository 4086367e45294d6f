"""Nodes that leave, join and come back, and authors that are not trusted: what may be done, and
what may be true then.
"""

from __future__ import annotations

from typing import Any

import pytest
from stories import (
    CREATED,
    OK,
    T1,
    T2,
    Moment,
    Sight,
    create,
    everywhere,
    retitle,
    row,
    sights,
    told,
)

from syncmodel.errors import InvalidRunError
from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import refused, unknown
from syncmodel.model.plan import Plan
from syncmodel.steps import (
    Concurrently,
    Crash,
    Cut,
    Delete,
    Distrust,
    Heal,
    Join,
    Leave,
    Partition,
    Pause,
    Reactivate,
    Refused,
    Restart,
    Resync,
    Rollback,
    Step,
    Trust,
)
from syncmodel.targets.wire import SUPERTEST

FRESH = Plan(fully_connected(SUPERTEST, 3))
WRITTEN = create("n1", "c1", "t1").advance(FRESH)
AWAY = Leave("n3").advance(WRITTEN)
WARY = Distrust("n3", "n1").advance(WRITTEN)
LEFT, BACK = (Leave("n3"), OK), (Reactivate("n3"), OK)
NO_MORE, AGAIN = (Distrust("n3", "n1"), OK), (Trust("n3", "n1"), OK)
ALL_T1 = everywhere(c1=T1)
RETITLED = (retitle("n1", "c1", "t2"), row("t2"))

# --- the plan ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "step"),
    [
        (FRESH, Leave("n3")),
        (Leave("n3").advance(FRESH), Join("n3")),
        (Leave("n3").advance(FRESH), Reactivate("n3")),
        (AWAY, Reactivate("n3")),
        (AWAY, Leave("n1")),
        (AWAY, retitle("n3", "c1", "t2")),
        (AWAY, Rollback(("n3",), 1)),
        (AWAY, Concurrently((Reactivate("n3"), retitle("n1", "c1", "t2")))),
        (AWAY, Concurrently((Leave("n1"), Reactivate("n3"), Cut("n1", "n2")))),
        (WARY, Trust("n3", "n1")),
        (WARY, Distrust("n1", "n3")),
        (WARY, retitle("n2", "c1", "t2")),
        (FRESH, Concurrently((Distrust("n3", "n1"), create("n1", "c2", "t2")))),
        (Crash("n1").advance(FRESH), Leave("n3")),
    ],
    ids=lambda value: str(value) if isinstance(value, Step) else "",
)
def test_may_be_taken(plan: Plan, step: Step) -> None:
    assert step.enabled(plan)


@pytest.mark.parametrize(
    ("plan", "step"),
    [
        (FRESH, Join("n3")),
        (FRESH, Reactivate("n3")),
        (FRESH, Leave("n9")),
        (AWAY, Leave("n3")),
        (AWAY, Join("n3")),
        (AWAY, Concurrently((Reactivate("n3"), Restart("n1")))),
        (AWAY, Concurrently((Reactivate("n3"), Pause("n2")))),
        (AWAY, Concurrently((Reactivate("n3"), Leave("n3")))),
        (FRESH, Trust("n3", "n1")),
        (FRESH, Distrust("n3", "n3")),
        (WARY, Distrust("n3", "n1")),
        (Pause("n3").advance(FRESH), Distrust("n3", "n1")),
        (WRITTEN, Concurrently((Distrust("n3", "n1"), retitle("n3", "c1", "t2")))),
        (WRITTEN, Concurrently((Distrust("n3", "n1"), Resync("n3")))),
        (WARY, Refused(Delete("n3", "cases", "c1"), "no_such_row")),
        (Plan(fully_connected(SUPERTEST, 1)), Leave("n1")),
    ],
    ids=lambda value: str(value) if isinstance(value, Step) else "",
)
def test_may_not_be_taken(plan: Plan, step: Step) -> None:
    assert not step.enabled(plan)


def test_a_node_that_is_down_is_told_nothing() -> None:
    plan = Leave("n3").advance(Crash("n1").advance(FRESH))
    net = Restart("n1").advance(plan).net
    assert net.away == {("n2", "n3"), ("n3", "n3")}
    assert ("n1", "n3") not in net.flow
    assert not Join("n3").rewire(net).away
    late = Restart("n1").rewire(Join("n3").rewire(Crash("n1").rewire(Leave("n3").rewire(net))))
    assert late.away == {("n1", "n3")}
    assert {("n1", "n3"), ("n3", "n1")}.isdisjoint(late.flow)
    assert ("n2", "n3") in late.flow


def test_what_of_an_author_travels_goes_round_who_does_not_trust_it() -> None:
    line = FRESH.net.with_cut({("n1", "n3"), ("n3", "n1")}).distrust("n2", "n1")
    assert line.reach_of("n1")["n1"] == {"n1"}
    assert line.reach_of("n3")["n3"] == {"n1", "n2", "n3"}
    assert line.circles == (("n1",), ("n2",), ("n3",))
    assert FRESH.net.distrust("n3", "n1").circles == (("n1", "n2"), ("n3",))
    both = FRESH.net.distrust("n3", "n1").distrust("n2", "n1")
    assert both.circles == (("n1",), ("n2", "n3"))


# --- what may be true ----------------------------------------------------------------------------


def holds(*moments: Moment) -> None:
    """No alarm."""
    told(moments, Guarantees())


def raises(kind: Kind, *moments: Moment) -> None:
    """The last moment alarms with this name, and none before it does."""
    holds(*moments[:-1])
    with pytest.raises(DivergenceFound) as found:
        holds(*moments)
    assert {one.kind for one in found.value.divergences} == {kind}


def n3_shows(n3: dict[str, Any], **others: Any) -> Sight:
    return sights(others, others, n3)


def test_a_node_that_left_keeps_what_it_has_and_gets_nothing_more() -> None:
    before = (CREATED, ALL_T1, LEFT, RETITLED)
    holds(*before, n3_shows({"c1": T1}, c1=T2))
    raises(Kind.LEAKED, *before, everywhere(c1=T2))
    raises(Kind.MISSING, *before, n3_shows({}, c1=T2))


def test_what_it_writes_stays_there_until_it_is_back() -> None:
    alone = (CREATED, ALL_T1, LEFT, (retitle("n3", "c1", "t2"), row("t2")))
    holds(*alone, n3_shows({"c1": T2}, c1=T1), BACK, everywhere(c1=T2))
    raises(Kind.LEAKED, *alone, everywhere(c1=T2))
    raises(Kind.STALE, *alone, n3_shows({"c1": T2}, c1=T1), BACK, ALL_T1)


def test_a_node_that_comes_back_ends_with_everything() -> None:
    before = (CREATED, ALL_T1, LEFT, RETITLED, n3_shows({"c1": T1}, c1=T2), BACK)
    holds(*before, everywhere(c1=T2))
    raises(Kind.STALE, *before, n3_shows({"c1": T1}, c1=T2))


def test_a_node_that_joins_ends_with_everything() -> None:
    before = (LEFT, CREATED, n3_shows({}, c1=T1), (Join("n3"), OK))
    holds(*before, ALL_T1)
    raises(Kind.MISSING, *before, n3_shows({}, c1=T1))


def test_rows_of_an_author_that_is_not_trusted_show_nowhere_there() -> None:
    holds(CREATED, ALL_T1, NO_MORE, n3_shows({}, c1=T1))
    raises(Kind.LEAKED, CREATED, ALL_T1, NO_MORE, ALL_T1)
    raises(Kind.LEAKED, NO_MORE, CREATED, ALL_T1)


def test_what_others_made_of_it_shows() -> None:
    made = (CREATED, ALL_T1, (retitle("n2", "c1", "t2"), row("t2")), everywhere(c1=T2))
    holds(*made, NO_MORE, everywhere(c1=T2))
    raises(Kind.MISSING, *made, NO_MORE, n3_shows({}, c1=T2))


def test_a_delete_of_an_author_that_is_not_trusted_does_not_count() -> None:
    made = ((create("n3", "c1", "t1"), row("t1")), ALL_T1)
    gone = ((Delete("n1", "cases", "c1"), OK), everywhere())
    holds(*made, *gone, NO_MORE, n3_shows({"c1": T1}))
    raises(Kind.MISSING, *made, *gone, NO_MORE, everywhere())


def test_what_was_refused_is_there_once_its_author_is_trusted() -> None:
    before = (NO_MORE, CREATED, n3_shows({}, c1=T1), AGAIN)
    holds(*before, ALL_T1)
    raises(Kind.MISSING, *before, n3_shows({}, c1=T1))


def test_what_was_kept_may_show_at_once_though_its_author_is_out_of_reach() -> None:
    apart = (Partition((("n1", "n2"), ("n3",))), OK)
    before = (CREATED, ALL_T1, NO_MORE, n3_shows({}, c1=T1), apart, AGAIN)
    holds(*before, ALL_T1)
    holds(*before, n3_shows({}, c1=T1))
    never = (NO_MORE, CREATED, n3_shows({}, c1=T1), apart, AGAIN)
    raises(Kind.LEAKED, *never, ALL_T1)


def test_who_does_not_trust_an_author_may_hand_on_what_it_had_of_it() -> None:
    apart, met = (Cut("n1", "n2"), OK), (Heal(), OK)
    alone = ((Cut("n3", "n2"), OK), apart, CREATED, sights({"c1": T1}, {}, {"c1": T1}))
    wary = (*alone, NO_MORE, sights({"c1": T1}, {}, {}), (Partition((("n2", "n3"), ("n1",))), OK))
    holds(*wary, sights({"c1": T1}, {}, {}), met)
    holds(*wary, sights({"c1": T1}, {"c1": T1}, {}))


def test_an_answer_that_never_came_leaves_nothing_to_be_said() -> None:
    with pytest.raises(InvalidRunError):
        holds((Leave("n3"), unknown("timeout")))
    raises(Kind.CONTROL_PLANE, (Leave("n3"), refused("unknown_node")))
