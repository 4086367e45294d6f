"""Which rows of a long table changed from one value of it to another: so that none is read whole.

What a core says that it shows (`Show`) is all that has changed in its tables. It is noted as it is
said, and looked up when a node is read.
"""

from __future__ import annotations

from collections.abc import Iterable

from immutables import Map

from syncmodel.record import Record
from syncmodel.reference.node.entries import Row, RowKey

Table = Map[RowKey, tuple[Row, ...]]

#: Tables with fewer rows are read whole.
MANY = 64
#: How many changes are kept, and how many of them lie between two reads at most.
KEPT, APART = 1024, 64


class Change(Record):
    """One table came of another one: it has other rows under these keys, and under no others."""

    before: Table
    after: Table
    keys: tuple[RowKey, ...]


#: The last ones, by the identity of what came of each, which they keep.
_NOTED: dict[int, Change] = {}


def note(before: Table, after: Table, keys: Iterable[RowKey]) -> None:
    """The second table came of the first one, by a change of these keys."""
    if after is before or len(after) < MANY:
        return
    _NOTED[id(after)] = Change(before, after, tuple(keys))
    if len(_NOTED) > KEPT:
        del _NOTED[next(iter(_NOTED))]


def between(before: Table, after: Table) -> set[RowKey] | None:
    """The keys under which they may differ; None where that is not known."""
    keys, table = set[RowKey](), after
    for _ in range(APART):
        if table is before:
            return keys
        change = _NOTED.get(id(table))
        if change is None or change.after is not table:
            return None
        keys.update(change.keys)
        table = change.before
    return None
