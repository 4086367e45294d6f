"""Requests without an answer land before, between or after what their node answers at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations, permutations, product

import pytest
from histories import History, Moment, judged
from stories import (
    C1,
    CREATED,
    EMPTY,
    LOST,
    T2,
    Shown,
    attach,
    both,
    create,
    event,
    in_a_row,
    retitle,
    row,
    view,
)

from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import fully_connected
from syncmodel.model.outcome import Outcome, accepted, refused, shown
from syncmodel.model.view import View
from syncmodel.steps import Create, Delete, Partition, Read, Step
from syncmodel.targets.wire import SUPERTEST

Call = tuple[Step, Outcome]
ALONE = (Partition((("n1",), ("n2",))), accepted())
DELETES = Delete("n1", "cases", "c1")
WITHOUT_ANSWER = tuple(
    (step, LOST)
    for step in (
        retitle("n1", "c1", "t2"),
        DELETES,
        create("n1", "c1", "t3"),
        attach("n1", "e1", "c1", "b1"),
    )
)
#: Answers that one of these may get, at the same time as another.
ANSWERED: tuple[Call, ...] = (
    (retitle("n1", "c1", "t5"), row("t5")),
    (retitle("n1", "c1", "t6"), refused("no_such_row")),
    (DELETES, accepted()),
    (DELETES, refused("no_such_row")),
    (create("n1", "c1", "t7"), row("t7")),
    (create("n1", "c1", "t8"), refused("exists")),
    (attach("n1", "e2", "c1", "b2"), event("c1", "b2")),
    (attach("n1", "e3", "c1", "b3"), refused("missing_reference")),
)
TITLES = ("t1", "t2", "t3", "t5", "t7")
SHOWN: tuple[Shown, ...] = (EMPTY, *({"c1": (title, 0)} for title in TITLES))


def unanswered() -> Iterator[Sequence[Call]]:
    """One to three of these requests, in every order."""
    return chain.from_iterable(permutations(WITHOUT_ANSWER, count) for count in (1, 2, 3))


def histories() -> Iterator[History]:
    """What n1, which nobody hears, may have been asked, answered and shown; or not."""
    net = fully_connected(SUPERTEST, 2)
    sees = product(unanswered(), (C1, {"c1": T2}), combinations(ANSWERED, 2), SHOWN)
    for late, before, answers, after in sees:
        named = any(step.key.name == "e2" for step, _ in answers if isinstance(step, Create))
        there = _with_event(after) if named else after
        told = (
            (*ALONE, EMPTY),
            (*CREATED, C1),
            (*in_a_row(*late), before),
            (*both(*answers), there),
        )
        moments = (
            Moment(step, outcome, {"n1": view(n1), "n2": view(EMPTY)}) for step, outcome, n1 in told
        )
        yield History(net, Guarantees(), tuple(moments))


def _with_event(cases: Shown) -> Shown:
    """With the event that was created, unless there is no case to show it."""
    assert isinstance(cases, Mapping)
    return {**cases, "e2": ("c1", "b2")} if cases else cases


def read_elsewhere() -> Iterator[History]:
    """What n1 may have been asked and answered while n2, which hears it, was read; or not."""
    net = fully_connected(SUPERTEST, 2)
    late = chain.from_iterable(permutations(WITHOUT_ANSWER[:3], count) for count in (1, 2))
    for lost, answer, read, after in product(late, ANSWERED, SHOWN, SHOWN):
        makes = isinstance(answer[0], Create) and answer[0].key.name == "e2"
        there = _with_event(after) if makes else after
        look = Read("n2", "cases", "c1"), shown(view(read) or View())
        told = ((*CREATED, C1), (*in_a_row(*lost), C1), (*both(answer, look), there))
        moments = (
            Moment(step, outcome, dict.fromkeys(("n1", "n2"), view(sight)))
            for step, outcome, sight in told
        )
        yield History(net, Guarantees(), tuple(moments))


def counted(histories: Iterable[History]) -> Counter[str]:
    happened: Counter[str] = Counter()
    for history in histories:
        verdict = judged(history)
        assert verdict is not None
        assert not verdict.false_alarm, (verdict.why, str(history))
        happened["possible" if verdict.oracle is None else "impossible"] += 1
        happened["missed"] += verdict.miss
    assert min(happened["possible"], happened["impossible"]) > 200, happened
    return happened


@pytest.mark.slow
def test_what_landed_beside_answers_may_have_done_so_after_each_of_them() -> None:
    happened = counted([*histories()][::7])
    assert not happened["missed"], happened


@pytest.mark.slow
def test_what_a_read_elsewhere_proves_to_have_landed_may_have_done_so_after_an_answer() -> None:
    happened = counted(read_elsewhere())
    assert not happened["missed"], happened
