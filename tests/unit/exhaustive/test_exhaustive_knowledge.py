"""The model, searched whole: exact counts, agreement of the reduction, and that it can fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from syncmodel.checker import Bounds, Holds, Unreached, Violated, audit_symmetry, check
from syncmodel.errors import UsageError
from syncmodel.exhaustive import knowledge as module
from syncmodel.exhaustive.abstract import Situation
from syncmodel.exhaustive.knowledge import Cross, Knowledge, Rest
from syncmodel.exhaustive.knowledge_properties import liveness, safety
from syncmodel.exhaustive.knowledge_symmetry import symmetry
from syncmodel.exhaustive.limits import Limits
from syncmodel.model.belief import Belief
from syncmodel.model.order import Order
from syncmodel.model.rows import RowBelief

COUNTS = [
    (Limits(), 24, 25),
    (Limits(cuts=1), 228, 388),
    (Limits(burst=2), 61, 80),
    (Limits(burst=2, timeouts=1), 306, 424),
    (Limits(rollbacks=1), 262, 325),
    (Limits(writes=3, purges=1), 368, 442),
    (Limits(crashes=1, timeouts=1), 853, 1197),
    (Limits(rows={"events": 1}, burst=2), 76, 99),
    pytest.param(Limits(writes=3, cuts=1), 2983, 4710, marks=pytest.mark.long),
    pytest.param(Limits(cuts=1, burst=2, together=True), 4807, 9512, marks=pytest.mark.long),
    pytest.param(Limits(nodes=3, cuts=1), 4558, 9619, marks=pytest.mark.long),
]


@pytest.mark.parametrize(("limits", "states", "transitions"), COUNTS, ids=str)
def test_a_correct_system_is_never_called_wrong(
    limits: Limits, states: int, transitions: int
) -> None:
    verdict = check(
        Knowledge(limits), [*safety(limits), *liveness(limits)], symmetry=symmetry(limits)
    )
    assert isinstance(verdict, Holds), str(verdict)
    assert (verdict.statistics.states, verdict.statistics.transitions) == (states, transitions)


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(Limits(cuts=1), marks=pytest.mark.long),
        Limits(writes=1, burst=2, timeouts=1, rollbacks=1),
        pytest.param(Limits(rows={"events": 1}, crashes=1), marks=pytest.mark.long),
        Limits(nodes=3, writes=1, rollbacks=1),
    ],
    ids=str,
)
def test_nodes_are_interchangeable(limits: Limits) -> None:
    canonical = symmetry(limits)
    assert canonical is not None
    asked = [*safety(limits), *liveness(limits)]
    audit_symmetry(Knowledge(limits), asked, canonical)
    reduced = check(Knowledge(limits), asked, symmetry=canonical)
    whole = check(Knowledge(limits), asked)
    assert isinstance(whole, Holds)
    assert isinstance(reduced, Holds)
    assert reduced.statistics.depth == whole.statistics.depth
    assert reduced.statistics.states < whole.statistics.states


def test_where_renaming_changes_what_is_offered_there_is_no_symmetry() -> None:
    assert symmetry(Limits(together=True)) is None
    assert symmetry(Limits(nodes=4)) is None


# --- each property can fail ----------------------------------------------------------------------


def _knowing_all(order: Order, version: int, parents: frozenset[int]) -> Order:
    return WRITTEN(order, version, parents | frozenset(range(version)))


def _not_surely(row: RowBelief, versions: frozenset[int], node: str) -> RowBelief:
    del versions, node
    return row


def _wrong_winner(order: Order, winners: frozenset[int], losers: Any) -> Order:
    loser = min(losers, default=None)
    return order if loser is None else SHOWN(order, frozenset({loser}), winners)


def _surely_everywhere(row: RowBelief, versions: frozenset[int], node: str) -> RowBelief:
    del node
    for other in ("n1", "n2"):
        row = SURELY(row, versions, other)
    return row


def _carries_nothing(belief: Belief, net: Any) -> Belief:
    del net
    return belief


WRITTEN, SHOWN, SURELY = Order.written, Order.shown, RowBelief.surely
BOUNDS = "must <= what is really known <= may"
LEARNT = "what was learnt of `loses to` is so"
MISTAKES: list[tuple[type, str, Callable[..., Any], Limits, str]] = [
    (Order, "written", _knowing_all, Limits(cuts=1), LEARNT),
    (Order, "shown", _wrong_winner, Limits(cuts=1), "a correct system is never called wrong"),
    (RowBelief, "surely", _not_surely, Limits(), "at rest all is known"),
    (RowBelief, "surely", _surely_everywhere, Limits(), BOUNDS),
    (Belief, "carried", _carries_nothing, Limits(cuts=1), BOUNDS),
]


@pytest.mark.parametrize("case", MISTAKES, ids=lambda case: case[1])
def test_a_mistake_in_the_model_is_found(
    monkeypatch: pytest.MonkeyPatch, case: tuple[type, str, Callable[..., Any], Limits, str]
) -> None:
    where, name, mistake, limits, broken = case
    monkeypatch.setattr(where, name, mistake)
    verdict = check(Knowledge(limits), safety(limits))
    assert isinstance(verdict, Violated), str(verdict)
    assert verdict.property.name == broken


def test_a_wrong_system_is_called_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgets(now: Situation) -> Situation:
        return rested(evolve(now, really=now.really.set("n1", frozenset())))

    rested = module.rested
    monkeypatch.setattr(module, "rested", forgets)
    asked = [p for p in safety(Limits()) if "called wrong" in p.name]
    verdict = check(Knowledge(Limits()), asked)
    assert isinstance(verdict, Violated)
    assert verdict.path.end.alarm.startswith("missing: cases/c1 on n1")
    assert [type(action) for action in verdict.path.actions[1:]] == [Cross, Rest]


def test_an_empty_pass_shows() -> None:
    limits = Limits(burst=2, ops=frozenset({"set"}))
    assert isinstance(check(Knowledge(limits), safety(limits)), Unreached)


def test_a_bound_makes_it_unknown() -> None:
    verdict = check(Knowledge(Limits(cuts=1)), safety(Limits(cuts=1)), Bounds(max_states=50))
    assert verdict.outcome == "unknown"


def test_bad_limits_are_refused() -> None:
    with pytest.raises(UsageError, match="writes must be 0 or more; it is -1"):
        Limits(writes=-1)
    with pytest.raises(UsageError, match="burst"):
        Limits(ops=frozenset({"burst"}))
    with pytest.raises(UsageError, match="as many generations"):
        Limits(generations=(2,))
