"""Model and exact oracle on every history of a small scene: every step, answer and sight.

The steps are those that `check --grain model` offers within the same bounds. There the model never
calls wrong what a correct system does; here it calls nothing right that none can do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from copy import copy
from itertools import product

import pytest
from attrs import evolve, frozen
from oracle import Oracle

from syncmodel.exhaustive.limits import TIMEOUTS, Left, Limits, choices, paid
from syncmodel.model.columns import Token
from syncmodel.model.divergence import DivergenceFound
from syncmodel.model.outcome import Outcome, accepted, refused, unknown
from syncmodel.model.rest import compare
from syncmodel.model.schema import Generation, Schema, Table
from syncmodel.model.values import Row, Value
from syncmodel.model.view import View
from syncmodel.model.world import World, initial
from syncmodel.steps import Data, Delete, Step

SCHEMA = Schema(
    Table("cases", Token("title")),
    generations=(Generation("none"), Generation("app", {"app": 1})),
)
C1 = Row("cases", "c1")
SCENES = [
    Limits(schema=SCHEMA, burst=2),
    Limits(schema=SCHEMA, timeouts=1),
    Limits(schema=SCHEMA, crashes=1),
    Limits(schema=SCHEMA, rollbacks=1),
    pytest.param(Limits(schema=SCHEMA, cuts=1, burst=2), marks=pytest.mark.longer),
    pytest.param(Limits(schema=SCHEMA, burst=2, timeouts=1), marks=pytest.mark.longer),
    pytest.param(Limits(schema=SCHEMA, crashes=1, timeouts=1), marks=pytest.mark.longer),
    pytest.param(Limits(schema=SCHEMA, writes=3, burst=2), marks=pytest.mark.longer),
]
#: How many rests a history has.
RESTS = 3


@frozen
class Moment:
    """Where a history has come to; `told` is the history, `steps` how many since the last rest."""

    world: World
    oracle: Oracle
    left: Left
    values: tuple[Value, ...] = ()
    told: tuple[str, ...] = ()
    steps: int = 0
    rests: int = 0


def taken(oracle: Oracle, step: Step, outcome: Outcome) -> Oracle:
    """The oracle after one step more, without a rest."""
    after = copy(oracle)
    after.asked = [*oracle.asked]
    after._happen(step, outcome)
    return after


def rested(oracle: Oracle, views: dict[str, View | None]) -> Oracle:
    after = copy(oracle)
    after._rest(views)
    return after


class Both:
    """Goes through all histories within bounds, and holds the two against each other."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.counted = Counter[str]()
        self.missed = list[str]()

    def run(self) -> None:
        world = initial(self.limits.net)
        oracle = Oracle(world.plan.net, world.belief.guarantees)
        self.go_on(Moment(world, oracle, self.limits.left))

    def go_on(self, now: Moment) -> None:
        if now.steps:
            self.rest(now)
        if now.steps < self.limits.burst and now.rests < RESTS:
            for step, left in choices(self.limits, now.world.plan, now.left):
                for outcome, paid_for, value in outcomes(step, now, left):
                    self.answered(now, step, outcome, paid_for, value)

    def answered(
        self, now: Moment, step: Step, outcome: Outcome, left: Left, value: Value | None
    ) -> None:
        told = (*now.told, f"{step} -> {outcome.answer.value} {outcome.row or outcome.code or ''}")
        oracle, belief = taken(now.oracle, step, outcome), None
        why = ""
        try:
            belief = step.expect(now.world.belief, outcome)
        except DivergenceFound as found:
            why = str(found)
        if self.agree(belief is not None, oracle, told, why):
            assert belief is not None
            world = World(step.advance(now.world.plan), belief)
            values = now.values if value is None or value in now.values else (*now.values, value)
            self.go_on(
                evolve(
                    now,
                    world=world,
                    oracle=oracle,
                    left=left,
                    values=values,
                    told=told,
                    steps=now.steps + 1,
                )
            )

    def rest(self, now: Moment) -> None:
        net, sights = now.world.plan.net, (None, *now.values)
        for shown in product(sights, repeat=len(net.carriers)):
            views: dict[str, View | None] = dict.fromkeys(net.up)
            for node, value in zip(net.carriers, shown, strict=True):
                views[node] = View(() if value is None else ((C1, value),))
            told = (*now.told, "; ".join(f"{n}: {view and view.rows}" for n, view in views.items()))
            oracle, belief, why = rested(now.oracle, views), None, ""
            try:
                belief = compare(now.world.belief, views)
            except DivergenceFound as found:
                why = str(found)
            if self.agree(belief is not None, oracle, told, why):
                assert belief is not None
                world = World(now.world.plan, belief)
                rests = now.rests + 1
                after = evolve(now, world=world, oracle=oracle, told=told, steps=0, rests=rests)
                self.go_on(after)

    def agree(self, accepts: bool, oracle: Oracle, told: tuple[str, ...], why: str) -> bool:
        """Whether both call it right, so that there is more to see."""
        self.counted["possible" if oracle.possible else "impossible"] += 1
        words = "\n".join(told)
        assert accepts or not oracle.possible, f"alarmed falsely: {why}\n{words}"
        if accepts and not oracle.possible:
            self.missed.append(words)
        return accepts and oracle.possible


def outcomes(step: Step, now: Moment, left: Left) -> Iterator[tuple[Outcome, Left, Value | None]]:
    """Every outcome that a step can be said to have, and the value that it may have stored."""
    if not isinstance(step, Data):
        yield accepted(), left, None
        return
    write = step.asks(SCHEMA)
    value = SCHEMA.by_name["cases"].read(write.values) if write.values else None
    yield accepted(None if isinstance(step, Delete) else write.values), left, value
    for code in ("exists", "no_such_row"):
        yield refused(code), left, None
    if left[TIMEOUTS]:
        yield unknown("timeout"), paid(left, TIMEOUTS), value


@pytest.mark.parametrize("limits", SCENES, ids=str)
def test_what_is_accepted_is_possible(limits: Limits) -> None:
    both = Both(limits)
    both.run()
    assert not both.missed, f"{len(both.missed)} of {both.counted}, as\n{both.missed[0]}"
    assert both.counted["impossible"] > both.counted["possible"] > 50
