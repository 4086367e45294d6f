"""Rows, values and versions: what is written, and by whom.

A row is `(table, name)`; a version is one accepted (or perhaps accepted) write of one row. A value
names the version that wrote it: texts and numbers are used once in a run and the k-th increment
adds 2^k, so no two versions of a row are ever alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import zip_longest
from typing import Final, NamedTuple

from syncmodel.record import Record

Scalar = str | int | None

PLAIN = re.compile(r"[\w.+-]{1,40}", re.ASCII)
SHOWN_CHARACTERS = 40


class _Any:
    """The cell of a pattern that any value fits."""

    def __repr__(self) -> str:
        return "anything"


ANY: Final = _Any()
Cell = Scalar | _Any
#: Columns and what they show, in the order of the table's columns.
Cells = tuple[tuple[str, Cell], ...]


def written(value: object) -> str:
    """A value as a sentence shows it: plain words as they are, all else quoted, escaped and cut."""
    if isinstance(value, str) and not PLAIN.fullmatch(value):
        text = json.dumps(value)
        return text if len(text) <= SHOWN_CHARACTERS else f'{text[:SHOWN_CHARACTERS]}..."'
    return "nothing" if value is None else str(value)


class Row(NamedTuple):
    """One row of one table; `name` is its id without the run's prefix.

    With `column`: one column of it, where a system merges column by column. A tuple, as nothing is
    hashed and compared more often.
    """

    table: str
    name: str
    column: str = ""

    @property
    def whole(self) -> Row:
        """The row that a column is of."""
        return Row(self.table, self.name) if self.column else self

    def __str__(self) -> str:
        return f"{self.table}/{written(self.name)}{self.column and '.' + self.column}"


class Value(Record, cache_hash=True):
    """What a row shows, column by column.

    A node of an older version shows the first of these columns only: of those that are not there
    nothing is known. Nor is of those that a later version has dropped: see `Pattern`.
    """

    cells: Cells

    def get(self, column: str) -> Cell:
        """The cell of that column; `ANY` where the value has none."""
        for name, cell in self.cells:
            if name == column:
                return cell
        return ANY

    def with_cell(self, column: str, cell: Cell) -> Value:
        """The same with another cell; a `Pattern`, if it is `ANY`."""
        cells = self.cells
        for place, (name, _) in enumerate(cells):
            if name == column:
                cells = (*cells[:place], (name, cell), *cells[place + 1 :])
                break
        return Pattern(cells) if cell is ANY else type(self)(cells)

    @property
    def shown(self) -> tuple[tuple[str, Scalar], ...]:
        """The columns of which something is known, and what."""
        return tuple([(n, cell) for n, cell in self.cells if not isinstance(cell, _Any)])

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of these."""
        return tuple([name for name, cell in self.cells if cell is not ANY])

    def only(self, columns: tuple[str, ...]) -> Value:
        """The same with nothing known of all but these columns."""
        if self.columns == columns:
            return self
        return known((name, cell if name in columns else ANY) for name, cell in self.cells)

    def widened(self, wider: Value) -> Value:
        """The same with the columns that only `wider` has."""
        more = wider.cells[len(self.cells) :]
        return known(self.cells + more) if more else self

    def fits(self, shown: Value) -> bool:
        """Whether a node that shows `shown` may show this, in as many columns as both have."""
        if isinstance(shown, Pattern):
            return matches(self.cells, shown.cells)
        width = len(shown.cells)
        if width > len(self.cells):
            return self.cells == shown.cells[: len(self.cells)]
        return self.cells[:width] == shown.cells

    def __str__(self) -> str:
        shown = [f"{name} {written(cell)}" for name, cell in self.cells if cell is not ANY]
        return ", ".join(shown) or "present"


class Pattern(Value, cache_hash=True):
    """A value that is asked for, or not known in whole; any value fits where it has `ANY`."""

    def widened(self, wider: Value) -> Value:
        """As `Value.widened`; what only `wider` knows is known, too."""
        pairs = zip_longest(self.cells, wider.cells)
        cells = (
            other if mine is None or (mine[1] is ANY and other is not None) else mine
            for mine, other in pairs
        )
        return known(one for one in cells if one is not None)

    def fits(self, shown: Value) -> bool:
        """As `Value.fits`, whatever stands where either has `ANY`."""
        return matches(self.cells, shown.cells)


def known(cells: Iterable[tuple[str, Cell]]) -> Value:
    """The value of which this is known: a `Pattern`, if anything before its end is not."""
    found = [*cells]
    while found and found[-1][1] is ANY:
        found.pop()
    hole = any(cell is ANY for _, cell in found)
    return Pattern(tuple(found)) if hole else Value(tuple(found))


def matches(some: Cells, others: Cells) -> bool:
    """Whether these agree where both know what they show."""
    for (_, cell), (_, other) in zip(some, others, strict=False):
        if cell != other and cell is not ANY and other is not ANY:
            return False
    return True


class Tombstone(Record):
    """The value of a deleted row: it shows as absent."""

    def __str__(self) -> str:
        return "deleted"


class Assigned(Record):
    """A column set over a base that is not known (yet)."""

    column: str
    value: Scalar

    def over(self, base: Value) -> Value:
        """What it makes of that base."""
        return base.with_cell(self.column, self.value)

    def under(self, stored: Value) -> Value | None:
        """What it was made of, as a pattern, if `stored` is what came of it; else None."""
        if stored.get(self.column) not in (self.value, ANY):
            return None
        return stored.with_cell(self.column, ANY)

    def __str__(self) -> str:
        return f"perhaps {self.column} {written(self.value)}"


class Added(Record):
    """An amount added to a column of a base that is not known (yet)."""

    column: str
    by: int

    def over(self, base: Value) -> Value:
        """What it makes of that base."""
        before = base.get(self.column)
        return base.with_cell(self.column, before + self.by if isinstance(before, int) else ANY)

    def under(self, stored: Value) -> Value | None:
        """What it was made of, as a pattern, if `stored` is what came of it; else None."""
        after = stored.get(self.column)
        if not isinstance(after, int):
            return stored
        return stored.with_cell(self.column, after - self.by) if after & self.by else None

    def __str__(self) -> str:
        return f"perhaps {self.column} increased by {self.by}"


Change = Assigned | Added
Stored = Value | Tombstone | Assigned | Added
TOMBSTONE = Tombstone()


class Version(Record):
    """One write of one row.

    `node` took it; `value` is what it stored. `sure` is false while the outcome of the write is
    unknown and no node has shown it. `along`, where columns merge by themselves: the versions, by
    register and number, that the same create surely made of them.
    """

    node: str
    value: Stored
    sure: bool
    along: tuple[tuple[Row, int], ...] = ()

    @property
    def is_tombstone(self) -> bool:
        """Whether this version shows as absent."""
        return isinstance(self.value, Tombstone)


class Write(Record):
    """What one data step asks of one node.

    `change` is what it will have stored: whole for a create, `Assigned` or `Added` where the base
    decides the rest, a `Tombstone` for a delete. `needs`: rows that must show on the node for this
    one to be accepted.
    """

    node: str
    row: Row
    change: Stored
    needs: tuple[Row, ...] = ()

    @property
    def op(self) -> str:
        """`create`, `set`, `add` or `delete`."""
        return OPS[type(self.change)]

    @property
    def creates(self) -> bool:
        """Whether the row must be absent; else it must be there."""
        return isinstance(self.change, Value)

    @property
    def values(self) -> dict[str, Scalar]:
        """What is to be stored: every column of a create, the one column of a set or an add."""
        match self.change:
            case Value(cells):
                return {name: cell for name, cell in cells if not isinstance(cell, _Any)}
            case Assigned(column, value):
                return {column: value}
            case Added(column, by):
                return {column: by}
            case _:
                return {}

    def refusal(
        self, has: Callable[[Row], bool], shows: Callable[[Row], bool], *, upserts: bool = False
    ) -> str | None:
        """Why a node must refuse it, as a code; None: it must not.

        `has`: the node has that row, shown or hidden by one that it refers to; `shows`: it shows.
        For systems that have no word for it themselves.
        """
        there = has(self.row)
        if self.creates and there and not upserts:
            return "exists"
        if not self.creates and not there:
            return "no_such_row"
        return None if all(map(shows, self.needs)) else "missing_reference"

    def applied(self, row: Mapping[str, Scalar] | None) -> dict[str, Scalar] | None:
        """What it makes of a row (None: one that is not there); None for a delete."""
        match self.change:
            case Tombstone():
                return None
            case Added(column, by):
                before = dict(row or {})
                count = before.get(column, 0)
                return {**before, column: count + by if isinstance(count, int) else by}
            case _:
                return {**({} if self.creates else row or {}), **self.values}


OPS: dict[type[object], str] = {Value: "create", Assigned: "set", Added: "add", Tombstone: "delete"}
