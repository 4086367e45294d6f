"""What a change of trust does to what is believed: see docs/semantics.md."""

from __future__ import annotations

from collections.abc import Callable

from immutables import Map

from syncmodel.model.rows import RowBelief
from syncmodel.model.spreading import Link
from syncmodel.model.values import Row

Rows = Map[Row, RowBelief]


def granted(rows: Rows, before: frozenset[Link], after: frozenset[Link]) -> Rows:
    """The rows as they may be while other pairs (node, author) come to be without trust.

    What trust brings back may show already. What waits for an answer of a node that now shows less,
    or more, than it did may land though it could not before.
    """

    def change(row: RowBelief) -> RowBelief:
        for pair in sorted(before - after):
            row = row.trusted(*pair)
        return row.unsettled(frozenset(node for node, _ in before ^ after))

    return _each(rows, change)


def retrusted(rows: Rows, before: frozenset[Link], after: frozenset[Link]) -> Rows:
    """The rows once these pairs are without trust."""

    def change(row: RowBelief) -> RowBelief:
        for pair in sorted(after - before):
            row = row.distrusted(*pair)
        return row

    return granted(_each(rows, change), before, after)


def _each(rows: Rows, change: Callable[[RowBelief], RowBelief]) -> Rows:
    changed = {name: now for name, row in rows.items() if (now := change(row)) is not row}
    return rows.update(changed) if changed else rows
