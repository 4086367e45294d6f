"""A node's disk is slow: what it stores takes longer, and nothing else changes.

Slow disks are a fault of their own: what is slow is not down, and comes late to all that waits for
it (Huang et al., Gray Failure, HotOS 2017).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.model.outcome import Outcome, accepted
from syncmodel.model.plan import Plan
from syncmodel.steps.base import Step, Target, require
from syncmodel.steps.scope import Scope

#: The longest delay, milliseconds. A row takes some ten writes; a database that tidies up (SQLite's
#: checkpoint of 1,000 pages) a thousand, and nobody is answered meanwhile: seconds are silence.
LONGEST_MS = 2
#: Delays that are drawn.
DELAYS_MS = (0, 1, 2)


class SlowsDisks(ABC):
    """A target whose nodes' disks can be slow."""

    @abstractmethod
    async def slow_disk(self, node: str, delay_ms: int) -> None:
        """Have each write of the node's application to its disk take so much longer, until it is
        stopped; 0 ends it. Raises `FaultError` if a probe says that it does not, or still does."""


@frozen
class SlowDisk(Step):
    """Each write of one node to its disk takes so long; 0 ends it, and so does a stop of the node.

    Only when things come changes, so it changes neither net nor belief.
    """

    NEEDS: ClassVar[type[object] | None] = SlowsDisks
    op: ClassVar[str] = "slow_disk"
    node: str
    delay_ms: int

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        yield from (cls(node, delay) for node in plan.net.carriers for delay in DELAYS_MS)

    def alters(self) -> frozenset[str]:
        return frozenset({self.node})

    def enabled(self, plan: Plan) -> bool:
        """The node runs with the plugin."""
        return plan.net.carries(self.node) and 0 <= self.delay_ms <= LONGEST_MS

    async def perform(self, target: Target) -> Outcome:
        """Make it so slow, probed by the target."""
        await require(target, SlowsDisks).slow_disk(self.node, self.delay_ms)
        return accepted()

    def __str__(self) -> str:
        slow = f"is slow ({self.delay_ms} ms a write)" if self.delay_ms else "is quick"
        return f"{self.node}: the disk {slow}"
