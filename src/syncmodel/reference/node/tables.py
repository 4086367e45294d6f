"""The plugin's tables, as they follow from the versions that are known of each row."""

from operator import itemgetter
from typing import TypeVar

from immutables import Map
from msgspec.structs import replace

from syncmodel.reference.node.entries import CASES, EventRow, Row, RowKey, Stored
from syncmodel.reference.node.ports import Output, Show
from syncmodel.reference.node.state import Node, State, winner

_Item = TypeVar("_Item")
_Key = TypeVar("_Key", RowKey, tuple[int, str])


def table_of(state: State, node: Node) -> Map[RowKey, tuple[Row, ...]]:
    """The plugin's tables as the entries have them."""
    table = {}
    for key in state.rows:
        row = _row(state, key, winner(state, key, node.pieces), node)
        if row is not None:
            table[key] = (row,)
    return Map(
        {
            key: rows
            for key, rows in table.items()
            if not isinstance(row := rows[0], EventRow)
            or node.pieces.waits_on((CASES, row.case_id) in table)
        }
    )


def _row(state: State, key: RowKey, stored: Stored | None, node: Node) -> Row | None:
    """What the table holds under `key` where `stored` is the winner."""
    return None if stored is None else node.pieces.row(stored, state.rows[key].values())


def project(state: State, key: RowKey, node: Node) -> tuple[State, tuple[Output, ...]]:
    """Bring the table's row under `key` in line with the versions that are known of it."""
    stored = winner(state, key, node.pieces)
    row = _row(state, key, stored, node)
    rows = () if row is None else (row,)
    if state.table.get(key, ()) == rows:
        return state, ()
    table = state.table.set(key, rows) if rows else state.table.delete(key)
    at_s = stored.event.created_at if stored else 0
    shows = [Show(key, rows, at_s)]
    for other in node.pieces.falls(key, rows, table):
        table = table.delete(other)
        shows.append(Show(other, (), at_s))
    return replace(state, table=table), tuple(shows)


def in_order(items: Map[_Key, _Item]) -> list[tuple[_Key, _Item]]:
    """By key: a map's own order follows from hashes, which differ from process to process."""
    return sorted(items.items(), key=itemgetter(0))
