"""A link is slow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.model.outcome import Outcome, accepted
from syncmodel.model.plan import Plan
from syncmodel.steps.base import SlowsLinks, Step, Target, require
from syncmodel.steps.mistakes import two_nodes, within
from syncmodel.steps.scope import Scope

#: The longest delay, milliseconds: well below what nodes take for silence.
LONGEST_MS = 500
#: Delays that are drawn.
DELAYS_MS = (0, 20, 100)


@frozen
class Slow(Step):
    """What passes over one directed link takes so long, in each direction; 0 ends it.

    Only when things come changes, so it changes neither net nor belief. A cut ends it.
    """

    NEEDS: ClassVar[type[object] | None] = SlowsLinks
    op: ClassVar[str] = "slow"
    from_node: str
    to_node: str
    delay_ms: int

    def nodes(self) -> frozenset[str]:
        return frozenset({self.from_node, self.to_node})

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        whole = sorted(plan.net.links - plan.net.cut)
        yield from (cls(a, b, delay_ms) for a, b in whole for delay_ms in DELAYS_MS)

    def mistake(self) -> str | None:
        same = two_nodes("from", self.from_node, "to", self.to_node)
        return same or within("delay_ms", self.delay_ms, 0, LONGEST_MS)

    def enabled(self, plan: Plan) -> bool:
        link = (self.from_node, self.to_node)
        whole = link in plan.net.links and link not in plan.net.cut
        return whole and self.mistake() is None

    async def perform(self, target: Target) -> Outcome:
        """Make it so slow, probed by the target."""
        link = (self.from_node, self.to_node)
        await require(target, SlowsLinks).slow(link, self.delay_ms)
        return accepted()

    def __str__(self) -> str:
        link = f"the link {self.from_node} -> {self.to_node}"
        return f"{link} is slow ({self.delay_ms} ms)" if self.delay_ms else f"{link} is quick"
