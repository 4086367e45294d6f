"""A step of a long run costs what it changes, and is told as where everything is compared."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from saved_runs import saved
from supertest import create_case, fully_connected, update_case

from syncmodel.engine import session
from syncmodel.engine.drive import Straight
from syncmodel.engine.run import run
from syncmodel.errors import SyncModelError
from syncmodel.model import registers, rest, well_formed
from syncmodel.model.belief import Belief
from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Step
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(3)
WHOLE = Guarantees()


# In the interpreter's instructions: a loop over all rows that calls nothing is seen, too.
SHORT, LONG, MEASURED = 100, 300, 3
#: What is found by halving takes a little longer in what is longer.
GROWTH = 1.1


@contextmanager
def counting(found: list[int]) -> Iterator[None]:
    """How many instructions Python goes through until this ends."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)
        found.append(count)


def created(number: int) -> Step:
    return create_case(f"n{number % 3 + 1}", f"c{number}", f"t{number}")


def changed(number: int) -> Step:
    return update_case(f"n{number % 3 + 1}", f"c{number}", f"u{number}")


@pytest.mark.parametrize("step", [created, changed])
def test_a_step_of_a_long_run_is_as_much_work_as_one_of_a_short_run(
    step: Callable[[int], Step],
) -> None:
    one = session.Session(SimulatedCluster(3), NET)
    driver, found = Straight(), list[int]()
    driver.run(one.begin())
    for number in range(LONG):
        if number in (SHORT, LONG - 1):
            with counting(found):
                for more in range(MEASURED):
                    which = number + 1000 + more if step is created else number - MEASURED + more
                    driver.run(one.take(step(which)))
        driver.run(one.take(created(number)))
    assert one.over is None, one.over
    short, long = found
    assert 0 < long < GROWTH * short, (short, long)


def test_what_is_known_to_be_the_same_need_not_be_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On every run of the corpus, correct or with its bug."""
    compare, looked = rest.compare, 0
    monkeypatch.setattr(registers, "MANY", 2)
    monkeypatch.setattr(well_formed, "MANY", 2)

    def both(belief: Belief, views: Mapping[str, View | None]) -> Belief:
        nonlocal looked
        looked += belief.touched is not None
        marks = belief.marked
        assert marks.names == {n for n, row in belief.rows.items() if row.beaten or row.waiting}
        assert marks.hideable == {n for n in belief.rows if belief.net.schema.binding[n.table]}
        told: list[object] = []
        for one in (replace(belief, noted=None, seen=None), belief):
            try:
                told.append(compare(one, views))
            except (DivergenceFound, SyncModelError) as error:
                told.append(str(error))
        assert told[0] == told[1]
        return compare(belief, views)

    monkeypatch.setattr(session, "compare", both)
    for _, file in saved():
        bugs = [] if file.bug is None else [file.bug]
        target = SimulatedCluster(len(file.nodes), bugs, seed=file.network)
        asyncio.run(run(target, file.net, file.steps, file.guarantees))
    assert looked > len(saved())


def test_rows_that_were_made_in_another_way_are_not_known_to_be_the_same() -> None:
    target = SimulatedCluster(3)
    one = session.Session(target, NET)
    asyncio.run(begun(one))
    belief = one.world.belief
    assert belief.touched == frozenset()
    row = Row("cases", "c1")
    again = belief.with_row(row, belief.row(row))
    assert again.touched == frozenset({row})
    assert replace(again, taken=again.taken).touched == frozenset({row})
    assert replace(again, rows=again.rows.delete(row)).touched is None
    assert replace(again, seen=None).touched is None


async def begun(one: session.Session) -> None:
    await one.begin()
    await one.take(create_case("n1", "c1", "t1"))


CASES = st.builds(
    lambda name, text, width: (
        Row("cases", name),
        Value((("title", text), ("counter", 0), ("severity", "normal"))[:width]),
    ),
    st.sampled_from(["c1", "c2", "c3"]),
    st.sampled_from(["t1", "t2"]),
    st.sampled_from([2, 2, 2, 2, 3]),
)
EVENTS = st.builds(
    lambda name, case: (Row("events", name), Value((("case", case), ("body", "t3")))),
    st.sampled_from(["e1", "e2"]),
    st.sampled_from(["c1", "c2"]),
)
VIEWS = st.lists(st.one_of(CASES, CASES, EVENTS), max_size=5).map(lambda rows: View(tuple(rows)))


@given(views=st.lists(VIEWS, min_size=1, max_size=8), many=st.sampled_from([0, 3, 64]))
def test_a_view_is_as_well_formed_whatever_was_seen_before(views: list[View], many: int) -> None:
    well_formed._is_well_formed.cache_clear()
    with patch.object(well_formed, "MANY", many):
        for view in views:
            whole = not well_formed._ill_formed(SUPERTEST, 1, "any node", view)
            assert well_formed._well_formed(SUPERTEST, 1, view) == whole


@given(views=st.lists(VIEWS, min_size=1, max_size=8), many=st.sampled_from([1, 3]))
def test_the_rows_of_a_view_are_the_same_whatever_was_seen_before(
    views: list[View], many: int
) -> None:
    with patch.object(registers, "MANY", many):
        for view in views:
            assert dict(registers.shown(SUPERTEST, WHOLE, view)) == dict(view.rows)


@given(views=st.lists(VIEWS, min_size=2, max_size=2), by_field=st.booleans())
def test_what_two_views_differ_in_is_all_found(views: list[View], by_field: bool) -> None:
    each_once = (View(tuple(dict(view.rows).items())) for view in views)
    before, now = each_once
    guarantees = Guarantees(by_field=True) if by_field else WHOLE
    found, came_or_went = registers.changed(SUPERTEST, guarantees, before, now)
    one, other = (registers.shown(SUPERTEST, guarantees, view) for view in (before, now))
    assert {name for name, _ in one.items() ^ other.items()} <= found
    assert came_or_went == (one.keys() != other.keys())
