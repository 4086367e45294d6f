"""What a read teaches of the rows that it does not show, and of each row of a table."""

from __future__ import annotations

import pytest
from stories import (
    APART,
    CREATED,
    DELETED,
    EVENT,
    HAS_EVENT,
    OK,
    T1,
    T2,
    T3,
    Moment,
    Sight,
    create,
    everywhere,
    in_a_row,
    retitle,
    row,
    sights,
    told,
    view,
)

from syncmodel.model.columns import Ref, Token
from syncmodel.model.divergence import DivergenceFound, Kind
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Net, fully_connected
from syncmodel.model.outcome import accepted, refused, shown
from syncmodel.model.schema import Generation, Schema, Table
from syncmodel.model.values import Row, Scalar, Value
from syncmodel.model.view import View
from syncmodel.steps import Create, Delete, Mend, Read
from syncmodel.targets.wire import SUPERTEST

FRESH, SESSION = Guarantees(), Guarantees(reads="session")
NET = fully_connected(SUPERTEST, 3)
BOTH = (CREATED, EVENT, everywhere(**HAS_EVENT))
NOTHING = shown(View())
NOBODY = sights({}, {}, {})
NO_EVENT = (Read("n2", "events", "e1"), NOTHING)
HAS_CASE, NO_CASE = (
    (Read("n2", "cases", "c1"), shown(view(rows) or View())) for rows in ({"c1": T1}, {})
)
SHOP = Schema(
    Table("cases", Token("title")),
    Table("events", Ref("case", "cases"), Token("body", fixed=True)),
    Table("notes", Ref("event", "events"), Token("text", fixed=True)),
    generations=(Generation("app", {"app": 1}),),
)


def holds(*moments: Moment, guarantees: Guarantees = FRESH, net: Net = NET) -> None:
    told(moments, guarantees, net)


def raises(kind: Kind, *moments: Moment, guarantees: Guarantees = FRESH) -> None:
    """The last moment alarms with this name, and none before it does."""
    told(moments[:-1], guarantees)
    with pytest.raises(DivergenceFound) as found:
        told(moments, guarantees)
    assert {one.kind for one in found.value.divergences} == {kind}


def test_a_row_that_hides_says_that_what_it_needs_is_gone() -> None:
    holds(*BOTH, in_a_row(DELETED, NO_EVENT, NO_CASE))
    raises(Kind.MONOTONIC_READS, *BOTH, in_a_row(DELETED, NO_EVENT, HAS_CASE))


def test_and_that_it_beats_what_the_node_has_of_it() -> None:
    other = (retitle("n2", "c1", "t2"), row("t2"))
    hides = (*BOTH, in_a_row(DELETED, other, NO_EVENT))
    holds(*hides, everywhere())
    with pytest.raises(DivergenceFound):
        holds(*hides, everywhere(c1=T2, e1=("c1", "b1")))


def test_where_two_may_be_gone_it_says_nothing_of_either() -> None:
    rows: dict[Row, dict[str, Scalar]] = {
        Row("cases", "c1"): {"title": "t1"},
        Row("events", "e1"): {"case": "c1", "body": "b1"},
        Row("notes", "a1"): {"event": "e1", "text": "x1"},
    }
    made = [
        (Create("n1", one.table, one.name, (*cells.items(),)), accepted(cells))
        for one, cells in rows.items()
    ]
    seen = {one: Value((*cells.items(),)) for one, cells in rows.items()}
    gone = ((Delete("n1", "cases", "c1"), OK), (Delete("n1", "events", "e1"), OK))
    no_note = (Read("n2", "notes", "a1"), NOTHING)
    case = (Read("n2", "cases", "c1"), shown(View((next(iter(seen.items())),))))
    no_case = (Read("n2", "cases", "c1"), NOTHING)
    for after in (case, no_case):
        burst = in_a_row(*gone, no_note, after)
        holds(*made, Sight({"n1": View((*seen.items(),))}), burst, net=fully_connected(SHOP, 2))


def test_what_hides_in_a_session_says_nothing() -> None:
    has_event = (Read("n2", "events", "e1"), shown(view({"e1": ("c1", "b1")}) or View()))
    holds(*BOTH, has_event, in_a_row(DELETED, NO_EVENT, HAS_CASE), guarantees=SESSION)


def test_each_row_of_a_table_is_remembered() -> None:
    two = ((create("n1", "c1", "t1"), row("t1")), (create("n1", "c2", "t2"), row("t2")))
    whole = Read("n2", "cases")
    second = (whole, shown(view({"c2": T2}) or View()))
    holds(in_a_row(*two, second, second))
    raises(Kind.MONOTONIC_READS, in_a_row(*two, second, (whole, NOTHING)))


@pytest.mark.parametrize(("name", "about"), [("c1", Row("cases", "c1")), (None, None)])
def test_a_read_that_is_refused_is_about_what_was_asked_for(
    name: str | None, about: Row | None
) -> None:
    with pytest.raises(DivergenceFound) as found:
        holds((Read("n2", "cases", name), refused("no_plugin")))
    assert [(one.kind, one.row) for one in found.value.divergences] == [
        (Kind.WRONGLY_REFUSED, about)
    ]


def test_of_two_deletes_one_was_read_and_nobody_knows_which() -> None:
    """n3 may have either of them, so it must not be said to have the one."""
    deletes = ((Delete("n1", "cases", "c1"), OK), (Delete("n2", "cases", "c1"), OK))
    read = (Read("n3", "cases", "c1"), NOTHING)
    ears = (APART, (Mend("n1", "n3"), OK), (Mend("n2", "n3"), OK))
    again = (create("n3", "c1", "t3"), row("t3"))
    apart = (CREATED, everywhere(c1=T1), *ears, in_a_row(*deletes, read, APART), NOBODY)
    # n1 and n2 hear nobody; n3 wrote over the delete of n2, and that of n1 wins.
    heard = (again, sights({}, {}, {"c1": T3}), (Mend("n3", "n1"), OK))
    holds(*apart, *heard, sights({}, {}, {"c1": T3}))
    holds(*apart, *heard, sights({"c1": T3}, {}, {"c1": T3}))
