"""Synchronisation that somebody asks for."""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome
from syncmodel.model.plan import Plan
from syncmodel.steps.base import Resyncs, Step, Target, able


@frozen
class Resync(Step):
    """A node asks its peers for what it lacks; for everything again, if `full`."""

    op: ClassVar[str] = "resync"
    node: str
    full: bool = True

    def enabled(self, plan: Plan) -> bool:
        return plan.net.carries(self.node)

    def rewire(self, net: Net) -> Net:
        return net.resynced(self.node) if net.interrupted else net

    async def perform(self, target: Target) -> Outcome:
        return await able(target, Resyncs).resync(self.node, full=self.full)

    def __str__(self) -> str:
        return f"{self.node} resyncs{' in full' if self.full else ''}"
