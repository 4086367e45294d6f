"""The wall clock of a node's machine jumps, or drifts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.model.outcome import Outcome, accepted
from syncmodel.model.pace import FURTHEST_S
from syncmodel.model.plan import Plan
from syncmodel.steps.base import SetsClocks, Step, Target, require
from syncmodel.steps.mistakes import one_of, within
from syncmodel.steps.scope import Scope

#: Where clocks are drawn to jump.
AHEAD_S = (0, -1, 1, -FURTHEST_S, FURTHEST_S)
#: What clocks are drawn to gain, percent: nothing; one stands still, or goes twice as fast. No
#: faster: what waits for 10 s must not have been signed a minute ago when it is read (NIP-98).
GAINS = (0, -100, 100)


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

    def mistake(self) -> str | None:
        return within("ahead_s", self.ahead_s, -FURTHEST_S, FURTHEST_S)

    def enabled(self, plan: Plan) -> bool:
        return self.node in plan.net.up and self.mistake() is None

    async def perform(self, target: Target) -> Outcome:
        await require(target, SetsClocks).set_clock(self.node, self.ahead_s)
        return accepted()

    def __str__(self) -> str:
        if not self.ahead_s:
            return f"the clock of {self.node} is right"
        ahead = "ahead" if self.ahead_s > 0 else "behind"
        return f"the clock of {self.node} is {abs(self.ahead_s)} s {ahead}"


class DriftsClocks(ABC):
    """A target whose nodes' wall clocks can be fast or slow."""

    @abstractmethod
    async def drift(self, node: str, percent: int) -> None:
        """The node's clock is right, and gains so many percent from now on, over restarts too,
        until it is `FURTHEST_S` from the true time, where it stays; until it is set again or the
        run ends. Raises `FaultError` if it does not show that."""


@frozen
class Drift(Step):
    """The node's clock is right, and gains so many percent from now on; or loses, if negative.

    As of `Clock`, no version that is shown depends on it.
    """

    NEEDS: ClassVar[type[object] | None] = DriftsClocks
    op: ClassVar[str] = "drift"
    node: str
    percent: int

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        yield from (cls(node, percent) for node in plan.net.up for percent in GAINS)

    def alters(self) -> frozenset[str]:
        return frozenset({self.node})

    def mistake(self) -> str | None:
        return one_of("percent", self.percent, GAINS)

    def enabled(self, plan: Plan) -> bool:
        """The node is up."""
        return self.node in plan.net.up and self.mistake() is None

    async def perform(self, target: Target) -> Outcome:
        await require(target, DriftsClocks).drift(self.node, self.percent)
        return accepted()

    def __str__(self) -> str:
        how = {-100: "stands still", 0: "is right", 100: "is set right, and goes twice as fast"}
        otherwise = f"is set right, and gains {self.percent} %"
        return f"the clock of {self.node} {how.get(self.percent, otherwise)}"
