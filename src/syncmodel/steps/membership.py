"""Who is in the cluster: a node leaves it, comes back, or joins it as a new one.

Every node that runs is told; one that was down goes on as before, until it is told. A node that is
no member keeps what it has, goes on to serve its own clients, and neither gets rows from others nor
hands any on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.errors import InvalidRunError
from syncmodel.model.net import Net
from syncmodel.model.outcome import Answer, Outcome
from syncmodel.model.plan import Plan
from syncmodel.steps.base import Step, Target, require
from syncmodel.steps.scope import Scope


class HasMembers(ABC):
    """A target whose nodes leave the cluster, and come into it."""

    @abstractmethod
    async def leave(self, node: str) -> Outcome:
        """Tell every node that runs that this one is no member any more."""

    @abstractmethod
    async def join(self, node: str, *, new: bool) -> Outcome:
        """Tell every node that runs that this one is a member: a `new` one, or one that is back."""


@frozen
class Told(Step):
    """Something that nodes are told by an administrator, and take to heart at once."""

    node: str

    def alters(self) -> frozenset[str]:
        return frozenset({self.node})

    def judge(self, outcome: Outcome, shaky: frozenset[str]) -> None:
        """Raises `InvalidRunError` if its outcome is unknown: nobody knows what holds then."""
        if outcome.answer is Answer.UNKNOWN:
            raise InvalidRunError(f"What became of this is unknown ({outcome.code}): {self}.")
        Step.judge(self, outcome, shaky)


@frozen
class Membership(Told):
    """A node becomes a member of the cluster, or is none any more."""

    NEEDS: ClassVar[type[object] | None] = HasMembers

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        yield from (cls(node) for node in plan.net.nodes)

    def enabled(self, plan: Plan) -> bool:
        """Some node can be told that did not hold it so."""
        net = plan.net
        known = self.node in net.nodes and len(net.nodes) > 1
        return known and not net.quorum and self.rewire(net) != net


@frozen
class Leave(Membership):
    """The node is no member any more."""

    op: ClassVar[str] = "leave"

    def rewire(self, net: Net) -> Net:
        return net.leave(self.node)

    async def perform(self, target: Target) -> Outcome:
        return await require(target, HasMembers).leave(self.node)

    def __str__(self) -> str:
        return f"{self.node} leaves the cluster"


@frozen
class Join(Membership):
    """A machine that knows nothing yet becomes a member."""

    op: ClassVar[str] = "join"

    def rewire(self, net: Net) -> Net:
        return net.join(self.node)

    def enabled(self, plan: Plan) -> bool:
        return Membership.enabled(self, plan) and not plan.may_show(self.node)

    async def perform(self, target: Target) -> Outcome:
        return await require(target, HasMembers).join(self.node, new=True)

    def __str__(self) -> str:
        return f"{self.node} joins the cluster"


@frozen
class Reactivate(Membership):
    """A node that was away comes back, with what it has."""

    op: ClassVar[str] = "reactivate"

    def rewire(self, net: Net) -> Net:
        return net.join(self.node)

    async def perform(self, target: Target) -> Outcome:
        return await require(target, HasMembers).join(self.node, new=False)

    def __str__(self) -> str:
        return f"{self.node} comes back into the cluster"
