"""Yjs by its Python binding pycrdt: a CRDT in this process, each column a cell of its own.

Yjs documents that a map keeps, for each key, the last write by causality, and one of concurrent
ones on every replica (https://docs.yjs.dev, Y.Map). So rows merge column by column, and whether a
row is there is one more cell. Numbers are floats in Yjs, as in JavaScript.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pycrdt import Doc, Map

from syncmodel.adapter import InProcess
from syncmodel.model.columns import Integer, Token
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Row


class Yjs(InProcess):
    """Replicas of a Yjs document (pycrdt)."""

    schema = Schema(Table("notes", Token("title"), Integer("size")))
    guarantees = Guarantees(by_field=True)
    refuses = False

    def replica(self, node: str) -> Any:
        """An empty document."""
        doc: Any = Doc()
        doc["cells"] = Map()
        return doc

    def create(self, node: str, row: Row, columns: Mapping[str, Any]) -> Any:
        """Its cells, and the one that says that it is there."""
        return self._put(node, row.name, {"": True, **columns})

    def set(self, node: str, row: Row, column: str, value: Any) -> Any:
        """One cell."""
        return self._put(node, row.name, {column: value})

    def delete(self, node: str, row: Row) -> None:
        """Only what says that it is there: other cells keep their history."""
        del self.at[node]["cells"][f"{row.name}/"]

    def rows(self, node: str, prefix: str) -> Any:
        """Those that are there."""
        names = [key[:-1] for key in self.at[node]["cells"] if key.endswith("/")]
        return [("notes", name, self._row(node, name)) for name in names]

    def pull(self, sender: str, receiver: str) -> None:
        """What the receiver's state vector lacks."""
        ours = self.at[receiver]
        ours.apply_update(self.at[sender].get_update(ours.get_state()))

    def _put(self, node: str, name: str, cells: Mapping[str, Any]) -> Any:
        doc = self.at[node]
        with doc.transaction():
            for column, value in cells.items():
                doc["cells"][f"{name}/{column}"] = value
        return self._row(node, name)

    def _row(self, node: str, name: str) -> Any:
        cells = self.at[node]["cells"]
        return {"title": cells[f"{name}/title"], "size": int(cells[f"{name}/size"])}
