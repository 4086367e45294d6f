"""What whole kinds of mistakes need is counted where it comes, and nowhere else."""

from __future__ import annotations

from collections import Counter

import pytest

from syncmodel.engine.occasions import Occasion, Occasions
from syncmodel.model.net import fully_connected
from syncmodel.model.plan import Plan
from syncmodel.steps import (
    Add,
    Burst,
    Concurrently,
    Crash,
    Create,
    Fill,
    Restart,
    Rollback,
    Set,
    Step,
)
from syncmodel.targets.wire import SUPERTEST

N1, N2 = (Create(node, "cases", "c1", (("title", node),)) for node in ("n1", "n2"))
GONE = Burst((N1, Crash("n2")))
ADDS = (Add("n1", "cases", "c1", "counter", 1), Add("n2", "cases", "c1", "counter", 2))
OTHER = Add("n2", "cases", "c2", "counter", 2)
SETS = Set("n2", "cases", "c1", "title", "t9")


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((GONE,), {Occasion.CRASH: 1}),
        ((GONE, Burst((Restart("n2"), N2))), {Occasion.CRASH: 1, Occasion.RETURN: 1}),
        ((GONE, N1, Burst((Restart("n2"), N2))), {Occasion.CRASH: 1, Occasion.RETURN: 1}),
        ((GONE, Burst((N2, Restart("n2")))), {Occasion.CRASH: 1}),
        ((GONE, Restart("n2"), N2), {Occasion.CRASH: 1}),
        ((GONE, Burst((Restart("n1"), N1))), {Occasion.CRASH: 1}),
        ((Burst((Crash("n2"), N1)), Burst((Restart("n2"), N2))), {}),
        ((Burst((N2, Crash("n2"))),), {}),
        ((Concurrently(ADDS),), {Occasion.WRITES: 1, Occasion.INCREMENTS: 1}),
        ((Burst((Concurrently(ADDS), N1)),), {Occasion.WRITES: 1, Occasion.INCREMENTS: 1}),
        ((Concurrently((ADDS[0], SETS)),), {Occasion.WRITES: 1}),
        ((Concurrently((ADDS[0], OTHER)),), {}),
        ((Burst(ADDS),), {}),
    ],
    ids=str,
)
def test_which_steps_are_which_occasion(
    steps: tuple[Step, ...], expected: dict[Occasion, int]
) -> None:
    sequence = Occasions()
    assert Counter(one for step in steps for one in sequence.of(step)) == expected


def test_a_log_is_long_once_a_sequence_and_on_a_node_that_still_has_it() -> None:
    plan, sequence = Plan(fully_connected(SUPERTEST, 2)), Occasions()
    few = Fill("n1", "cases", 1001, 100).advance(plan)
    assert [*sequence.of_plan(few)] == []
    many = Fill("n2", "cases", 2001, 20).advance(few)
    assert [*sequence.of_plan(many), *sequence.of_plan(many)] == [Occasion.LONG]
    dropped = Rollback(("n1", "n2"), 1).advance(many)
    assert [*Occasions().of_plan(dropped)] == []
