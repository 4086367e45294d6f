"""One possible world: all that is hidden in a system, as a value. See `oracle`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations
from typing import NamedTuple

from syncmodel.model.values import Row, Scalar

#: What a row shows, by column; None is a tombstone.
Cells = tuple[tuple[str, Scalar], ...] | None


class Version(NamedTuple):
    """One write of one row; `over` are the versions that it replaced (leaves)."""

    serial: int
    author: str
    cells: Cells
    over: frozenset[int] = frozenset()


class World(NamedTuple):
    """One hidden truth. `orders` has each row's versions, the later the stronger."""

    orders: tuple[tuple[Row, tuple[Version, ...]], ...] = ()
    knows: frozenset[tuple[str, int]] = frozenset()
    pending: frozenset[int] = frozenset()
    #: What is on the copy of each disk; what nodes keep of authors that they do not trust.
    copies: frozenset[tuple[str, int]] = frozenset()
    kept: frozenset[tuple[str, int]] = frozenset()

    def order(self, row: Row) -> tuple[Version, ...]:
        """The versions of a row, in their hidden order."""
        return next((order for one, order in self.orders if one == row), ())

    def known(self, node: str, row: Row) -> list[Version]:
        """Those of them that a node knows."""
        return [v for v in self.order(row) if (node, v.serial) in self.knows]

    def inserted(self, row: Row, place: int, version: Version) -> World:
        """The world in which the author of a new version knows it."""
        order = self.order(row)
        orders = {**dict(self.orders), row: (*order[:place], version, *order[place:])}
        knows = self.knows | {(version.author, version.serial)}
        return self._replace(
            orders=tuple(sorted(orders.items())),
            knows=knows,
            pending=self.pending - {version.serial},
        )

    def forgetting(self, nodes: frozenset[str]) -> World:
        """The world in which these nodes lost their logs. What nobody knows never was."""
        knows = frozenset(one for one in self.knows if one[0] not in nodes)
        kept = frozenset(one for one in self.kept if one[0] not in nodes)
        alive = {serial for _, serial in knows | kept | self.copies}
        left = ((row, tuple(v for v in order if v.serial in alive)) for row, order in self.orders)
        orders = tuple(one for one in left if one[1])
        return self._replace(orders=orders, knows=knows, kept=kept)

    def by(self, author: str) -> frozenset[int]:
        """What that author wrote, by its serial numbers."""
        return frozenset(v.serial for _, order in self.orders for v in order if v.author == author)

    def copied(self, node: str) -> World:
        """The world in which the node's disk was copied."""
        others = frozenset(one for one in self.copies if one[0] != node)
        return self._replace(copies=others | {one for one in self.knows if one[0] == node})

    def put_back(self, nodes: frozenset[str], asked: frozenset[int]) -> World:
        """The world in which these nodes were killed, with what they were `asked`, and know what is
        on the copies."""
        knows = frozenset(one for one in self.knows if one[0] not in nodes)
        back = frozenset(one for one in self.copies if one[0] in nodes)
        kept = frozenset(one for one in self.kept if one[0] not in nodes)
        return self._replace(knows=knows | back, kept=kept, pending=self.pending - asked)

    def distrusting(self, node: str, author: str) -> World:
        """The world in which the node does not show any more what it has of that author."""
        hidden = self.knows & {(node, serial) for serial in self.by(author)}
        return self._replace(knows=self.knows - hidden, kept=self.kept | hidden)

    def trusting(self, node: str, author: str) -> Iterator[World]:
        """The worlds in which it shows again what it kept of that author; it may have kept any."""
        back = sorted(self.kept & {(node, serial) for serial in self.by(author)})
        sizes = range(len(back) + 1)
        for some in chain.from_iterable(combinations(back, size) for size in sizes):
            yield self._replace(knows=self.knows.union(some), kept=self.kept.difference(back))
