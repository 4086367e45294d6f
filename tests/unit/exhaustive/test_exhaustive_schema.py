"""The model over other schemas and other promises, searched whole; and what it does not cover."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve
from shop import Shop, shop

from syncmodel.checker import Holds, Violated, audit_symmetry, check
from syncmodel.errors import UsageError
from syncmodel.exhaustive.knowledge import Knowledge
from syncmodel.exhaustive.knowledge_properties import liveness, safety
from syncmodel.exhaustive.knowledge_symmetry import symmetry
from syncmodel.exhaustive.limits import Limits, choices
from syncmodel.exhaustive.searches import Grain, search
from syncmodel.model import judge
from syncmodel.model.belief import Belief
from syncmodel.model.columns import OnDelete, Ref
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.plan import Plan
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Row
from syncmodel.targets.wire import SUPERTEST

HIDE, CASCADE, RESTRICT, NOTHING = OnDelete
EACH = {"users": 1, "carts": 1, "items": 1}
BARE = frozenset({"create", "delete"})
#: A whole search that takes long: CI runs it too, and shorter siblings are in every run.
WHOLE = [pytest.mark.long, pytest.mark.verdicts]


def counted(limits: Limits, guarantees: Guarantees = Guarantees()) -> tuple[int, int]:  # noqa: B008
    """States and transitions of a search that holds."""
    asked = [*safety(limits, guarantees), *liveness(limits, guarantees)]
    verdict = check(Knowledge(limits, guarantees), asked, symmetry=symmetry(limits, guarantees))
    assert isinstance(verdict, Holds), str(verdict)
    return verdict.statistics.states, verdict.statistics.transitions


# --- what a delete does to rows that refer to the deleted one ------------------------------------

#: By what a delete of a user does, and one of a cart.
SHOPS = {
    (HIDE, HIDE): (514, 633),
    (HIDE, CASCADE): (530, 657),
    (HIDE, RESTRICT): (498, 621),
    (HIDE, NOTHING): (963, 1232),
    (CASCADE, HIDE): (550, 681),
    (CASCADE, CASCADE): (598, 769),
    (CASCADE, RESTRICT): (502, 633),
    (RESTRICT, HIDE): (450, 559),
    (RESTRICT, CASCADE): (466, 583),
    (RESTRICT, RESTRICT): (434, 547),
    (NOTHING, CASCADE): (991, 1274),
}


@pytest.mark.parametrize("kinds", SHOPS, ids=lambda kinds: "-".join(k.value for k in kinds))
def test_three_tables(kinds: tuple[OnDelete, OnDelete]) -> None:
    limits = Limits(schema=shop(*kinds), rows=EACH, writes=4, ops=BARE)
    assert counted(limits) == SHOPS[kinds]


@pytest.mark.parametrize(
    ("limits", "counts"),
    [
        pytest.param(
            Limits(schema=shop(RESTRICT, CASCADE), rows=EACH, writes=3, cuts=1),
            (2748, 4497),
            marks=WHOLE,
        ),
        (Limits(schema=shop(CASCADE, HIDE), rows={"carts": 1}, writes=3, burst=2), (548, 752)),
        pytest.param(
            Limits(schema=shop(CASCADE, HIDE), rows={"carts": 2}, writes=3, crashes=1),
            (1042, 1423),
            marks=WHOLE,
        ),
        (
            Limits(schema=shop(RESTRICT, HIDE), rows={"carts": 1}, burst=2, together=True),
            (155, 206),
        ),
        (
            Limits(schema=shop(RESTRICT, HIDE), rows={"carts": 1}, writes=3, timeouts=1, ops=BARE),
            (867, 1190),
        ),
        (Limits(schema=shop(HIDE, HIDE), rows={"carts": 1}, timeouts=1, together=True), (387, 510)),
    ],
    ids=str,
)
def test_three_tables_and_faults(limits: Limits, counts: tuple[int, int]) -> None:
    assert counted(limits) == counts


def test_references_to_one_table_may_differ() -> None:
    notes = Table("notes", Ref("cart", "carts"))
    schema = Schema(*shop(HIDE, RESTRICT).tables, notes)
    limits = Limits(schema=schema, nodes=1, rows=EACH | {"notes": 1}, writes=6, ops=BARE)
    assert counted(limits) == (1405, 2018)


@pytest.mark.parametrize("writes", [2, pytest.param(3, marks=WHOLE)])
def test_nodes_of_a_shop_are_interchangeable(writes: int) -> None:
    limits = Limits(schema=shop(CASCADE, HIDE), rows={"carts": 1}, writes=writes)
    canonical = symmetry(limits)
    assert canonical is not None
    audit_symmetry(Knowledge(limits), [*safety(limits), *liveness(limits)], canonical)


def test_rows_are_named_in_order_even_where_a_reference_names_them_first() -> None:
    limits = Limits(schema=shop(NOTHING, HIDE), rows={"users": 2, "carts": 2}, writes=2, ops=BARE)
    named = {str(step) for step, _ in choices(limits, Plan(limits.net), limits.left)}
    assert "n1 creates carts/c1 with owner u1" in named
    assert not any("users/u2" in step for step in named)


# --- columns of later versions -------------------------------------------------------------------


def _first_version() -> Schema:
    """The reference's schema without the columns of later versions."""
    tables = (Table(t.name, *(c for c in t.columns if c.since == 1)) for t in SUPERTEST.tables)
    return Schema(
        *tables, plugin=SUPERTEST.plugin, generations=SUPERTEST.generations, usual=SUPERTEST.usual
    )


@pytest.mark.parametrize(
    ("limits", "without", "counts"),
    [
        (Limits(cuts=1), (228, 388), (228, 388)),
        (Limits(burst=2, timeouts=1), (301, 424), (306, 424)),
        (Limits(crashes=1, timeouts=1), (803, 1145), (853, 1197)),
    ],
    ids=str,
)
def test_a_column_that_no_node_shows_leaves_more_open(
    limits: Limits, without: tuple[int, int], counts: tuple[int, int]
) -> None:
    """What a node shows of a write of unknown outcome says nothing of a later column."""
    assert counted(evolve(limits, schema=_first_version())) == without
    assert counted(limits) == counts


def test_nodes_of_two_versions() -> None:
    limits = Limits(writes=2, rollouts=1, burst=2)
    assert counted(limits) == (330, 531)


# --- other guarantees ----------------------------------------------------------------------------

PROMISES: list[tuple[Guarantees, Limits, tuple[int, int]]] = [
    (Guarantees(rows="wallclock-lww"), Limits(cuts=1), (436, 701)),
    (Guarantees(rows="wallclock-lww"), Limits(burst=2, timeouts=1), (416, 598)),
    (Guarantees(rows="wallclock-lww"), Limits(crashes=1, timeouts=1), (1282, 1784)),
    (Guarantees(tables={"events": "wallclock-lww"}), Limits(rows={"events": 1}, burst=2), (76, 99)),
    (Guarantees(upserts=True), Limits(cuts=1), (260, 434)),
    (Guarantees(upserts=True), Limits(burst=2, together=True), (182, 231)),
    (Guarantees(upserts=True), Limits(rows={"events": 1}, writes=3, burst=2), (1078, 1415)),
    (Guarantees(answers_rows=False), Limits(cuts=1), (250, 410)),
    (Guarantees(answers_rows=False), Limits(burst=2, timeouts=1), (302, 424)),
    (Guarantees(passes_on=False), Limits(nodes=3, writes=1, cuts=1, burst=2), (728, 2807)),
    (Guarantees(passes_on=False), Limits(rollbacks=1), (233, 287)),
    (Guarantees(passes_on=False), Limits(burst=2, together=True), (155, 206)),
    (Guarantees(heal_catches_up=False), Limits(cuts=1, resyncs=1), (1252, 3065)),
    (Guarantees(heal_catches_up=False), Limits(crashes=1, resyncs=1), (568, 1057)),
    (Guarantees(rollback_keeps_log=True), Limits(rollbacks=1), (144, 207)),
    (Guarantees(readers={"n2"}), Limits(cuts=1, burst=2), (271, 642)),
]


#: So many states and more take long.
MANY = 1_000


@pytest.mark.parametrize(
    ("guarantees", "limits", "counts"),
    [pytest.param(*one, marks=WHOLE if one[2][0] > MANY else ()) for one in PROMISES],
    ids=str,
)
def test_other_promises(guarantees: Guarantees, limits: Limits, counts: tuple[int, int]) -> None:
    assert counted(limits, guarantees) == counts


REFUSED: list[tuple[Limits, Guarantees, str]] = [
    (Limits(), Guarantees(rows="multi-value"), "the merge policy multi-value of cases"),
    (Limits(), Guarantees(by_field=True, sums=True), "columns that merge by themselves"),
    (Limits(), Guarantees(quorum=True), "a `quorum`"),
    (Limits(schema=shop(CASCADE, HIDE), timeouts=1), Guarantees(), "deletes that cascade"),
]


@pytest.mark.parametrize(("limits", "guarantees", "said"), REFUSED, ids=str)
def test_what_is_not_covered_is_refused(limits: Limits, guarantees: Guarantees, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        search(Grain.MODEL, limits, guarantees=guarantees)


# --- it can fail ---------------------------------------------------------------------------------


def _only_these(belief: Belief, rows: tuple[Row, ...]) -> frozenset[Row]:
    return frozenset(rows)


def _takes_nothing(belief: Belief, entered: Belief, _: Any, entries: Any, __: Any) -> Any:
    return entered, entries


def _refers_to_nothing(belief: Belief, *_: Any) -> list[Any]:
    return []


NEVER_WRONG = "a correct system is never called wrong"
BOUNDS = "must <= what is really known <= may"
MISTAKES: list[tuple[object, str, Callable[..., Any], OnDelete, str]] = [
    (judge, "with_cascades", _takes_nothing, CASCADE, BOUNDS),
    (Belief, "referring", _refers_to_nothing, RESTRICT, NEVER_WRONG),
    (Belief, "needed_by", _only_these, HIDE, NEVER_WRONG),
]


@pytest.mark.parametrize("made", MISTAKES, ids=[name for _, name, *_ in MISTAKES])
def test_a_mistake_in_the_model_is_found(
    monkeypatch: pytest.MonkeyPatch,
    made: tuple[object, str, Callable[..., Any], OnDelete, str],
) -> None:
    owner, name, mistake, kind, broken = made
    monkeypatch.setattr(owner, name, mistake)
    limits = Limits(schema=shop(HIDE, kind), rows=EACH, writes=4, ops=BARE)
    verdict = check(Knowledge(limits), safety(limits), symmetry=symmetry(limits))
    assert isinstance(verdict, Violated)
    assert verdict.property.name == broken


# --- limits --------------------------------------------------------------------------------------


def test_rows_are_of_the_first_table_where_nothing_is_said() -> None:
    assert dict(Limits(schema=Shop.schema).counts) == {"users": 1, "carts": 0, "items": 0}
    assert dict(Limits(schema=Shop.schema, rows={"items": 2}).counts) == {
        "users": 1,
        "carts": 0,
        "items": 2,
    }
    assert str(Limits(rows={"events": 1})) == "nodes 2, rows events=1"


def test_bad_rows_are_refused() -> None:
    with pytest.raises(UsageError, match="There is no table 'users'"):
        Limits(rows={"users": 1})
    with pytest.raises(UsageError, match="0 or more of each table; they are cases=-1"):
        Limits(rows={"cases": -1})
