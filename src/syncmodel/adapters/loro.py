"""Loro: a CRDT in this process, each row one value of a map.

Loro documents that a map keeps the last write by its Lamport clock, and breaks ties by the peer's
number (https://loro.dev/docs/tutorial/map), so a write that knew another one always wins over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loro import ExportMode, LoroDoc

from syncmodel.adapter import InProcess
from syncmodel.model.columns import Counter, Token
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Row


class Loro(InProcess):
    """Replicas of a Loro document."""

    schema = Schema(Table("notes", Token("title"), Counter("votes")))
    refuses = False

    def replica(self, node: str) -> Any:
        """An empty document, of a peer that has the node's number."""
        doc = LoroDoc()
        doc.peer_id = int(node[1:])
        return doc

    def create(self, node: str, row: Row, columns: Mapping[str, Any]) -> Any:
        """The whole row."""
        return self._put(node, row, dict(columns))

    def set(self, node: str, row: Row, column: str, value: Any) -> Any:
        """The whole row, with another cell."""
        return self._put(node, row, {**self._map(node).get_deep_value()[row.name], column: value})

    def add(self, node: str, row: Row, column: str, by: int) -> Any:
        """The same: it adds to what this replica shows."""
        return self.set(node, row, column, self._map(node).get_deep_value()[row.name][column] + by)

    def delete(self, node: str, row: Row) -> None:
        """The map's own delete."""
        self._map(node).delete(row.name)
        self.at[node].commit()

    def rows(self, node: str, prefix: str) -> Any:
        """All of them."""
        return [("notes", name, row) for name, row in self._map(node).get_deep_value().items()]

    def pull(self, sender: str, receiver: str) -> None:
        """What the receiver's version vector lacks."""
        ours = self.at[receiver]
        ours.import_(self.at[sender].export(ExportMode.Updates(ours.oplog_vv)))

    def _map(self, node: str) -> Any:
        return self.at[node].get_map("notes")

    def _put(self, node: str, row: Row, columns: Mapping[str, Any]) -> Any:
        self._map(node).insert(row.name, columns)
        self.at[node].commit()
        return columns
