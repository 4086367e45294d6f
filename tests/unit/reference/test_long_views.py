"""What a node with many rows shows is what it would show if it were read anew."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from immutables import Map

from syncmodel.model.nearly import differing
from syncmodel.reference.node.entries import CASES, EVENTS, CaseRow, EventRow, Row, RowKey
from syncmodel.reference.node.state import State
from syncmodel.reference.simulated import sights
from syncmodel.reference.simulated.changes import MANY, note
from syncmodel.reference.simulated.setup import RUN_ID

Change = tuple[RowKey, tuple[Row, ...] | None]
FULL: dict[RowKey, tuple[Row, ...]] = {
    (CASES, f"{RUN_ID}/c{i}"): (CaseRow(f"{RUN_ID}/c{i}", RUN_ID, f"t{i}", 0),) for i in range(MANY)
}
NAMES = st.sampled_from(["c1", "c5", "c50", "d", "C1", "c"])


def a_case(name: str, title: str, run: str, twice: bool) -> tuple[tuple[int, str], tuple[Row, ...]]:
    row = CaseRow(f"{run}/{name}", run, title, 0)
    return (CASES, row.id), (row, row) if twice else (row,)


def an_event(name: str, case: str) -> tuple[tuple[int, str], tuple[Row, ...]]:
    row = EventRow(f"{RUN_ID}/{name}", RUN_ID, f"{RUN_ID}/{case}", "body")
    return (EVENTS, row.id), (row,)


RARELY = st.integers(0, 9).map(lambda drawn: drawn == 0)
CHANGES = st.one_of(
    st.builds(a_case, NAMES, st.sampled_from("ab"), st.sampled_from([RUN_ID, "other"]), RARELY),
    st.builds(an_event, st.just("e1"), NAMES),
    NAMES.map(lambda name: ((CASES, f"{RUN_ID}/{name}"), None)),
    st.just(((EVENTS, f"{RUN_ID}/e1"), None)),
)


@given(
    changes=st.lists(
        st.tuples(st.sampled_from(["n1", "n2"]), CHANGES, st.booleans(), st.booleans()), max_size=12
    )
)
def test_a_view_made_of_the_last_one_is_the_same(
    changes: list[tuple[str, Change, bool, bool]],
) -> None:
    """Whether a change was noted or not, and whether the node is read after it or later."""
    tables: dict[str, Map[RowKey, tuple[Row, ...]]] = dict.fromkeys(("n1", "n2"), Map(FULL.items()))
    for node, (key, rows), noted, reads in changes:
        before = table = tables[node]
        if rows is not None:
            table = table.set(key, rows)
        elif key in table:
            table = table.delete(key)
        tables[node] = table
        if noted:
            note(before, table, (key,))
        if not reads:
            continue
        made = sights.view(State("log", plugin=1, table=table), node)
        assert made == sights._view(1, tuple(table.values()))


@given(
    before=st.lists(st.integers(0, 3), max_size=9).map(tuple),
    after=st.lists(st.integers(0, 3), max_size=9).map(tuple),
)
def test_what_differs_is_between_what_is_common(
    before: tuple[int, ...], after: tuple[int, ...]
) -> None:
    gone, came = differing(before, after)
    start = next(
        (
            i
            for i in range(len(before) + 1)
            if before[i : i + len(gone)] == gone
            and after[:i] == before[:i]
            and after[i : i + len(came)] == came
            and after[i + len(came) :] == before[i + len(gone) :]
        ),
        None,
    )
    assert start is not None
    assert not (gone and came) or (gone[0] != came[0] and gone[-1] != came[-1])
