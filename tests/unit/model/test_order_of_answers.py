"""What one node answers at once is put in order, whatever merges rows.

An exact oracle says which answers some order explains.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations, product

import pytest
from attrs import frozen
from histories import History, Moment, judged
from stories import (
    C1,
    CREATED,
    EMPTY,
    LOST,
    OK,
    Shown,
    attach,
    both,
    count,
    create,
    retitle,
    row,
    view,
)
from test_oracle import shop

from syncmodel.model.columns import OnDelete
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import Outcome, accepted, refused
from syncmodel.model.outcome import shown as looked
from syncmodel.model.reads import Look
from syncmodel.model.schema import Schema
from syncmodel.model.serial import grouped
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.model.world import initial
from syncmodel.steps import Create, Delete, Partition, Read, Step
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(SUPERTEST, 2)
CONTRACT = Guarantees()
WALLCLOCK = Guarantees(rows="wallclock-lww")
LEAVES = Guarantees(rows="multi-value")
BY_FIELD = Guarantees(by_field=True)
UPSERTS = Guarantees(upserts=True)
Call = tuple[Step, Outcome]

N1_DELETES = (Delete("n1", "cases", "c1"), OK)
N2_DELETES = (Delete("n2", "cases", "c1"), OK)
N1_SETS = (retitle("n1", "c1", "t5"), row("t5"))
N1_CREATES = (create("n1", "c1", "t7"), row("t7"))
AGAIN = (create("n1", "c1", "t9"), row("t9"))
N2_CREATES = (create("n2", "c1", "t4"), row("t4"))
N2_SETS = (retitle("n2", "c1", "t3"), LOST)
N2_COUNTS = (count("n2", "c1", 1), row("t7", 1))
SETS_T6 = (retitle("n1", "c1", "t6"), row("t6"))
N1_FINDS_NOTHING = (retitle("n1", "c1", "t8"), refused("no_such_row"))
READS_C1, READS_C2 = ((Read("n1", "cases", name), looked(View())) for name in ("c1", "c2"))
EXISTS = (create("n1", "c1", "t8"), refused("exists"))
COUNTS_T4 = (count("n1", "c1", 1), row("t4", 1))
SETS_T5_1 = (retitle("n1", "c1", "t5"), row("t5", 1))
LOST_DELETE = ((Delete("n1", "cases", "c1"), LOST), EMPTY)
T4, T5, T7, T9 = ({"c1": (title, 0)} for title in ("t4", "t5", "t7", "t9"))


def seen(*moments: tuple[Call, Shown], of: Guarantees) -> History:
    """What two nodes that hear each other show, both the same."""
    return History(
        NET,
        of,
        tuple(
            Moment(step, outcome, dict.fromkeys(("n1", "n2"), view(shown)))
            for (step, outcome), shown in moments
        ),
    )


@frozen
class Story:
    """After `before`, some order explains the `near` answers and sight, and none the others."""

    of: str
    raised: tuple[Call, Shown]
    near: tuple[Call, Shown]
    before: tuple[tuple[Call, Shown], ...] = ()
    guarantees: Guarantees = CONTRACT


STORIES = (
    Story(
        "a change without an answer may have come, and makes no second create possible",
        raised=(both(N1_DELETES, N1_CREATES, AGAIN, N2_SETS), T9),
        near=(both(N1_DELETES, N1_CREATES, N2_SETS), T7),
        before=((CREATED, C1),),
    ),
    Story(
        "one row is created twice, where a clock decides",
        raised=(both(N1_CREATES, AGAIN), T9),
        near=(both(N1_CREATES, AGAIN, N1_DELETES), T9),
        guarantees=WALLCLOCK,
    ),
    Story(
        "one row is created twice, where leaves are kept",
        raised=(both(N1_CREATES, AGAIN), T9),
        near=(both(N1_CREATES, AGAIN, N1_DELETES), T9),
        guarantees=LEAVES,
    ),
    Story(
        "what was set after its row was created shows, where columns merge apart",
        raised=(both(N1_CREATES, N1_SETS), T7),
        near=(both(N1_CREATES, N1_SETS), T5),
        guarantees=BY_FIELD,
    ),
    Story(
        "the same of a row that came from elsewhere, with all of its columns",
        raised=(both(N2_CREATES, N1_SETS, (N1_SETS[0], refused("no_such_row"))), T4),
        near=(both(N2_CREATES, N1_SETS, (N1_SETS[0], refused("no_such_row"))), T5),
        guarantees=BY_FIELD,
    ),
    Story(
        "what came between two answers loses to one of them",
        raised=(both(N1_CREATES, AGAIN, N2_DELETES), EMPTY),
        near=(both(N1_CREATES, AGAIN, N2_DELETES), T9),
    ),
    Story(
        "what came before an answer in every order loses to it",
        raised=(both(N2_CREATES, N1_SETS, (retitle("n1", "c1", "t6"), row("t6"))), T4),
        near=(both(N2_CREATES, N1_SETS, (retitle("n1", "c1", "t6"), row("t6"))), T5),
    ),
    Story(
        "of two creates the one after the delete shows",
        raised=(both(N1_CREATES, AGAIN, N1_DELETES), EMPTY),
        near=(both(N1_CREATES, AGAIN, N1_DELETES), T9),
    ),
    Story(
        "a row may be deleted after it was changed, and not before it was created",
        raised=(both(N1_CREATES, N1_SETS, N1_DELETES), T7),
        near=(both(N1_CREATES, N1_SETS, N1_DELETES), EMPTY),
    ),
    Story(
        "a delete without an answer lets one create more be accepted",
        raised=(both(N1_CREATES, AGAIN, (create("n1", "c1", "t2"), row("t2"))), T9),
        near=(both(N1_CREATES, AGAIN, N1_DELETES), T9),
        before=(LOST_DELETE,),
    ),
    Story(
        "a delete without an answer may come after all changes, and not before them",
        raised=(both((N1_DELETES[0], LOST), N1_SETS, SETS_T6), C1),
        near=(both((N1_DELETES[0], LOST), N1_SETS, SETS_T6), EMPTY),
        before=((CREATED, C1),),
    ),
    Story(
        "one of two changes shows, though a delete arrives",
        raised=(both(N1_SETS, SETS_T6, N2_DELETES), C1),
        near=(both(N1_SETS, SETS_T6, N2_DELETES), {"c1": ("t6", 0)}),
        before=((CREATED, C1),),
    ),
    Story(
        "no change makes a row, with or without an answer",
        raised=(both(N1_SETS, (SETS_T6[0], LOST), N1_FINDS_NOTHING), T5),
        near=(both(N1_CREATES, (SETS_T6[0], LOST), N1_FINDS_NOTHING), T7),
        before=((CREATED, C1), (N2_DELETES, EMPTY)),
    ),
    Story(
        "what arrives takes the place of what is there",
        raised=(both(SETS_T5_1, N1_CREATES, N2_COUNTS), T7),
        near=(both(SETS_T5_1, N1_CREATES, N2_COUNTS), {"c1": ("t5", 1)}),
    ),
    Story(
        "what another row shows says nothing of this one",
        raised=(both(N1_SETS, SETS_T6, READS_C1), {"c1": ("t6", 0)}),
        near=(both(N1_SETS, SETS_T6, READS_C2), {"c1": ("t6", 0)}),
        before=((CREATED, C1),),
    ),
    Story(
        "a create without an answer need not find the row",
        raised=(both((N1_CREATES[0], LOST), AGAIN, (create("n1", "c1", "t2"), row("t2"))), T9),
        near=(both((N1_CREATES[0], LOST), N1_FINDS_NOTHING), T7),
    ),
    Story(
        "what exists was created, with or without an answer",
        raised=(both(EXISTS, EXISTS, (SETS_T6[0], LOST)), EMPTY),
        near=(both(EXISTS, EXISTS, (N1_CREATES[0], LOST)), T7),
        before=((CREATED, C1), (N2_DELETES, EMPTY)),
    ),
    Story(
        "a create that another node did not answer may arrive though there is a row",
        raised=(both(N1_CREATES, AGAIN, (N2_CREATES[0], LOST)), T9),
        near=(both(N1_CREATES, COUNTS_T4, (N2_CREATES[0], LOST)), {"c1": ("t4", 1)}),
    ),
    Story(
        "an increment that another node did not answer may arrive, once",
        raised=(both(SETS_T5_1, (SETS_T6[0], row("t6", 2)), (N2_COUNTS[0], LOST)), T5),
        near=(both(SETS_T5_1, (SETS_T6[0], row("t6", 1)), (N2_COUNTS[0], LOST)), {"c1": ("t5", 1)}),
        before=((CREATED, C1),),
    ),
    Story(
        "a create proves that its row was away, where a clock decides",
        raised=(both(N1_DELETES, N1_CREATES, N1_DELETES), C1),
        near=(both(N1_DELETES, N1_CREATES, N1_DELETES), T7),
        before=((CREATED, C1),),
        guarantees=WALLCLOCK,
    ),
    Story(
        "a delete need not win, where a clock decides",
        raised=(both(N1_DELETES, N1_DELETES, AGAIN), C1),
        near=(both(N1_DELETES, N1_DELETES, AGAIN), T9),
        before=((CREATED, C1),),
        guarantees=WALLCLOCK,
    ),
    Story(
        "what is created and arrives twice, where a clock decides, was away in between",
        raised=(both(N1_CREATES, AGAIN, N2_DELETES), C1),
        near=(both(N1_CREATES, AGAIN, N2_DELETES), EMPTY),
        before=((CREATED, C1),),
        guarantees=WALLCLOCK,
    ),
    Story(
        "a row of one leaf is deleted, and created once",
        raised=(both(N1_DELETES, N1_CREATES, AGAIN), T9),
        near=(both(N1_DELETES, N1_CREATES, N1_DELETES, AGAIN), T9),
        before=((CREATED, C1),),
        guarantees=LEAVES,
    ),
    Story(
        "creates replace each other and what was there, where that is promised",
        raised=(both(N1_CREATES, AGAIN), C1),
        near=(both(N1_CREATES, AGAIN), T9),
        before=((CREATED, C1),),
        guarantees=UPSERTS,
    ),
)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.of)
def test_no_order_explains_it(story: Story) -> None:
    verdict = judged(seen(*story.before, story.raised, of=story.guarantees))
    assert verdict is not None
    assert verdict.model == verdict.oracle == len(story.before) + 1


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.of)
def test_and_some_order_explains_what_is_near(story: Story) -> None:
    verdict = judged(seen(*story.before, story.near, of=story.guarantees))
    assert verdict is not None
    assert verdict.model is verdict.oracle is None


@pytest.mark.parametrize(("node", "possible"), [("n1", False), ("n2", True)])
def test_what_is_read_elsewhere_is_no_part_of_the_order(node: str, possible: bool) -> None:
    n1_alone = (Partition((("n1",), ("n2",))), OK)
    nothing = (Read(node, "cases", "c1"), looked(View()))
    moments = (
        (n1_alone, EMPTY),
        (CREATED, C1),
        (both(N1_SETS, SETS_T6, nothing), {"c1": ("t6", 0)}),
    )
    told = (Moment(s, o, {"n1": view(n1), "n2": view(EMPTY)}) for (s, o), n1 in moments)
    verdict = judged(History(NET, CONTRACT, tuple(told)))
    assert verdict is not None
    assert (verdict.model is None) is (verdict.oracle is None) is possible


def test_what_no_order_explains_is_told_in_words() -> None:
    seen_t1 = (Read("n1", "cases", "c1"), looked(view(C1) or View()))
    answers = (
        AGAIN,
        (create("n1", "c1", "t2"), row("t2")),
        (count("n1", "c1", 1), row("t9", 1)),
        N1_DELETES,
        N1_FINDS_NOTHING,
        seen_t1,
    )
    verdict = judged(seen((CREATED, C1), (both(*answers), T9), of=CONTRACT))
    assert verdict is not None
    assert verdict.model == verdict.oracle == 2
    told = (
        "create with title t9, counter 0, severity normal: accepted as title t9, counter 0",
        "create with title t2, counter 0, severity normal: accepted as title t2, counter 0",
        "add 1 to counter: accepted as title t9, counter 1",
        "delete: accepted",
        "set title to t8: refused (no_such_row)",
        "read: title t1, counter 0",
    )
    expected = (
        "wrongly accepted: cases/c1 on n1: expected answers that some order explains; shown: "
    )
    assert verdict.why == expected + "; ".join(told)


# --- rows that refer to each other ---------------------------------------------------------------


def shown(*titles: str, events: tuple[str, ...] = ()) -> View:
    """A case c1 of that title, if any, and events of it."""
    rows = [(Row("cases", "c1"), Value((("title", title),))) for title in titles]
    rows += [(Row("events", e), Value((("case", "c1"), ("body", "b1")))) for e in events]
    return View(tuple(rows))


def stored(**columns: str) -> Outcome:
    return accepted(columns)


def attached(event: str) -> Create:
    return attach("n1", event, "c1", "b1")


STANDS = (create("n1", "c1", "t1"), stored(title="t1")), shown("t1")
ATTACHED = (attached("e1"), stored(case="c1", body="b1"))
MISSING = (attached("e1"), refused("missing_reference"))
REFERENCED = (N1_DELETES[0], refused("referenced"))
BACK = (create("n1", "c1", "t7"), stored(title="t7"))
GONE = (N1_DELETES[0], refused("no_such_row"))
LATE = (attached("e1"), LOST), shown("t1")
E1_GOES = (Delete("n1", "events", "e1"), OK)
E1_GONE = (E1_GOES[0], refused("no_such_row"))
R, C, H = OnDelete.RESTRICT, OnDelete.CASCADE, OnDelete.HIDE
Moments = tuple[tuple[Call, View], ...]
#: Of rows that refer to others in that way: what no order explains, and what one does.
REFERRING: tuple[tuple[str, OnDelete, Moments, Moments], ...] = (
    (
        "what is referred to is deleted, and referred to",
        R,
        (STANDS, (both(ATTACHED, N1_DELETES), shown())),
        (STANDS, (both(MISSING, N1_DELETES), shown())),
    ),
    (
        "a delete is refused for what is not there",
        R,
        (STANDS, (both(MISSING, REFERENCED), shown("t1"))),
        (STANDS, (both(ATTACHED, REFERENCED), shown("t1", events=("e1",)))),
    ),
    (
        "what was attached before a delete went with it",
        C,
        (STANDS, (both(ATTACHED, N1_DELETES), shown()), (BACK, shown("t7", events=("e1",)))),
        (STANDS, (both(ATTACHED, N1_DELETES), shown()), (BACK, shown("t7"))),
    ),
    (
        "what landed before its case was deleted is there to be deleted, once",
        H,
        (STANDS, LATE, (N1_DELETES, shown()), (both(E1_GOES, E1_GOES), shown())),
        (STANDS, LATE, (N1_DELETES, shown()), (both(E1_GOES, E1_GONE), shown())),
    ),
    (
        "a row is missing, and was never away",
        H,
        ((both(BACK, MISSING, GONE, N1_DELETES, (attached("e2"), MISSING[1])), shown("t7")),),
        ((both(BACK, MISSING, GONE), shown("t7")),),
    ),
    (
        "what is attached, and refused as missing, has come back in between",
        H,
        (STANDS, (both(ATTACHED, (attached("e2"), MISSING[1]), GONE), shown("t1", events=("e1",)))),
        (STANDS, (both((attached("e2"), MISSING[1]), GONE, N1_DELETES), shown())),
    ),
)


def told(schema: Schema, moments: Moments) -> History:
    return History(
        fully_connected(schema, 2),
        CONTRACT,
        tuple(
            Moment(step, outcome, dict.fromkeys(("n1", "n2"), view))
            for (step, outcome), view in moments
        ),
    )


@pytest.mark.parametrize(("of", "how", "wrong", "right"), REFERRING, ids=[r[0] for r in REFERRING])
def test_rows_that_refer_to_each_other_are_put_in_one_order(
    of: str, how: OnDelete, wrong: Moments, right: Moments
) -> None:
    verdict = judged(told(shop(how, how), wrong))
    assert verdict is not None, of
    assert verdict.model == verdict.oracle == len(wrong)
    verdict = judged(told(shop(how, how), right))
    assert verdict is not None
    assert verdict.model is verdict.oracle is None


def test_reads_beside_an_answer_about_other_rows_are_no_answers_to_be_put_in_order() -> None:
    schema = shop(R, R)
    belief = initial(fully_connected(schema, 2)).belief
    calls = [(Delete("n1", "cases", "c1").asks(schema), REFERENCED[1])]
    looks = [(Look("n1", "cases", "c1"), dict[Row, Value]())] * 2
    assert not grouped(belief, calls, [()], looks)
    assert grouped(belief, [(calls[0][0], GONE[1])], [()], looks)


# --- all small ones ------------------------------------------------------------------------------

ANSWERS = (
    N1_SETS,
    (retitle("n1", "c1", "t6"), refused("no_such_row")),
    N1_DELETES,
    (N1_DELETES[0], refused("no_such_row")),
    N1_CREATES,
    (create("n1", "c1", "t8"), refused("exists")),
    AGAIN,
)
ELSEWHERE: tuple[tuple[Call, ...], ...] = (
    (),
    (N2_SETS,),
    (N2_CREATES,),
    ((N2_CREATES[0], LOST),),
    ((N2_SETS[0], row("t3")),),
    (N2_DELETES,),
)
SIGHTS: tuple[Shown, ...] = (EMPTY, C1, {"c1": ("t3", 0)}, T4, T5, T7, T9)
#: Every so many of them, and how many of what is impossible is let pass: one in how many.
SMALL = {
    "contract": (CONTRACT, 100),
    "wallclock": (WALLCLOCK, 40),
    "leaves": (LEAVES, 20),
    "by field": (BY_FIELD, 100),
    "upserts": (Guarantees(upserts=True), 100),
    "not passed on": (Guarantees(passes_on=False), 100),
}
STRIDE = 11


def histories(guarantees: Guarantees) -> Iterator[History]:
    """Two or three answers of n1 at once, with a write of n2 beside them or none."""
    for there, many in product((False, True), (2, 3)):
        before = ((CREATED, C1),) if there else ()
        for answers, elsewhere, shown in product(combinations(ANSWERS, many), ELSEWHERE, SIGHTS):
            yield seen(*before, (both(*answers, *elsewhere), shown), of=guarantees)


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_of_all_small_ones_none_alarms_falsely_and_few_are_missed(name: str) -> None:
    guarantees, one_in = SMALL[name]
    happened: Counter[str] = Counter()
    for history in [*histories(guarantees)][::STRIDE]:
        verdict = judged(history)
        if verdict is None:
            happened["undecided"] += 1
            continue
        assert not verdict.false_alarm, (verdict.why, str(history))
        happened["possible" if verdict.oracle is None else "impossible"] += 1
        happened["missed"] += verdict.miss
    assert min(happened["possible"], happened["impossible"]) > 50, happened
    assert happened["missed"] * one_in <= happened["impossible"], happened
    assert happened["undecided"] * 100 <= happened.total(), happened
