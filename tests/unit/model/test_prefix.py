"""Logs that are applied in order: what comes before what a node has, it has."""

from __future__ import annotations

import pytest
from stories import (
    APART,
    CREATED,
    DELETED,
    HEALED,
    LOST,
    N3_ALONE,
    NET,
    OK,
    T1,
    T2,
    T3,
    Moment,
    Sight,
    Story,
    attach,
    both,
    check_near,
    check_raised,
    create,
    event,
    everywhere,
    in_a_row,
    retitle,
    rolled_back,
    rolled_out,
    row,
    sights,
    told,
    view,
)

from syncmodel.errors import UsageError
from syncmodel.exhaustive.coverage import require_covered
from syncmodel.exhaustive.limits import Limits
from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.noted import Entry
from syncmodel.model.outcome import Outcome, refused, shown
from syncmodel.model.prefix import logged
from syncmodel.model.values import Row
from syncmodel.model.view import View
from syncmodel.model.world import initial
from syncmodel.steps import (
    Backup,
    Crash,
    Cut,
    Distrust,
    Partition,
    Read,
    Restart,
    Restore,
    Step,
    Trust,
)

IN_ORDER = Guarantees(in_order=True)
SECOND = (create("n1", "c2", "t2"), row("t2"))
#: n3 may have got both, one, or none of them.
BOTH = in_a_row(CREATED, SECOND, N3_ALONE)


def n3(**rows: tuple[str, int]) -> Sight:
    """n3 shows these, and the others all."""
    has = {"c1": T1, "c2": T2}
    return sights(has, has, rows)


def reads(table: dict[str, tuple[str, int]], name: str | None = None) -> tuple[Step, Outcome]:
    return Read("n3", "cases", name), shown(view(table) or View())


def story(name: str, before: tuple[Moment, ...], raised: Moment, near: Moment) -> Story:
    return Story(Kind.GAP, name, before, raised, near, IN_ORDER)


STORIES = [
    story("a later row is there at rest, and an earlier one is not", (BOTH,), n3(c2=T2), n3(c1=T1)),
    story(
        "an earlier change of another row has not come",
        (CREATED, everywhere(c1=T1)),
        in_a_row((retitle("n1", "c1", "t3"), row("t3")), SECOND, reads({"c1": T1, "c2": T2})),
        in_a_row((retitle("n1", "c1", "t3"), row("t3")), SECOND, reads({"c1": T3})),
    ),
    story(
        "an earlier delete has not come",
        (CREATED, everywhere(c1=T1)),
        in_a_row(DELETED, SECOND, reads({"c1": T1, "c2": T2})),
        in_a_row(DELETED, SECOND, reads({"c1": T1})),
    ),
    story(
        "of three the one in the middle",
        (in_a_row(CREATED, SECOND, (create("n1", "c3", "t3"), row("t3")), APART),),
        sights({"c1": T1, "c2": T2, "c3": T3}, {"c1": T1, "c3": T3}, {"c1": T1}),
        sights({"c1": T1, "c2": T2, "c3": T3}, {"c1": T1, "c2": T2}, {"c1": T1}),
    ),
    story(
        "of three the first one, and the last one has not come either",
        (in_a_row(CREATED, SECOND, (create("n1", "c3", "t3"), row("t3")), APART),),
        sights({"c1": T1, "c2": T2, "c3": T3}, {"c2": T2}, {"c1": T1}),
        sights({"c1": T1, "c2": T2, "c3": T3}, {}, {"c1": T1}),
    ),
    story(
        "some other node does not trust their author",
        ((Distrust("n2", "n1"), OK), BOTH),
        sights({"c1": T1, "c2": T2}, {}, {"c2": T2}),
        sights({"c1": T1, "c2": T2}, {}, {"c1": T1}),
    ),
]


@pytest.mark.parametrize("one", STORIES, ids=lambda one: one.name)
def test_raised(one: Story) -> None:
    check_raised(one)


@pytest.mark.parametrize("one", STORIES, ids=lambda one: one.name)
def test_near_miss(one: Story) -> None:
    check_near(one)


@pytest.mark.parametrize("one", STORIES, ids=lambda one: one.name)
def test_nothing_is_said_where_it_is_not_promised(one: Story) -> None:
    told((*one.before, one.raised), Guarantees())


def test_what_a_read_may_not_show_as_it_is_hidden_is_no_gap() -> None:
    """n3 has no c9, and so shows no event of it."""
    first, second = (attach("n1", *about, "b1") for about in (("e1", "c9"), ("e2", "c1")))
    burst = in_a_row(
        CREATED,
        (create("n2", "c9", "t1"), row("t1")),
        (first, event("c9", "b1")),
        (second, event("c1", "b1")),
        (Read("n3", "events", None), shown(view({"e2": ("c1", "b1")}) or View())),
    )
    told(((Cut("n2", "n3"), OK), burst), IN_ORDER)


LATER = reads({"c2": T2}, "c2")
CHANGED = (retitle("n1", "c1", "t3"), row("t3"))


@pytest.mark.parametrize(
    ("moments", "name"),
    [
        # A read that shows a later row, and then one that lacks what came before it.
        ((in_a_row(CREATED, SECOND, LATER, reads({}, "c1")),), "gap"),
        ((in_a_row(CREATED, SECOND, LATER, reads({"c2": T2})),), "gap"),
        # The same at the rest that follows, where nothing has come since.
        ((in_a_row(CREATED, SECOND, LATER, N3_ALONE), n3(c2=T2)), "gap"),
        # What a rest showed was there: it is lost.
        ((BOTH, n3(c1=T1, c2=T2), reads({}, "c1")), "stale read"),
        (
            (
                in_a_row(CREATED, SECOND, LATER),
                everywhere(c1=T1, c2=T2),
                reads({}, "c1"),
            ),
            "stale read",
        ),
        # So it is where an older version would be too old anyway, without what comes later.
        (
            (
                CREATED,
                everywhere(c1=T1),
                in_a_row(CHANGED, SECOND, LATER, reads({}, "c1")),
            ),
            "stale read",
        ),
        (
            (
                CREATED,
                everywhere(c1=T1),
                in_a_row(CHANGED, SECOND, LATER, reads({"c1": T1}, "c1")),
            ),
            "gap",
        ),
        # What a node owed that lost its log it owes no more; it said itself that it has the row.
        (
            (
                in_a_row(
                    CREATED,
                    SECOND,
                    LATER,
                    rolled_back("n3"),
                    rolled_out("n3"),
                    (create("n3", "c1", "t3"), refused("exists")),
                    reads({}, "c1"),
                ),
            ),
            "stale read",
        ),
        # What this node showed, or took, it showed or took: that says more.
        (
            (in_a_row(CREATED, SECOND, LATER, reads({"c1": T1}, "c1"), reads({}, "c1")),),
            "monotonic reads",
        ),
        # What two nodes show is no matter of what one of them lacks.
        (
            (
                in_a_row(
                    CREATED,
                    SECOND,
                    (create("n2", "c1", "t3"), row("t3")),
                    (Read("n2", "cases", "c2"), shown(view({"c2": T2}) or View())),
                    (Partition((("n1",), ("n2", "n3"))), OK),
                ),
                sights({"c1": T1, "c2": T2}, {"c1": T3, "c2": T2}, {"c1": T1, "c2": T2}),
            ),
            "disagreement",
        ),
        # What it owes all others have: it must have come by now, too.
        ((in_a_row(CREATED, SECOND, LATER), n3(c2=T2)), "missing"),
    ],
)
def test_what_lacks_has_its_right_name(moments: tuple[Moment, ...], name: str) -> None:
    with pytest.raises(DivergenceFound, match=f"^{name}"):
        told(moments, IN_ORDER)


def test_what_a_node_owes_it_owes_until_it_was_looked_for_or_its_log_is_lost() -> None:
    told((in_a_row(CREATED, SECOND, reads({"c1": T1}, "c1"), reads({}, "c2")),), IN_ORDER)
    owes = in_a_row(CREATED, SECOND, LATER, reads({"c1": T1}, "c1"), reads({"c1": T1, "c2": T2}))
    told((owes, everywhere(c1=T1, c2=T2)), IN_ORDER)
    lost = in_a_row(CREATED, SECOND, LATER, APART, rolled_back("n3"), rolled_out("n3"))
    has = {"c1": T1, "c2": T2}
    told((lost, sights(has, {}, {})), IN_ORDER)


@pytest.mark.parametrize(
    "moments",
    [
        # Of simultaneous writes no order is known, nor of one that got no answer.
        (both(CREATED, SECOND), N3_ALONE, n3(c2=T2)),
        (in_a_row((CREATED[0], LOST), SECOND, N3_ALONE), n3(c2=T2)),
        # Two authors have two logs.
        (in_a_row((create("n2", "c1", "t1"), row("t1")), SECOND, N3_ALONE), n3(c2=T2)),
        # What else a read shows may have come while other things were asked.
        (
            in_a_row(CREATED, SECOND, both(reads({}), (retitle("n3", "c2", "t3"), row("t3")))),
            everywhere(c1=T1, c2=T3),
        ),
        (
            in_a_row(CREATED, SECOND, both(reads({}), reads({"c1": T1, "c2": T2}))),
            everywhere(c1=T1, c2=T2),
        ),
    ],
    ids=["at once", "no answer", "two authors", "a read beside a write", "two reads"],
)
def test_near_misses_of_what_is_no_order(moments: tuple[Moment, ...]) -> None:
    told(moments, IN_ORDER)


def test_of_simultaneous_reads_each_that_was_answered_proves_it() -> None:
    """So a write of what came before can't find that lacking."""
    refuses = (retitle("n3", "c1", "t3"), refused("no_such_row"))
    unanswered = (Read("n3", "cases"), LOST)
    told((in_a_row(CREATED, SECOND, unanswered, refuses),), IN_ORDER)
    with pytest.raises(DivergenceFound, match="wrongly refused"):
        told((in_a_row(CREATED, SECOND, both(unanswered, LATER), refuses),), IN_ORDER)


@pytest.mark.parametrize("earlier", ["c1", "c2"])
def test_all_that_came_before_what_was_read_is_known(earlier: str) -> None:
    third = (create("n1", "c3", "t3"), row("t3"))
    refuses = (retitle("n3", earlier, "t4"), refused("no_such_row"))
    told((in_a_row(CREATED, SECOND, third, refuses),), IN_ORDER)
    with pytest.raises(DivergenceFound, match="wrongly refused"):
        told((in_a_row(CREATED, SECOND, third, reads({"c3": T3}, "c3"), refuses),), IN_ORDER)


def test_in_a_log_is_what_was_asked_for_and_surely_made() -> None:
    """A column that its node does not know need not be stored; rows that a delete takes along are
    no writes of their own."""
    belief, write = initial(NET, IN_ORDER).belief, create("n1", "c1", "t1").asks(NET.schema)
    row, column, along = Row("cases", "c1"), Row("cases", "c1", "severity"), Row("events", "e1")
    entries = (Entry(row, 0, True), Entry(column, 0, False), Entry(along, 0, True, asked=False))
    logs = logged(belief, [(write, OK)], [entries]).logs
    assert dict(logs.of) == {"n1": (frozenset({(row, 0)}),)}
    assert logged(belief, [(write, refused("exists"))], [entries]).logs == belief.logs


def test_a_log_that_was_lost_begins_anew() -> None:
    """Nobody has c1 any more but who had it before: it is in no log."""
    lost = in_a_row(CREATED, APART, rolled_back("n1"), rolled_out("n1"), SECOND)
    told((lost, sights({"c2": T2}, {}, {}), HEALED, everywhere(c2=T2)), IN_ORDER)


def test_a_log_that_was_put_back_begins_anew() -> None:
    back = (Restore(("n1",), True), OK)
    lost = in_a_row(CREATED, APART, back, SECOND)
    told(
        ((Backup(("n1",)), OK), lost, sights({"c2": T2}, {}, {}), HEALED, everywhere(c2=T2)),
        IN_ORDER,
    )


def test_nothing_is_known_of_the_order_of_what_came_while_its_author_was_not_trusted() -> None:
    told(
        (
            (Distrust("n3", "n1"), OK),
            in_a_row(CREATED, SECOND, (Trust("n3", "n1"), OK), N3_ALONE),
            n3(c2=T2),
        ),
        IN_ORDER,
    )


def test_a_node_that_was_down_gets_it_in_order_too() -> None:
    down = (Crash("n3"), OK)
    with pytest.raises(Exception, match="gap"):
        told((down, in_a_row(CREATED, SECOND, (Restart("n3"), OK), N3_ALONE), n3(c2=T2)), IN_ORDER)


def test_what_does_not_go_with_it_is_refused() -> None:
    with pytest.raises(UsageError, match="only a resync catches up"):
        Guarantees(in_order=True, heal_catches_up=False)
    with pytest.raises(UsageError, match="`in_order`"):
        require_covered(Limits(), IN_ORDER)
