"""A node's store is damaged on its disk: the node must not serve it, and begins anew without one.

Disks turn bits over (Ceph and ZFS scrub for it), and what a node serves of such a store travels to
all others. What brings the node back is a disk of its own that is empty, and its peers, or what was
copied of it before (`restoring`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.errors import InvalidRunError
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.net import Net
from syncmodel.model.outcome import Answer, Outcome, refused
from syncmodel.model.plan import Plan
from syncmodel.steps.base import Step, Target, require
from syncmodel.steps.mistakes import one_of
from syncmodel.steps.scope import Scope

#: What is damaged, in words that follow "in".
PARTS = {
    "rows": "one row, by one bit",
    "pages": "every page",
    "header": "the first bytes of the file",
}
#: How a node refuses to start on such a store.
DAMAGED = "store_damaged"


class Spoils(ABC):
    """A target whose nodes' stores can be damaged at rest, and replaced by empty ones."""

    @abstractmethod
    async def spoil(self, node: str, part: str) -> Outcome:
        """Kill the node, damage its store, and start it: `refused` with the code that it gives, or
        `accepted()` if it serves. Where there is no row all pages are damaged.

        Whichever it is, the node then runs with an empty store, in the generation that has all but
        the plugin. Raises `FaultError` if it does not.
        """


@frozen
class Spoil(Step):
    """One node's store is damaged while the node is down; it may not serve that."""

    NEEDS: ClassVar[type[object] | None] = Spoils
    op: ClassVar[str] = "spoil"
    node: str
    part: str

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        yield from (cls(node, part) for node in plan.net.carriers for part in PARTS)

    def leads_to(self, net: Net) -> int | None:
        """The generation that has all but the plugin, if there is one."""
        return net.schema.bare[net.running[self.node]]

    def disturbs(self) -> frozenset[str]:
        return frozenset({self.node})

    def rewire(self, net: Net) -> Net:
        """As if its tables, and their log, were dropped."""
        bare = self.leads_to(net)
        return net if bare is None else net.deploy((self.node,), bare)

    def mistake(self) -> str | None:
        return one_of("part", self.part, PARTS)

    def enabled(self, plan: Plan) -> bool:
        """The node runs with the plugin, and nothing is in its store that rows do not tell: what is
        to be booted, who is a member, whom it trusts. Nothing may be lost that a quorum accepted,
        or that a rollback keeps."""
        net = plan.net
        told = {node for node, _ in (*net.away, *net.distrusts)}
        return (
            self.mistake() is None
            and net.carries(self.node)
            and self.node not in told.union(net.staged)
            and not net.quorum
            and not net.keeps_log
            and self.leads_to(net) is not None
        )

    def due(self) -> Outcome:
        """Refused."""
        return refused(DAMAGED)

    def judge(self, outcome: Outcome, shaky: frozenset[str]) -> None:
        """It must say what is wrong, and not serve. Raises `InvalidRunError` if nobody knows."""
        if outcome.answer is Answer.UNKNOWN:
            raise InvalidRunError(f"What became of this is unknown ({outcome.code}): {self}.")
        if outcome != self.due():
            shown = "it serves" if outcome.ok else f"refused: {outcome.code}"
            expected = f"refused: {DAMAGED}, of: {self}"
            raise DivergenceFound(
                (Divergence(Kind.CONTROL_PLANE, self.node, None, expected, shown),)
            )

    async def perform(self, target: Target) -> Outcome:
        return await require(target, Spoils).spoil(self.node, self.part)

    def __str__(self) -> str:
        return f"{self.node}: the store is damaged in {PARTS.get(self.part, self.part)}"
