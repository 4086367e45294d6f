"""What is hidden with its parent does not come back with it."""

from collections.abc import Sequence

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.entries import CASES, EventRow, Row, RowKey
from syncmodel.reference.node.pieces import Table


def _falls(key: RowKey, rows: tuple[Row, ...], table: Table) -> Sequence[RowKey]:
    if rows or key[0] != CASES:
        return ()
    held = ((other, row) for other, (row, *_) in table.items() if isinstance(row, EventRow))
    return sorted(other for other, row in held if row.case_id == key[1])


BUG = Bug(
    name="case-takes-its-events",
    title="Deleting a case removes its events from the table, and creating it again misses them",
    stands_for=(
        "A cascading delete without a cascading restore: rubysherpas/paranoia, issue 20, 'Restore "
        "doesn't restore dependent children'"
    ),
    family="referential",
    pieces=lambda p: attrs.evolve(p, falls=_falls),
)
