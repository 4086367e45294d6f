"""Whose rows a node takes: those that another node wrote and signed, or no more of them.

Trust is between a node and an author. What an author wrote whom the node does not trust shows
there no more, whoever brought it, and is not taken; once it is trusted again, it is asked for anew.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import permutations
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.model.net import Net
from syncmodel.model.outcome import Outcome
from syncmodel.model.plan import Plan
from syncmodel.steps.base import Target, require
from syncmodel.steps.membership import Told
from syncmodel.steps.mistakes import two_nodes
from syncmodel.steps.scope import Scope


class Trusts(ABC):
    """A target whose nodes can be told whom to trust."""

    @abstractmethod
    async def trust(self, node: str, peer: str, *, trusted: bool) -> Outcome:
        """Tell one node that it trusts what `peer` writes, or does not any more."""


@frozen
class Trusting(Told):
    """A node is told whether it trusts what another one writes."""

    NEEDS: ClassVar[type[object] | None] = Trusts
    peer: str

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        yield from (cls(node, peer) for node, peer in permutations(plan.net.nodes, 2))

    def nodes(self) -> frozenset[str]:
        return frozenset({self.node, self.peer})

    def mistake(self) -> str | None:
        return two_nodes("node", self.node, "peer", self.peer)

    def enabled(self, plan: Plan) -> bool:
        """The node runs, and it is another thing to be told.

        What trust does where deletes are held up by other rows, or take them along, is left open;
        and what a delete had hidden can't come back once the delete was purged.
        """
        net = plan.net
        told = self.node in net.up and self.peer in net.nodes and self.mistake() is None
        if not told or plan.purged or net.quorum or net.schema.restricting or net.schema.cascading:
            return False
        return self.rewire(net) != net


@frozen
class Distrust(Trusting):
    """The node takes nothing of that author any more, and shows nothing of it."""

    op: ClassVar[str] = "distrust"

    def rewire(self, net: Net) -> Net:
        return net.distrust(self.node, self.peer)

    async def perform(self, target: Target) -> Outcome:
        return await require(target, Trusts).trust(self.node, self.peer, trusted=False)

    def __str__(self) -> str:
        return f"{self.node} trusts {self.peer} no more"


@frozen
class Trust(Trusting):
    """The node takes what that author wrote, also what it refused before."""

    op: ClassVar[str] = "trust"

    def rewire(self, net: Net) -> Net:
        return net.trust(self.node, self.peer)

    async def perform(self, target: Target) -> Outcome:
        return await require(target, Trusts).trust(self.node, self.peer, trusted=True)

    def __str__(self) -> str:
        return f"{self.node} trusts {self.peer}"
