"""The life of a node's application: kill -9, and an orderly restart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome, accepted
from syncmodel.model.plan import Plan
from syncmodel.steps.base import Step, Stops, Target, require
from syncmodel.steps.scope import Scope


@frozen
class Crash(Step):
    """kill -9, also to one that stands still; the node stays down until it is restarted."""

    NEEDS: ClassVar[type[object] | None] = Stops
    op: ClassVar[str] = "crash"
    node: str

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        yield from (cls(node) for node in plan.net.nodes if node not in plan.net.down)

    def disturbs(self) -> frozenset[str]:
        return frozenset({self.node})

    def rewire(self, net: Net) -> Net:
        return net.stop(self.node)

    def enabled(self, plan: Plan) -> bool:
        return self.node in plan.net.nodes and self.node not in plan.net.down

    async def perform(self, target: Target) -> Outcome:
        await require(target, Stops).crash(self.node)
        return accepted()

    def __str__(self) -> str:
        return f"{self.node} crashes (kill -9)"


@frozen
class Restart(Step):
    """An orderly stop if the node runs, then a start."""

    NEEDS: ClassVar[type[object] | None] = Stops
    op: ClassVar[str] = "restart"
    node: str

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        yield from (cls(node) for node in plan.net.nodes)

    def disturbs(self) -> frozenset[str]:
        return frozenset({self.node})

    def rewire(self, net: Net) -> Net:
        return net.start(self.node)

    def enabled(self, plan: Plan) -> bool:
        return self.node in plan.net.nodes

    async def perform(self, target: Target) -> Outcome:
        await require(target, Stops).restart(self.node)
        return accepted()

    def __str__(self) -> str:
        return f"{self.node} restarts"
