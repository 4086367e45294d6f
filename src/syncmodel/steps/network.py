"""Links between nodes: partitions of any shape, single directed links, and the heal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Self

from attrs import frozen

from syncmodel.model.net import Link, Net
from syncmodel.model.outcome import Outcome, accepted
from syncmodel.model.plan import Plan
from syncmodel.model.spreading import split
from syncmodel.steps.base import CutsLinks, CutsOneWay, Step, Target, require
from syncmodel.steps.mistakes import two_nodes
from syncmodel.steps.scope import Scope, shapes


@frozen
class Links(Step):
    """A step that decides which links are cut."""

    NEEDS: ClassVar[type[object] | None] = CutsLinks

    def cut(self, nodes: tuple[str, ...], cut: frozenset[Link]) -> frozenset[Link]:
        """The links that are cut afterwards."""
        raise NotImplementedError

    def rewire(self, net: Net) -> Net:
        return net.with_cut(self.cut(net.nodes, net.cut))

    def enabled(self, plan: Plan) -> bool:
        """It names known nodes and changes something."""
        known = self.nodes() <= set(plan.net.nodes)
        return known and self.cut(plan.net.nodes, plan.net.cut) != plan.net.cut

    async def perform(self, target: Target) -> Outcome:
        """Cut and mend, probed by the target."""
        links = require(target, CutsLinks)
        await links.set_cut(self.cut(target.nodes, links.cut))
        return accepted()


@frozen
class Partition(Links):
    """Only nodes that share a group hear each other; groups may overlap (a bridge, a ring)."""

    op: ClassVar[str] = "partition"
    groups: tuple[tuple[str, ...], ...]

    def nodes(self) -> frozenset[str]:
        return frozenset(node for group in self.groups for node in group)

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        yield from (cls(groups) for groups in shapes(plan.net.nodes))

    def cut(self, nodes: tuple[str, ...], cut: frozenset[Link]) -> frozenset[Link]:
        return split(nodes, self.groups)

    def __str__(self) -> str:
        parts = " | ".join(" ".join(group) for group in self.groups)
        return f"the network splits: {parts}"


@frozen
class OneLink(Links):
    """One directed link is cut, in some way: `to_node` no longer hears `from_node`."""

    NEEDS: ClassVar[type[object] | None] = CutsOneWay
    from_node: str
    to_node: str

    def nodes(self) -> frozenset[str]:
        return frozenset({self.from_node, self.to_node})

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        yield from (cls(a, b) for a, b in sorted(plan.net.links - plan.net.cut))

    def cut(self, nodes: tuple[str, ...], cut: frozenset[Link]) -> frozenset[Link]:
        return cut | {(self.from_node, self.to_node)}

    def mistake(self) -> str | None:
        return two_nodes("from", self.from_node, "to", self.to_node)

    def enabled(self, plan: Plan) -> bool:
        return self.mistake() is None and Links.enabled(self, plan)


@frozen
class Cut(OneLink):
    """Refused and reset: both nodes are told."""

    op: ClassVar[str] = "cut"

    def __str__(self) -> str:
        return f"the link {self.from_node} -> {self.to_node} is cut"


@frozen
class Mend(Links):
    """One directed link is whole again."""

    NEEDS: ClassVar[type[object] | None] = CutsOneWay
    op: ClassVar[str] = "mend"
    from_node: str
    to_node: str

    def nodes(self) -> frozenset[str]:
        return frozenset({self.from_node, self.to_node})

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        yield from (cls(a, b) for a, b in sorted(plan.net.cut))

    def mistake(self) -> str | None:
        return two_nodes("from", self.from_node, "to", self.to_node)

    def cut(self, nodes: tuple[str, ...], cut: frozenset[Link]) -> frozenset[Link]:
        return cut - {(self.from_node, self.to_node)}

    def __str__(self) -> str:
        return f"the link {self.from_node} -> {self.to_node} is mended"


@frozen
class Heal(Links):
    """Every link is whole again."""

    op: ClassVar[str] = "heal"

    @classmethod
    def choices(cls, plan: Plan, scope: Scope) -> Iterator[Self]:
        yield cls()

    def cut(self, nodes: tuple[str, ...], cut: frozenset[Link]) -> frozenset[Link]:
        return frozenset()

    def __str__(self) -> str:
        return "the network heals"
