"""Synchronisation on request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome
from syncmodel.model.plan import Plan
from syncmodel.steps.base import Resyncs, Step, Target, require
from syncmodel.steps.scope import Scope


@frozen
class Resync(Step):
    """A node asks its peers for what it lacks; for everything again, if `full`."""

    NEEDS: ClassVar[type[object] | None] = Resyncs
    op: ClassVar[str] = "resync"
    node: str
    full: bool = True

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        for node in plan.net.carriers:
            yield cls(node, full=True)
            yield cls(node, full=False)

    def enabled(self, plan: Plan) -> bool:
        return plan.net.carries(self.node)

    def rewire(self, net: Net) -> Net:
        return net.resynced(self.node) if net.interrupted else net

    def becomes(self, net: Net, outcome: Outcome) -> Net:
        """An unconfirmed resync promises nothing."""
        return self.rewire(net) if outcome.ok else net

    async def perform(self, target: Target) -> Outcome:
        return await require(target, Resyncs).resync(self.node, full=self.full)

    def __str__(self) -> str:
        return f"{self.node} resyncs{' in full' if self.full else ''}"
