"""An admin request that a node must not carry out, at any moment of a run: refused, and no trace.

What is wrong about each variant is in `nostr.forged`; the last one is a good request that comes
once more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from attrs import frozen

from syncmodel.model.asked import ABSENT
from syncmodel.model.divergence import Divergence, DivergenceFound, Kind
from syncmodel.model.outcome import Answer, Outcome, refused
from syncmodel.model.plan import Plan
from syncmodel.steps.base import Step, Target, require
from syncmodel.steps.mistakes import one_of
from syncmodel.steps.scope import Scope

#: One thing is wrong about each.
FORGED = (
    "unsigned",
    "not-admin",
    "bad-signature",
    "stale",
    "early",
    "wrong-url",
    "wrong-method",
    "wrong-body",
    "other-node",
)
#: How a node refuses a request that is not authorised.
UNAUTHORIZED = "unauthorized"
#: The last request of the method that the node took in this run; where there is none, a question
#: that is asked now. It is sent as it was.
REPLAYED = "replayed"
VARIANTS = (*FORGED, REPLAYED)
#: What is asked, and then replayed, where the node took nothing else: no node lacks it.
QUESTION = "cluster_nodes.list"
#: What is asked for: each would change something that shows, if it was carried out. What depends on
#: the nodes is added where the request is made: see `params`.
METHODS = ("rollout.rollback", "plugins.uninstall", "cluster_nodes.leave", "cluster_nodes.distrust")


def params(method: str, plugin: str, peer: str) -> Mapping[str, Any]:
    """The parameters of such a request; `peer` is the key of another node."""
    if method == "rollout.rollback":
        return {"generation": 1}
    if method == "plugins.uninstall":
        return {"plugin": plugin, "confirm_data_loss": True}
    return {"node": peer}


class Misuses(ABC):
    """A target whose nodes can be sent admin requests that are not authorised."""

    @abstractmethod
    async def misuse(self, node: str, variant: str, method: str) -> Outcome:
        """Send one: `refused` with the node's code, `accepted()` if the node took it."""


@frozen
class Misuse(Step):
    """One such request to one node: it must be refused, and nothing changes."""

    NEEDS: ClassVar[type[object] | None] = Misuses
    op: ClassVar[str] = "misuse"
    node: str
    variant: str
    method: str

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        """Each variant with one method, and replays of each: what they do depends on the method."""
        for node in plan.net.up:
            for place, variant in enumerate(FORGED):
                yield cls(node, variant, METHODS[place % len(METHODS)])
            yield from (cls(node, REPLAYED, method) for method in METHODS)

    def alters(self) -> frozenset[str]:
        """What is replayed is the last request of all: nothing else is asked of its node then."""
        return frozenset({self.node}) if self.variant == REPLAYED else frozenset()

    def inspects(self) -> bool:
        return True

    def mistake(self) -> str | None:
        variant = one_of("variant", self.variant, VARIANTS)
        return variant or one_of("method", self.method, METHODS)

    def enabled(self, plan: Plan) -> bool:
        """The node answers, and it is a request that we can make."""
        return self.node in plan.net.up and self.mistake() is None

    def due(self) -> Outcome:
        """Refused."""
        return refused(UNAUTHORIZED)

    def judge(self, outcome: Outcome, shaky: frozenset[str]) -> None:
        """Refused with that code; what got no answer can't have been carried out either."""
        absent = outcome.code in ABSENT and self.node in shaky
        if outcome.answer is Answer.UNKNOWN or outcome == self.due() or absent:
            return
        kind = Kind.WRONGLY_ACCEPTED if outcome.ok else Kind.WRONGLY_REFUSED
        shown = "accepted" if outcome.ok else f"refused: {outcome.code}"
        expected = f"refused: {UNAUTHORIZED}, of: {self}"
        raise DivergenceFound((Divergence(kind, self.node, None, expected, shown),))

    async def perform(self, target: Target) -> Outcome:
        return await require(target, Misuses).misuse(self.node, self.variant, self.method)

    def __str__(self) -> str:
        return f"{self.node} is asked for {self.method} without a right to it ({self.variant})"
