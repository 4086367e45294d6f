"""What a node of the correct system has of each row, given the writes that it knows.

Written from docs/semantics.md and docs/guarantees.md alone, independent of the model: a hidden
total order says which of several writes shows. Where the docs leave something to the system, each
system draws its own way (`Ways`). `correct_system` has the nodes and the links.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from random import Random

from attrs import frozen

from syncmodel.model.columns import Column, OnDelete
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.schema import Schema
from syncmodel.model.values import Added, Assigned, Row, Scalar, Tombstone, Value, Write

#: Names one write of one row: the request's serial number and the row.
Key = tuple[int, Row]
Cells = Mapping[str, Scalar]
NOTHING: frozenset[int] = frozenset()


@frozen(eq=False)
class Stored:
    """One accepted write of one row; it travels whole.

    `cells` None is a tombstone; where columns merge by themselves they are just those written.
    `over` are the serial numbers of what it replaced, and of all that this had replaced (leaves);
    of the increments that its node knew (sums). `version` is the plugin's version on its node.
    """

    serial: int
    row: Row
    author: str
    version: int
    cells: Cells | None
    stamp: int
    tie: int
    creates: bool
    adds: str = ""
    over: frozenset[int] = NOTHING

    @property
    def key(self) -> Key:
        """What names it."""
        return (self.serial, self.row)

    @property
    def rank(self) -> tuple[int, int]:
        """The hidden total order."""
        return (self.stamp, self.tie)

    @property
    def fields(self) -> frozenset[str]:
        """What it says something of, where columns merge by themselves; "": of being there."""
        there = {""} if self.creates or self.cells is None else set()
        return frozenset(there.union(self.cells or ()))


@frozen
class Ways:
    """What the docs leave to a system, decided once for each."""

    #: Whether a create takes out of a counter the increments that its node knew.
    resets: bool
    #: Whether an older node that replaces a row keeps the columns that it does not know.
    keeps_unknown: bool
    #: Whether a create over a deleted row replaces the tombstone (CouchDB does).
    extends: bool
    #: Whether the leaf with the longest history wins (CouchDB), or any.
    longest: bool
    #: Whether a quorum may be gathered over third nodes.
    relays: bool

    @classmethod
    def draw(cls, rng: Random) -> Ways:
        """Any."""
        return cls(*(rng.random() < 0.5 for _ in range(5)))


class Merging:
    """What each node has. `happened` counts what a test wants to have seen."""

    schema: Schema
    guarantees: Guarantees
    ways: Ways
    known: dict[str, dict[Key, Stored]]
    #: What all nodes forgot together. It stays among what they know, and counts for nothing.
    purged: set[Key]
    happened: Counter[str]

    def plugin(self, node: str) -> int | None:
        """The plugin's version on the node."""
        raise NotImplementedError

    def policy(self, row: Row) -> str:
        """The name of the merge policy of the row's table."""
        return self.guarantees.policy(row.table).name

    def versions(self, node: str, row: Row) -> Iterator[Stored]:
        """What the node knows of the row, and did not forget."""
        purged = self.purged
        for key, stored in self.known[node].items():
            if stored.row == row and key not in purged:
                yield stored

    # --- what shows ----------------------------------------------------------------------------

    def leaves(self, node: str, row: Row) -> list[Stored]:
        """What nothing that the node knows replaced."""
        known = [*self.versions(node, row)]
        replaced = NOTHING.union(*(stored.over for stored in known))
        return [stored for stored in known if stored.serial not in replaced]

    def rank(self, stored: Stored) -> tuple[int, int]:
        """Which of several shows: the greatest."""
        if self.policy(stored.row) != "multi-value":
            return stored.rank
        return (len(stored.over) if self.ways.longest else 0, stored.tie)

    def winner(self, node: str, row: Row) -> Stored | None:
        """The write that decides what shows, where rows merge whole."""
        known = [*self.versions(node, row)]
        if self.policy(row) == "multi-value":
            known = self.leaves(node, row)
            known = [stored for stored in known if stored.cells is not None] or known
        return max(known, key=self.rank, default=None)

    def has(self, node: str, row: Row) -> dict[str, Scalar] | None:
        """What the node has of the row, shown or hidden; None for nothing."""
        if self.guarantees.by_field:
            return self.merged(node, row)
        winner = self.winner(node, row)
        return None if winner is None or winner.cells is None else dict(winner.cells)

    def latest(self, node: str, row: Row, column: str) -> Stored | None:
        """The write that decides one column; "": whether the row is there."""
        known = (stored for stored in self.versions(node, row) if column in stored.fields)
        return max(known, key=self.rank, default=None)

    def merged(self, node: str, row: Row) -> dict[str, Scalar] | None:
        """The row, column by column."""
        there = self.latest(node, row, "")
        if there is None or there.cells is None:
            return None
        cells = dict[str, Scalar]()
        for column in self.schema.table(row.table).columns:
            decides = self.latest(node, row, column.name) if column.op else there
            if self.sums(column):
                cells[column.name] = self.total(node, row, column.name)
            elif decides is not None and column.name in (decides.cells or ()):
                cells[column.name] = (decides.cells or {})[column.name]
        return cells

    def sums(self, column: Column) -> bool:
        """Whether the increments of this column add up."""
        return self.guarantees.sums and column.OP == "add"

    def total(self, node: str, row: Row, column: str) -> int:
        """What all increments add up to, but those that a create took out."""
        counted = [stored for stored in self.counted(node, row) if stored.adds == column]
        self.happened["sums of concurrent increments"] += any(
            a.serial not in b.over and b.serial not in a.over and a is not b
            for a in counted
            for b in counted
        )
        return sum(int((stored.cells or {})[column] or 0) for stored in counted)

    def counted(self, node: str, row: Row) -> list[Stored]:
        """The increments that are in the row's sums."""
        known = [*self.versions(node, row)]
        out = NOTHING.union(*(stored.over for stored in known if stored.creates))
        return [stored for stored in known if stored.adds and stored.serial not in out]

    def is_visible(self, node: str, row: Row) -> bool:
        """Whether a row shows: the node has it, and the rows that it is bound to show."""
        cells = self.has(node, row)
        return cells is not None and all(
            self.is_visible(node, Row(ref.table, str(cells[ref.name])))
            for ref in self.schema.table(row.table).refs
            if ref.on_delete is not OnDelete.NOTHING
        )

    def present(self, node: str) -> list[Row]:
        """The rows that the node has, shown or hidden."""
        rows = sorted({stored.row for stored in self.known[node].values()})
        return [row for row in rows if self.has(node, row) is not None]

    def referring(self, node: str, rows: set[Row], kind: OnDelete) -> set[Row]:
        """The rows that the node has and that refer to these, by references of that kind."""
        found = set[Row]()
        for row in self.present(node):
            cells = self.has(node, row) or {}
            for ref in self.schema.table(row.table).refs:
                if ref.on_delete is kind and Row(ref.table, str(cells[ref.name])) in rows:
                    found.add(row)
        return found

    def deleted_with(self, node: str, row: Row) -> set[Row]:
        """The row, and all rows that its delete takes along."""
        gone = {row}
        while more := self.referring(node, gone, OnDelete.CASCADE) - gone:
            gone |= more
        return gone

    # --- what a write stores -------------------------------------------------------------------

    def changed(self, node: str, write: Write) -> Cells | None:
        """The cells that a write stores."""
        has, by_field = self.has(node, write.row), self.guarantees.by_field
        match write.change:
            case Tombstone():
                return None
            case Value():
                return self.created(node, write, has or {})
            case Assigned(column, value):
                return {column: value} if by_field else {**(has or {}), column: value}
            case Added(column, by):
                kind = self.schema.table(write.row.table).by_name[column]
                before = 0 if self.sums(kind) else int((has or {}).get(column) or 0)
                after = {column: before + by}
                return after if by_field else {**(has or {}), **after}

    def created(self, node: str, write: Write, has: Cells) -> Cells:
        """A whole row, as the node's version knows it."""
        columns = self.schema.table(write.row.table).columns
        ours = {c.name for c in columns if c.there(self.plugin(node) or 0)}
        cells = {name: cell for name, cell in write.values.items() if name in ours}
        if self.ways.keeps_unknown and not self.guarantees.by_field:
            cells |= {name: cell for name, cell in has.items() if name not in ours}
        return cells

    def replaced(self, node: str, write: Write) -> frozenset[int]:
        """The serial numbers of what a write replaces, or of what it knows (see `Stored.over`)."""
        row = write.row
        if self.policy(row) == "multi-value":
            winner = self.winner(node, row)
            if winner is None or (winner.cells is None and not self.ways.extends):
                return NOTHING
            return winner.over | {winner.serial}
        if self.guarantees.sums and (write.op == "add" or (write.creates and self.ways.resets)):
            return frozenset(known.serial for known in self.versions(node, row) if known.adds)
        return NOTHING

    def columns(self, node: str, row: Row) -> list[Column]:
        """The columns that the node's version knows."""
        version = self.plugin(node) or 0
        return [c for c in self.schema.table(row.table).columns if c.there(version)]

    def answer(self, node: str, row: Row, cells: Cells) -> dict[str, Scalar]:
        """A row of these cells, as the node's version shows it."""
        shown = dict[str, Scalar]()
        for column in self.columns(node, row):
            shown[column.name] = cells[column.name] if column.name in cells else _start(column)
            if shown[column.name] != column.start:
                self.happened["unknown columns came back"] += any(
                    not column.there(stored.version) and stored.cells is not None
                    for stored in self.versions(node, row)
                )
        return shown


def _start(column: Column) -> Scalar:
    start = column.start
    assert start is None or isinstance(start, str | int)
    return start
