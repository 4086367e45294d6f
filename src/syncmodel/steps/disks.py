"""A node's disk is full for a while, or slow: what it can't store it must not say that it has.

A transaction that meets a full disk at any place is what databases lose rows by (fsyncgate,
ALICE). What is asked of the node meanwhile belongs to no run, so that the target judges it and the
belief knows nothing of it; what its peers had sent it must be there once there is room.

What is slow is not down, and comes late to all that waits for it (Huang et al., Gray Failure, HotOS
2017).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.errors import InvalidRunError
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.outcome import Answer, Outcome, accepted
from syncmodel.model.plan import Plan
from syncmodel.steps.base import Step, Target, require
from syncmodel.steps.mistakes import within
from syncmodel.steps.scope import Scope

#: What is expected of a node whose disk was full.
KEEPS = "a full disk loses nothing that was accepted, and the node goes on"

#: The longest delay, milliseconds. A row takes some ten writes; a database that tidies up (SQLite's
#: checkpoint of 1,000 pages) a thousand, and nobody is answered meanwhile: seconds are silence.
LONGEST_MS = 2
#: Delays that are drawn.
DELAYS_MS = (0, 1, 2)


def lost(node: str, shown: str) -> Divergence:
    """What is wrong with the node since a disk was full."""
    return Divergence(Kind.CONTROL_PLANE, node, None, KEEPS, shown)


class FillsDisks(ABC):
    """A target whose nodes' disks can be filled to the last byte, and freed again."""

    @abstractmethod
    async def fill_disk(self, node: str, *, killed: bool) -> Outcome:
        """Fill it, ask the node for writes of no run, and free it; if `killed`, the node is killed
        before that, and started after.

        `accepted()` if the node has all that it accepted and nothing that it refused, and refused
        by 503 or 507; else `refused` with what was wrong. What is known at rest alone the next
        `settle` may raise, as `lost`. Raises `FaultError` if a probe says that there is room, or
        none afterwards.
        """


@frozen
class FullDisk(Step):
    """One node's disk is full, and has room again; neither net nor belief changes."""

    NEEDS: ClassVar[type[object] | None] = FillsDisks
    op: ClassVar[str] = "full_disk"
    node: str
    killed: bool

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        yield from (cls(node, killed) for node in plan.net.carriers for killed in (False, True))

    def disturbs(self) -> frozenset[str]:
        return frozenset({self.node}) if self.killed else frozenset()

    def alters(self) -> frozenset[str]:
        return frozenset({self.node})

    def inspects(self) -> bool:
        """It runs as before."""
        return True

    def enabled(self, plan: Plan) -> bool:
        """The node runs with the plugin."""
        return plan.net.carries(self.node)

    def due(self) -> Outcome:
        """It is as it should."""
        return accepted()

    def judge(self, outcome: Outcome, shaky: frozenset[str]) -> None:
        """Raises `InvalidRunError` if nobody knows."""
        if outcome.answer is Answer.UNKNOWN:
            raise InvalidRunError(f"What became of this is unknown ({outcome.code}): {self}.")
        if not outcome.ok:
            raise DivergenceFound((lost(self.node, str(outcome.code)),))

    async def perform(self, target: Target) -> Outcome:
        return await require(target, FillsDisks).fill_disk(self.node, killed=self.killed)

    def __str__(self) -> str:
        killed = ", and it is killed then" if self.killed else ""
        return f"{self.node}: the disk is full for a while{killed}"


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

    def mistake(self) -> str | None:
        return within("delay_ms", self.delay_ms, 0, LONGEST_MS)

    def enabled(self, plan: Plan) -> bool:
        """The node runs with the plugin."""
        return plan.net.carries(self.node) and self.mistake() is None

    async def perform(self, target: Target) -> Outcome:
        """Make it so slow, probed by the target."""
        await require(target, SlowsDisks).slow_disk(self.node, self.delay_ms)
        return accepted()

    def __str__(self) -> str:
        slow = f"is slow ({self.delay_ms} ms a write)" if self.delay_ms else "is quick"
        return f"{self.node}: the disk {slow}"
