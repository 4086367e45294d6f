"""A node's application stands still, with all its connections open, and goes on later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome, accepted
from syncmodel.model.plan import Plan
from syncmodel.steps.base import Pauses, Step, Target, require
from syncmodel.steps.scope import Scope


@frozen
class Pause(Step):
    """SIGSTOP; the node stands still until it is resumed, restarted or killed."""

    NEEDS: ClassVar[type[object] | None] = Pauses
    op: ClassVar[str] = "pause"
    node: str

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        yield from (cls(node) for node in plan.net.up)

    def alters(self) -> frozenset[str]:
        return frozenset({self.node})

    def rewire(self, net: Net) -> Net:
        return net.pause(self.node)

    def enabled(self, plan: Plan) -> bool:
        return self.node in plan.net.up

    async def perform(self, target: Target) -> Outcome:
        await require(target, Pauses).pause(self.node)
        return accepted()

    def __str__(self) -> str:
        return f"{self.node} stands still (SIGSTOP)"


@frozen
class Resume(Step):
    """SIGCONT: the node goes on where it stood still."""

    NEEDS: ClassVar[type[object] | None] = Pauses
    op: ClassVar[str] = "resume"
    node: str

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        yield from (cls(node) for node in sorted(plan.net.paused))

    def alters(self) -> frozenset[str]:
        return frozenset({self.node})

    def rewire(self, net: Net) -> Net:
        return net.resume(self.node)

    def enabled(self, plan: Plan) -> bool:
        return self.node in plan.net.paused

    async def perform(self, target: Target) -> Outcome:
        await require(target, Pauses).resume(self.node)
        return accepted()

    def __str__(self) -> str:
        return f"{self.node} goes on"
