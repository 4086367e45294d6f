"""A link loses packets, or passes them twice, out of order, damaged or slowly: a bad line.

One kind of step, with what is wrong as data: all of them are put in force, ended and probed alike,
a link has one of them at a time, and no verdict tells one from another.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.model.net import Link
from syncmodel.model.outcome import Outcome, accepted
from syncmodel.model.plan import Plan
from syncmodel.steps.base import Step, Target, require
from syncmodel.steps.mistakes import one_of, two_nodes
from syncmodel.steps.scope import Scope

#: What may be wrong with a line, in words that follow "the link n1 -> n2".
WRONGS = {
    "loss": "loses packets",
    "duplicates": "passes packets twice",
    "disorder": "passes packets out of order",
    "damage": "damages packets",
    "narrow": "passes few bytes a second",
}
#: What ends all of these.
NOTHING = "nothing"


class ImpairsLinks(ABC):
    """A target whose directed links carry packets, which can be lost, doubled and so on."""

    @abstractmethod
    async def impair(self, link: Link, wrong: str) -> None:
        """This is wrong with the link from now on, in each direction; one of `WRONGS`, or
        `NOTHING`. It lasts until it is set again, or the link is cut, or hangs, or the run ends.
        Raises `FaultError` if a probe says otherwise."""


@frozen
class Impair(Step):
    """This is wrong with one directed link, in each direction; a cut ends it.

    What is sent over the link comes whole, once and in order all the same, only later: TCP sees to
    that. So it changes neither net nor belief.
    """

    NEEDS: ClassVar[type[object] | None] = ImpairsLinks
    op: ClassVar[str] = "impair"
    from_node: str
    to_node: str
    wrong: str

    def nodes(self) -> frozenset[str]:
        return frozenset({self.from_node, self.to_node})

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        whole = sorted(plan.net.links - plan.net.cut)
        yield from (cls(a, b, wrong) for a, b in whole for wrong in (*WRONGS, NOTHING))

    def mistake(self) -> str | None:
        same = two_nodes("from", self.from_node, "to", self.to_node)
        return same or one_of("wrong", self.wrong, (*WRONGS, NOTHING))

    def enabled(self, plan: Plan) -> bool:
        link = (self.from_node, self.to_node)
        whole = link in plan.net.links and link not in plan.net.cut
        return whole and self.mistake() is None

    async def perform(self, target: Target) -> Outcome:
        """Put it in force, probed by the target."""
        link = (self.from_node, self.to_node)
        await require(target, ImpairsLinks).impair(link, self.wrong)
        return accepted()

    def __str__(self) -> str:
        link = f"the link {self.from_node} -> {self.to_node}"
        return f"{link} {WRONGS.get(self.wrong, 'passes every packet')}"
