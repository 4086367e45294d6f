"""A shop: three tables that refer to each other, and a small store of them that is correct."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from attrs import frozen

from syncmodel.model.columns import Counter, OnDelete, Ref, Token
from syncmodel.model.net import Link, Net
from syncmodel.model.outcome import Outcome, accepted, refused
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import TOMBSTONE, Added, Assigned, Row, Tombstone, Value, Write
from syncmodel.model.view import View
from syncmodel.steps.base import CutsLinks
from syncmodel.targets.base import Settled, Target, Unsettled


def shop(of_users: OnDelete, of_carts: OnDelete) -> Schema:
    """Users, their carts, and the items in these; what a delete of a user and of a cart does."""
    return Schema(
        Table("users", Token("name")),
        Table("carts", Ref("owner", "users", on_delete=of_users), Token("note", default=None)),
        Table("items", Ref("cart", "carts", on_delete=of_carts), Counter("count")),
    )


@frozen(order=True)
class Stamp:
    """When a write was made, by a clock that is ahead of all that its node knows."""

    time: int
    node: str


class Shop(Target, CutsLinks):
    """Each node keeps the latest write of each row, and sends it to those that hear it."""

    schema: ClassVar[Schema] = shop(OnDelete.RESTRICT, OnDelete.CASCADE)
    title: ClassVar[str] = "a shop"
    waits: ClassVar[bool] = False

    def __init__(self, count: int = 2, bugs: Sequence[str] = ()) -> None:
        super().__init__(count, bugs)
        self._cut: frozenset[Link] = frozenset()
        self.known: dict[str, dict[Row, tuple[Stamp, Value | Tombstone]]] = {}

    @property
    def cut(self) -> frozenset[Link]:
        return self._cut

    async def begin(self, net: Net) -> None:
        self._cut = net.cut
        self.known = {node: {} for node in self.nodes}

    async def set_cut(self, cut: frozenset[Link]) -> None:
        self._cut = cut

    async def write(self, node: str, write: Write) -> Outcome:
        had = self.has(node, write.row)
        if write.creates:
            if had is not None:
                return refused("exists")
            if not all(self.shows(node, row) for row in write.needs):
                return refused("missing_reference")
            assert isinstance(write.change, Value)
            return self._stored(node, write.row, write.change)
        if had is None:
            return refused("no_such_row")
        if isinstance(write.change, Assigned | Added):
            return self._stored(node, write.row, write.change.over(had))
        return self._deleted(node, write.row)

    def _deleted(self, node: str, row: Row) -> Outcome:
        rows = [row]
        for one in rows:
            if self.referring(node, one, OnDelete.RESTRICT):
                return refused("referenced")
            rows += self.referring(node, one, OnDelete.CASCADE)
        for one in rows:
            self._stored(node, one, TOMBSTONE)
        return accepted()

    def _stored(self, node: str, row: Row, value: Value | Tombstone) -> Outcome:
        known = self.known[node]
        latest = max((stamp.time for stamp, _ in known.values()), default=0)
        known[row] = (Stamp(latest + 1, node), value)
        return accepted(dict(value.cells) if isinstance(value, Value) else None)

    def has(self, node: str, row: Row) -> Value | None:
        """What the node has of a row, shown or hidden."""
        value = self.known[node].get(row, (None, TOMBSTONE))[1]
        return value if isinstance(value, Value) else None

    def shows(self, node: str, row: Row) -> bool:
        """Whether the row shows, and all that it refers to."""
        value = self.has(node, row)
        if value is None:
            return False
        return all(self.shows(node, one) for one in self.schema.bound_to(row, value.cells))

    def referring(self, node: str, row: Row, how: OnDelete) -> list[Row]:
        """The rows of the node that refer to this one so."""
        return [
            other
            for other in self.known[node]
            for table, ref in self.schema.referring[row.table]
            if ref.on_delete is how
            and table.name == other.table
            and (value := self.has(node, other)) is not None
            and value.get(ref.name) == row.name
        ]

    async def read(self, node: str) -> View | None:
        rows = (row for row in sorted(self.known[node]) if self.shows(node, row))
        return View(tuple((row, value) for row in rows if (value := self.has(node, row))))

    async def settle(self, net: Net, *, control: bool, limit_s: float) -> Settled | Unsettled:
        for _ in self.nodes:
            for sender, hearer in net.connected:
                for row in self.known[sender]:
                    self.hear(hearer, row, *self.known[sender][row])
        return Settled({node: await self.read(node) for node in net.up})

    def hear(self, node: str, row: Row, stamp: Stamp, value: Value | Tombstone) -> None:
        """The node hears of a write."""
        had = self.known[node].get(row)
        if had is None or had[0] < stamp:
            self.known[node][row] = (stamp, value)
