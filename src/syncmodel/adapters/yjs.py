"""Yjs by its Python binding pycrdt: a CRDT in this process, each column a cell of its own.

Maps keep the last write of each key by causality, or one of concurrent ones (docs.yjs.dev, Y.Map).
"""

from pycrdt import Doc, Map

from syncmodel.adapter import Columns, Guarantees, InProcess, Integer, Row, Schema, Table, Token


class Yjs(InProcess):
    """Replicas of a Yjs document (pycrdt)."""

    schema = Schema(Table("notes", Token("title"), Integer("size")))
    guarantees, refuses, numbers = Guarantees(by_field=True), False, float

    def replica(self, node: str) -> Doc[Map[object]]:
        return Doc({"cells": Map()})

    def create(self, node: str, row: Row, columns: Columns) -> Columns:
        for column, value in {**columns, "": True}.items():  # "": that the row is there
            self.at[node]["cells"][f"{row.name}/{column}"] = value
        return columns

    def set(self, node: str, row: Row, column: str, value: object) -> Columns:
        self.at[node]["cells"][f"{row.name}/{column}"] = value
        return self._row(node, row.name)

    def delete(self, node: str, row: Row) -> None:
        del self.at[node]["cells"][f"{row.name}/"]  # no more: a concurrent set would leave a hole

    def rows(self, node: str, prefix: str) -> object:
        names = [key[:-1] for key in self.at[node]["cells"] if key.endswith("/")]
        return [("notes", name, self._row(node, name)) for name in names]

    def pull(self, sender: str, receiver: str) -> None:
        self.at[receiver].apply_update(self.at[sender].get_update(self.at[receiver].get_state()))

    def _row(self, node: str, name: str) -> Columns:
        return {c: self.at[node]["cells"][f"{name}/{c}"] for c in ("title", "size")}
