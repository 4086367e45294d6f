"""The wall clock of a node's machine jumps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.model.outcome import Outcome, accepted
from syncmodel.model.plan import Plan
from syncmodel.steps.base import SetsClocks, Step, Target, require
from syncmodel.steps.scope import Scope

#: So far a clock may be from the true time, seconds: nodes may refuse stamps that are further ahead
#: than that allows (docs/contract.md, "Sync").
FURTHEST_S = 60
#: Where clocks are drawn to jump.
AHEAD_S = (0, -1, 1, -FURTHEST_S, FURTHEST_S)


@frozen
class Clock(Step):
    """The node's clock is so many seconds ahead of the true time from now on; behind, if negative.

    No version that is shown depends on it: it changes neither net nor belief.
    """

    NEEDS: ClassVar[type[object] | None] = SetsClocks
    op: ClassVar[str] = "clock"
    node: str
    ahead_s: int

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        yield from (cls(node, ahead_s) for node in plan.net.up for ahead_s in AHEAD_S)

    def alters(self) -> frozenset[str]:
        return frozenset({self.node})

    def enabled(self, plan: Plan) -> bool:
        return self.node in plan.net.up and abs(self.ahead_s) <= FURTHEST_S

    async def perform(self, target: Target) -> Outcome:
        await require(target, SetsClocks).set_clock(self.node, self.ahead_s)
        return accepted()

    def __str__(self) -> str:
        if not self.ahead_s:
            return f"the clock of {self.node} is right"
        ahead = "ahead" if self.ahead_s > 0 else "behind"
        return f"the clock of {self.node} is {abs(self.ahead_s)} s {ahead}"
