"""A stop of a walk in lines: tables, what must and may be known, and what differed."""

import re

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from syncmodel.corpus import Reproduction, usual
from syncmodel.engine.drive import Straight
from syncmodel.engine.walk import Walk
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.report.stop import Line, plainly, told_moment, told_stop
from syncmodel.steps import Burst, Crash, Create, Cut, Delete, Resync, Rollback, Set, Step
from syncmodel.targets import registry
from syncmodel.targets.wire import SUPERTEST

CREATE = Create("n1", "cases", "c1", (("title", "t1"),))
BUG = "tombstone-lost-on-resync"
DELETED = (CREATE, Burst((Resync("n2"), Delete("n1", "cases", "c1"))))


def walked(steps: tuple[Step, ...], *bugs: str) -> Walk:
    kind = registry.get("simulated")
    run = Reproduction("A run", usual(SUPERTEST, 2), steps, system=kind)
    walk = Walk(SimulatedCluster(2, bugs), run)
    Straight().run(walk.to(len(steps)))
    return walk


def lines(walk: Walk, number: int, *, whole: bool = False) -> list[Line]:
    before = walk.stops[number - 1] if number else None
    return list(told_stop(walk.stops[number], before, len(walk.steps), whole=whole))


def told(steps: tuple[Step, ...], *bugs: str) -> str:
    """The last stop, but for the time that the answer took."""
    walk = walked(steps, *bugs)
    return re.sub(r", \d+ ms for the answer", "", plainly(lines(walk, len(walk.stops) - 1)))


def test_a_stop_shows_tables_and_what_is_known() -> None:
    cut = Cut("n1", "n2")
    assert (
        told((CREATE, cut, Set("n1", "cases", "c1", "title", "t2")))
        == """\
  Step 3 of 3: n1 sets title of cases/c1 to t2
    answered: accepted as id c1, run_id run, title t2, counter 0
    at rest (every log applied up to its end)
    cut: n1 to n2

  cases/c1
    v1  by n1: title t1, counter 0, severity normal
    v2  by n1: title t2, counter 0, severity normal
    node  shows                must know  may know too  may show
*   n1    title t2, counter 0  v1-v2      -             v2
    n2    title t1, counter 0  v1         -             v1

  The run passed."""
    )


def test_a_stop_shows_what_differed() -> None:
    text = told(DELETED, BUG)
    assert "  Step 2 of 2: a burst of 2 steps, without coming to rest in between" in text
    assert "      n1 deletes cases/c1: accepted as id c1, run_id run, deleted True" in text
    assert "!   n2    title t1, counter 0  v1-v2      -             nothing (v2)" in text
    assert "! Resurrected: cases/c1 on n2\n!   expected: deleted\n" in text


def test_a_node_that_is_down_or_has_no_plugin_shows_nothing() -> None:
    text = told((CREATE, Crash("n2"), Rollback(("n1",), 1)))
    assert "    down: n2; generations: n1 in 1; n2 in 2\n" in text
    assert "n1    (no plugin)  -" in text
    assert "n2    (down)       v1" in text


def test_of_many_rows_those_are_told_of_which_something_is_new() -> None:
    rows = tuple(Create("n1", "cases", f"c{i}", (("title", f"t{i}"),)) for i in range(12))
    walk = walked(rows)
    few = plainly(lines(walk, 12))
    assert "cases/c11" in few
    assert "cases/c3" not in few
    assert "11 rows more, of which nothing is new" in few
    whole = plainly(lines(walk, 12, whole=True))
    assert all(f"cases/c{i}\n" in whole for i in range(12))


def test_a_message_shows_who_shows_something_else_after_it() -> None:
    stop = walked((CREATE,)).stops[1]
    moment = stop.moments[1]
    text = plainly(told_moment(moment, stop.moments[0].views, 2, 3, whole=False))
    words = "title t1, counter 0, severity normal), written by n1 at 0 s (1 under way then)"
    assert text.splitlines() == [
        f"  2 of 3: n2 hears from n1: cases/c1 ({words}",
        "* n2  cases/c1 (title t1, counter 0)",
    ]


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=40).filter(lambda text: "\0" not in text), st.text())
def test_whatever_a_row_is_called_each_line_is_printable(name: str, title: str) -> None:
    steps = (evolve(CREATE, row=name, values=(("title", title),)), Delete("n2", "cases", name))
    walk = walked(steps)
    for number in range(len(walk.stops)):
        for line in lines(walk, number):
            assert line.text.isprintable() or not line.text
        shown = walk.stops[number - 1].views if number else {}
        for moment in walk.stops[number].moments:
            assert all(line.text.isprintable() for line in told_moment(moment, shown, 1, 1))
