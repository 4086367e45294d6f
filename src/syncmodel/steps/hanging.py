"""A link hangs: cut, and nobody is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.model.net import Link
from syncmodel.model.outcome import Outcome, accepted
from syncmodel.model.plan import Plan
from syncmodel.steps.base import HangsLinks, Target, require
from syncmodel.steps.network import Links
from syncmodel.steps.scope import Scope


@frozen
class Hang(Links):
    """The connections of one directed link stay open, and nothing passes.

    What ends a cut ends it too: the link can be dialled again, and its old connections are dead.
    """

    NEEDS: ClassVar[type[object] | None] = HangsLinks
    op: ClassVar[str] = "hang"
    from_node: str
    to_node: str

    def nodes(self) -> frozenset[str]:
        return frozenset({self.from_node, self.to_node})

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        yield from (cls(a, b) for a, b in sorted(plan.net.links - plan.net.cut))

    def cut(self, nodes: tuple[str, ...], cut: frozenset[Link]) -> frozenset[Link]:
        return cut | {(self.from_node, self.to_node)}

    def enabled(self, plan: Plan) -> bool:
        return self.from_node != self.to_node and Links.enabled(self, plan)

    async def perform(self, target: Target) -> Outcome:
        """Let it hang, probed by the target."""
        await require(target, HangsLinks).hang((self.from_node, self.to_node))
        return accepted()

    def __str__(self) -> str:
        return f"the link {self.from_node} -> {self.to_node} hangs"
