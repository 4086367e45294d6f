"""The units of merging: whole rows, or (with `by_field`) each column and a row's existence.

The belief is about registers. Where rows merge whole, a register is a row. Else a row is one
register that says whether it is there, with the columns that never change, and one for each column
that does; a statement about a row holds for all its registers at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from itertools import chain

from attrs import frozen
from immutables import Map

from syncmodel.model.guarantees import Guarantees
from syncmodel.model.nearly import differing
from syncmodel.model.policies import Policy
from syncmodel.model.policies.counter import POLICY as ADDS_UP
from syncmodel.model.rows import RowBelief
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import (
    Added,
    Assigned,
    Row,
    Stored,
    Tombstone,
    Value,
    Write,
    known,
)
from syncmodel.model.view import View

Registers = tuple[tuple[Row, Value], ...]


def stores(schema: Schema, guarantees: Guarantees, write: Write) -> tuple[tuple[Row, Stored], ...]:
    """What a write stores, register by register."""
    if not guarantees.by_field:
        return ((write.row, write.change),)
    row = write.row
    match write.change:
        case Value():
            return split(schema.by_name[row.table], row, write.change)
        case Assigned(column, value):
            return ((row._replace(column=column), Value(((column, value),))),)
        case Added(column):
            return ((row._replace(column=column), write.change),)
        case Tombstone():
            return ((row, write.change),)


def surely_stored(
    asked: tuple[tuple[Row, Stored], ...], columns: tuple[str, ...]
) -> tuple[tuple[Row, Stored], ...]:
    """What a create stores by a node that knows these columns, and may pass over others."""
    return tuple(
        (name, stored.only(columns) if name.column and isinstance(stored, Value) else stored)
        for name, stored in asked
    )


@lru_cache(maxsize=1024)
def split(table: Table, row: Row, value: Value) -> Registers:
    """A row's value, register by register."""
    constants = [cell for cell in value.cells if cell[0] in table.constants]
    changing = [cell for cell in value.shown if cell[0] not in table.constants]
    return (
        (row, known(constants)),
        *((row._replace(column=cell[0]), Value((cell,))) for cell in changing),
    )


def shown(schema: Schema, guarantees: Guarantees, view: View) -> Mapping[Row, Value]:
    """What a view shows, register by register."""
    return _split_view(schema, view) if guarantees.by_field else _rows(view)


# Nodes that agree show equal views, and mostly those that they showed before.


#: From so many rows on they are found by what the last view differs in.
MANY = 64


@frozen
class _Long:
    """A long view, and its rows."""

    view: View = View()
    rows: Map[Row, Value] = Map()


#: The last of them: nodes that agree show one view, and the next one is nearly the same.
_RECENT = deque([_Long()], maxlen=8)


def _rows(view: View) -> Mapping[Row, Value]:
    if len(view.rows) < MANY:
        return _few_rows(view)
    for one in _RECENT:
        if one.view is view:
            return one.rows
    last = _RECENT[-1]
    gone, came = differing(last.view.rows, view.rows)
    if len(last.rows) == len(last.view.rows) and len(gone) + len(came) < MANY:
        with last.rows.mutate() as changing:
            for row, _ in gone:
                del changing[row]
            for row, value in came:
                changing[row] = value
            rows = changing.finish()
    else:
        rows = Map(view.rows)
    if len(rows) != len(view.rows):
        rows = Map(view.rows)  # one shows twice: the last one counts
    _RECENT.append(_Long(view, rows))
    return rows


@lru_cache(maxsize=256)
def _few_rows(view: View) -> Mapping[Row, Value]:
    return dict(view.rows)


def changed(
    schema: Schema, guarantees: Guarantees, before: View, now: View
) -> tuple[set[Row], bool]:
    """The registers that may differ between two views, and whether one came or went."""
    if before is now:
        return set(), False
    gone, came = (
        set(_split_view(schema, View(rows)) if guarantees.by_field else [row for row, _ in rows])
        for rows in differing(before.rows, now.rows)
    )
    return gone | came, gone != came


@lru_cache(maxsize=256)
def _split_view(schema: Schema, view: View) -> Mapping[Row, Value]:
    return {
        register: value
        for row, whole in view.rows
        for register, value in split(schema.by_name[row.table], row, whole)
    }


def come_along(register: Row, column: RowBelief, whole: RowBelief) -> RowBelief:
    """What is believed of a column: who must know a create also knows what that made of it."""
    for node, versions in whole.must.items():
        along = chain.from_iterable(whole.versions[version].along for version in versions)
        came = frozenset([number for name, number in along if name == register])
        column = column.surely(came, node)
    return column


def merge_policy(schema: Schema, guarantees: Guarantees, register: Row) -> Policy:
    """The merge policy of a register."""
    if not register.column:
        return guarantees.policy(register.table)
    return _of_column(schema, guarantees, register.table, register.column)


@lru_cache(maxsize=256)
def _of_column(schema: Schema, guarantees: Guarantees, table: str, column: str) -> Policy:
    if guarantees.sums and schema.by_name[table].by_name[column].OP == "add":
        return ADDS_UP
    return guarantees.policy(table)
