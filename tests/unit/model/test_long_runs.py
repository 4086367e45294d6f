"""A step of a long run costs what it changes, and is told as where everything is compared."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from supertest import create_case, fully_connected, update_case

from syncmodel.corpus import load_all
from syncmodel.engine import session
from syncmodel.engine.run import run
from syncmodel.errors import SyncModelError
from syncmodel.model import rest
from syncmodel.model.belief import Belief
from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.reference.simulated import SimulatedCluster
from syncmodel.steps import Cut, Heal
from syncmodel.targets.registry import registered
from syncmodel.targets.wire import SUPERTEST

NET = fully_connected(3)
CORPUS = load_all(Path(__file__).parents[3] / "corpus", registered)


def calls(count: int) -> int:
    """Calls of functions, built-in ones too, in a run of so many creates and some more steps."""
    steps = tuple(create_case("n1", f"c{i}", f"t{i}") for i in range(count))
    last = (Cut("n1", "n2"), update_case("n3", "c1", "t"), Heal())
    counted = 0

    def note(_frame: FrameType, event: str, _about: object) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    once = run(SimulatedCluster(3), NET, (*steps, *last))
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        asyncio.run(once)
    finally:
        sys.setprofile(before)
    return counted


def test_twice_the_steps_are_twice_the_calls() -> None:
    calls(3)  # What is made once for all runs.
    few, many = calls(150), calls(300)
    assert many <= 2.05 * few


def test_what_is_known_to_be_the_same_need_not_be_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On every run of the corpus, correct or with its bug."""
    compare, looked = rest.compare, 0

    def both(belief: Belief, views: Mapping[str, View | None]) -> Belief:
        nonlocal looked
        looked += belief.touched is not None
        told: list[object] = []
        for one in (evolve(belief, noted=None, seen=None), belief):
            try:
                told.append(compare(one, views))
            except (DivergenceFound, SyncModelError) as error:
                told.append(str(error))
        assert told[0] == told[1]
        return compare(belief, views)

    monkeypatch.setattr(session, "compare", both)
    for _, file in CORPUS:
        bugs = [] if file.bug is None else [file.bug]
        target = SimulatedCluster(len(file.nodes), bugs, seed=file.network)
        asyncio.run(run(target, file.net, file.steps, file.guarantees))
    assert looked > len(CORPUS)


def test_rows_that_were_made_in_another_way_are_not_known_to_be_the_same() -> None:
    target = SimulatedCluster(3)
    one = session.Session(target, NET)
    asyncio.run(begun(one))
    belief = one.world.belief
    assert belief.touched == frozenset()
    row = Row("cases", "c1")
    again = belief.with_row(row, belief.row(row))
    assert again.touched == frozenset({row})
    assert evolve(again, taken=again.taken).touched == frozenset({row})
    assert evolve(again, rows=again.rows.delete(row)).touched is None
    assert evolve(again, seen=None).touched is None


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


@given(views=st.lists(VIEWS, min_size=1, max_size=8))
def test_a_view_is_as_well_formed_whatever_was_seen_before(views: list[View]) -> None:
    rest._well_formed.cache_clear()
    for view in views:
        whole = not rest._ill_formed(SUPERTEST, 1, "any node", view)
        assert rest._well_formed(SUPERTEST, 1, view) == whole
