"""What one node answers at once about rows that refer to each other is put in one order.

Each story is held against the exact oracle, with what no order explains and what one does.
"""

from __future__ import annotations

import pytest
from attrs import frozen
from histories import SCHEMA, History, Moment, judged
from stories import LOST, OK, attach, both, create, in_a_row, retitle
from test_oracle import shop
from test_order_of_answers import C, H, R, shown, stored

from syncmodel.model.columns import OnDelete, Ref, Token
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import Outcome, refused
from syncmodel.model.outcome import shown as saw
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.steps import Create, Delete, Read, Set, Step

Call = tuple[Step, Outcome]
Moments = tuple[tuple[Call, View], ...]
CONTRACT = Guarantees()
UPSERTS = Guarantees(upserts=True)
WALLCLOCK = Guarantees(rows="wallclock-lww")


def attached(event: str, node: str = "n1") -> Call:
    """An event of c1 is created."""
    return attach(node, event, "c1", "b1"), stored(case="c1", body="b1")


def but(call: Call, code: str) -> Call:
    """The same request, refused."""
    return call[0], refused(code)


def created(title: str) -> Call:
    return create("n1", "c1", title), stored(title=title)


def titled(title: str) -> Call:
    return retitle("n1", "c1", title), stored(title=title)


def reads(table: str, name: str, view: View = shown()) -> Call:  # noqa: B008 (frozen)
    """One row is read, of what would be in view."""
    rows = tuple((row, value) for row, value in view.rows if (row.table, row.name) == (table, name))
    return Read("n1", table, name), saw(View(rows))


def with_note(view: View) -> View:
    """The same, and a note n1 of e1."""
    note = Row("notes", "n1"), Value((("event", "e1"), ("text", "x1")))
    return View(tuple(sorted((*view.rows, note))))


NOTED = (
    Create("n1", "notes", "n1", (("event", "e1"), ("text", "x1"))),
    stored(event="e1", text="x1"),
)
E1, E2 = attached("e1"), attached("e2")
C1_GOES, N2_DELETES = (Delete("n1", "cases", "c1"), OK), (Delete("n2", "cases", "c1"), OK)
E1_GOES, E2_GOES = (Delete("n1", "events", "e1"), OK), (Delete("n1", "events", "e2"), OK)
NOTE_GOES = Delete("n1", "notes", "n1"), OK
BACK = created("t7")
E1_AWAY = but(E1_GOES, "no_such_row")
C2 = create("n1", "c2", "t2"), stored(title="t2")
E3 = attach("n1", "e3", "c2", "b1"), stored(case="c2", body="b1")
E1_MISSES, E2_MISSES = but(E1, "missing_reference"), but(E2, "missing_reference")
HELD = but(C1_GOES, "referenced")
SEES_E1 = reads("events", "e1", shown("t1", events=("e1",)))
SEES_NONE = reads("events", "e1")
#: A case; with an event, or two; with an event that has a note.
CASE: Moments = ((created("t1"), shown("t1")),)
ONE: Moments = (*CASE, (E1, shown("t1", events=("e1",))))
TWO: Moments = (*ONE, (E2, shown("t1", events=("e1", "e2"))))
NOTE: Moments = (*ONE, (NOTED, with_note(shown("t1", events=("e1",)))))


N2_TAKES_E1 = Delete("n2", "events", "e1"), OK
#: The case is created again, and its event, which has a note.
AGAIN_WITH_NOTE: Moments = (
    (BACK, shown("t7")),
    (E1, with_note(shown("t7", events=("e1",)))),
)
SHOWS_C2 = View(
    (
        (Row("cases", "c2"), Value((("title", "t2"),))),
        (Row("events", "e3"), Value((("case", "c2"), ("body", "b1")))),
    )
)


def hidden(*calls: Call) -> Moments:
    """What n1 made at the same time as n2 deleted its case, unlike it."""
    return *CASE, (both(N2_DELETES, *calls), shown())


@frozen
class Told:
    """What two nodes that hear each other show, both the same."""

    how: tuple[OnDelete, OnDelete]
    moments: Moments
    guarantees: Guarantees = CONTRACT


def told(how: tuple[OnDelete, OnDelete], *moments: tuple[Call, View]) -> Told:
    return Told(how, moments)


#: What no order explains, and what one does.
STORIES: dict[str, tuple[Told, Told]] = {
    "an event that was there goes with its case, whatever else is asked": (
        told((C, H), *ONE, (both(C1_GOES, but(E1, "exists")), shown()), (E1_GOES, shown())),
        told((C, H), *ONE, (both(C1_GOES, but(E1, "exists")), shown()), (E1_AWAY, shown())),
    ),
    "an event that was there goes with its case, whichever other one is deleted": (
        told((C, H), *TWO, (both(C1_GOES, N2_TAKES_E1), shown()), (E2_GOES, shown())),
        told((C, H), *TWO, (both(C1_GOES, N2_TAKES_E1), shown()), (E1_AWAY, shown())),
    ),
    "what is there is not missing its case": (
        told((H, H), *CASE, (both(C1_GOES, E1, E1_MISSES), shown())),
        told((H, H), *CASE, (both(C1_GOES, E1, but(E1, "exists")), shown())),
    ),
    "what is there may miss its case, where a create replaces": (
        Told((H, H), (*CASE, (both(C1_GOES, C1_GOES, E1_MISSES), shown())), UPSERTS),
        Told((H, H), (*CASE, (both(C1_GOES, E1, E1_MISSES), shown())), UPSERTS),
    ),
    "an event goes with its case": (
        told((H, H), *ONE, (both(C1_GOES, BACK, E1, E1_AWAY), shown("t7", events=("e1",)))),
        told((C, H), *ONE, (both(C1_GOES, BACK, E1, E1_AWAY), shown("t7", events=("e1",)))),
    ),
    "the note of an event goes with it": (
        told(
            (C, H),
            *NOTE,
            (both(C1_GOES, BACK, E1, NOTED), with_note(shown("t7", events=("e1",)))),
        ),
        told(
            (C, C),
            *NOTE,
            (both(C1_GOES, BACK, E1, NOTED), with_note(shown("t7", events=("e1",)))),
        ),
    ),
    "a delete is refused only while the case and an event of it are there": (
        told((R, R), *hidden(E1), (both(BACK, HELD, E1_GOES, E1_MISSES), shown("t7"))),
        told((R, R), *hidden(E1), (both(BACK, HELD, E1_GOES), shown("t7"))),
    ),
    "an event that nobody asks for stands against a delete": (
        told((R, R), *hidden(E1), (both(BACK, HELD, E1_GOES, E1_MISSES), shown("t7"))),
        told(
            (R, R),
            *hidden(E1, E2),
            (both(BACK, HELD, E2_GOES, E2_MISSES), shown("t7", events=("e1",))),
        ),
    ),
    "so does what stands against what would go along": (
        told((C, C), *hidden(E1), (both(BACK, HELD, E1_GOES, E1_MISSES), shown("t7"))),
        told(
            (C, R),
            *hidden(E1, NOTED, E2),
            (both(BACK, HELD, E2_GOES, E2_MISSES), with_note(shown("t7", events=("e1",)))),
        ),
    ),
    "no change of a case but its delete is refused for its events": (
        told((R, R), *ONE, (both(titled("t5"), but(titled("t6"), "no_such_row"), E2), shown("t5"))),
        told((R, R), *ONE, (both(titled("t5"), E2), shown("t5", events=("e1", "e2")))),
    ),
    "a note of what would go along is written before the delete or misses its event": (
        told((C, R), *ONE, (both(C1_GOES, NOTED), shown())),
        told((C, R), *ONE, (both(C1_GOES, but(NOTED, "missing_reference")), shown())),
    ),
    "rows that have nothing to do with each other are put in order apart": (
        told((C, R), *ONE, (both(C2, E3, C1_GOES, NOTED), SHOWS_C2)),
        told((C, R), *ONE, (both(C2, E3, C1_GOES, but(NOTED, "missing_reference")), SHOWS_C2)),
    ),
    "a row that nobody wrote is deleted by nobody": (
        told((H, H), (both(E1_MISSES, NOTE_GOES), shown())),
        told((H, H), (both(E1_MISSES, but(NOTE_GOES, "no_such_row")), shown())),
    ),
    "what did not go along, as it was hidden by then, shows again": (
        told((C, C), *CASE, (both(E1, C1_GOES), shown()), (BACK, shown("t7", events=("e1",)))),
        told((C, C), *ONE, (both(NOTED, C1_GOES, N2_TAKES_E1), shown()), *AGAIN_WITH_NOTE),
    ),
    "a hidden event exists and does not show, where a clock decides": (
        Told(
            (H, H),
            (*ONE, (C1_GOES, shown()), (both(but(E1, "exists"), SEES_E1), shown())),
            WALLCLOCK,
        ),
        Told(
            (H, H),
            (*ONE, (C1_GOES, shown()), (both(but(E1, "exists"), SEES_NONE), shown())),
            WALLCLOCK,
        ),
    ),
    "an event is attached, with or without an answer": (
        told((H, H), *CASE, (both((E1[0], LOST), E2, E2), shown("t1", events=("e2",)))),
        told((H, H), *CASE, (both((E1[0], LOST), E2), shown("t1", events=("e1", "e2")))),
    ),
    "a delete that is refused takes nothing along": (
        told((C, R), *NOTE, (both(HELD, NOTE_GOES, E1_GOES, NOTED), shown("t1"))),
        told((C, R), *NOTE, (both(HELD, NOTE_GOES, E1_GOES), shown("t1"))),
    ),
    "a create takes nothing along": (
        told(
            (C, C),
            *hidden(E1),
            (both(BACK, created("t9"), NOTED), with_note(shown("t7", events=("e1",)))),
        ),
        told((C, C), *hidden(E1), (both(BACK, NOTED), with_note(shown("t7", events=("e1",))))),
    ),
    "a delete that arrives hides, and takes nothing along": (
        told(
            (C, C),
            *CASE,
            (in_a_row(E1, both(N2_DELETES, BACK, E1, E1)), shown("t7", events=("e1",))),
        ),
        told(
            (C, C),
            *CASE,
            (
                in_a_row(E1, both(N2_DELETES, BACK, NOTED)),
                with_note(shown("t7", events=("e1",))),
            ),
        ),
    ),
    "a delete that arrives is not refused": (
        told((R, R), *CASE, (both(E1, N2_DELETES, E1_MISSES), shown())),
        told((R, R), *CASE, (both(E1, N2_DELETES, E2_MISSES), shown())),
    ),
    "an event shows while its case is there": (
        told(
            (H, H), *ONE, (C1_GOES, shown()), (both(BACK, SEES_E1, E1_GOES, E1_MISSES), shown("t7"))
        ),
        told((H, H), *ONE, (C1_GOES, shown()), (both(BACK, SEES_E1, E1_GOES), shown("t7"))),
    ),
    "an event does not show while its case is away": (
        told(
            (H, H),
            *ONE,
            (C1_GOES, shown()),
            (both(BACK, SEES_NONE, E1_MISSES), shown("t7", events=("e1",))),
        ),
        told(
            (H, H),
            *ONE,
            (C1_GOES, shown()),
            (both(BACK, SEES_NONE, but(E1, "exists")), shown("t7", events=("e1",))),
        ),
    ),
    "an event is read before it goes along": (
        told((C, H), *CASE, (both(SEES_E1, C1_GOES, E1_MISSES), shown())),
        told((C, H), *CASE, (both(SEES_E1, C1_GOES, E1), shown())),
    ),
    "one event is created twice, where a clock decides": (
        Told((H, H), (*CASE, (both(E1, E1), shown("t1", events=("e1",)))), WALLCLOCK),
        Told(
            (H, H), (*CASE, (both(E1, but(E1, "exists")), shown("t1", events=("e1",)))), WALLCLOCK
        ),
    ),
    "of events that were deleted and created again the last shows, unless a clock decides": (
        told((H, H), *ONE, (both(E1_GOES, E1, E1_GOES), shown("t1", events=("e1",)))),
        Told(
            (H, H),
            (*ONE, (both(E1_GOES, E1, E1_GOES), shown("t1", events=("e1",)))),
            Guarantees(tables={"events": "wallclock-lww"}),
        ),
    ),
}
ALL = [pytest.param(*pair, id=name) for name, pair in STORIES.items()]


def history(of: Told) -> History:
    moments = tuple(
        Moment(step, outcome, dict.fromkeys(("n1", "n2"), view))
        for (step, outcome), view in of.moments
    )
    return History(fully_connected(shop(*of.how), 2), of.guarantees, moments)


@pytest.mark.parametrize(("raised", "near"), ALL)
def test_linked_rows_are_put_in_one_order_or_in_none(raised: Told, near: Told) -> None:
    verdict = judged(history(raised))
    assert verdict is not None
    assert verdict.model == verdict.oracle == len(raised.moments)
    verdict = judged(history(near))
    assert verdict is not None
    assert verdict.model is verdict.oracle is None, verdict.why


#: Events that can be changed: of a change alone nobody knows which case its event refers to.
CHANGING = Schema(
    Table("cases", Token("title")),
    Table("events", Ref("case", "cases"), Token("body")),
    generations=SCHEMA.generations,
)
SETS_BODY = Set("n1", "events", "e1", "body", "b2")
N2_SETS_BODY = Set("n2", "events", "e1", "body", "b2")
CHANGED = View((*shown("t1").rows, (Row("events", "e1"), Value((("case", "c1"), ("body", "b2"))))))
SEES_B2 = reads("events", "e1", CHANGED)


@pytest.mark.parametrize(
    ("change", "guarantees"),
    [
        (both((N2_SETS_BODY, LOST), C1_GOES, but(E1, "exists"), SEES_B2), CONTRACT),
        (
            in_a_row((SETS_BODY, OK), both(C1_GOES, but(E1, "exists"), SEES_B2)),
            Guarantees(answers_rows=False),
        ),
    ],
    ids=["that arrives", "that is there"],
)
def test_of_a_change_nobody_knows_what_its_row_refers_to(
    change: Call, guarantees: Guarantees
) -> None:
    for view, possible in ((shown(), True), (CHANGED, False)):
        told = (*ONE, (change, view))
        moments = (
            Moment(step, outcome, dict.fromkeys(("n1", "n2"), seen))
            for (step, outcome), seen in told
        )
        verdict = judged(History(fully_connected(CHANGING, 2), guarantees, tuple(moments)))
        assert verdict is not None
        assert (verdict.model is None) is (verdict.oracle is None) is possible, verdict.why
