"""Loro: a CRDT in this process, each row one value of a map.

A map keeps the last write by Lamport clock, on a tie the peer's (loro.dev/docs/tutorial/map).
"""

from loro import ExportMode, LoroDoc, LoroMap

from syncmodel.adapter import Columns, Counter, InProcess, Row, Schema, Table, Token, WholeRows


class Loro(WholeRows, InProcess):
    """Replicas of a Loro document."""

    schema = Schema(Table("notes", Token("title"), Counter("votes")))
    refuses = False

    def replica(self, node: str) -> LoroDoc:
        doc = LoroDoc()
        doc.peer_id = int(node[1:])
        return doc

    def get(self, node: str, row: Row) -> tuple[Columns, None]:
        return self._notes(node).get_deep_value()[row.name], None

    def put(self, node: str, row: Row, columns: Columns | None, version: None) -> None:
        if columns is None:
            self._notes(node).delete(row.name)
        else:
            self._notes(node).insert(row.name, columns)
        self.at[node].commit()

    def rows(self, node: str, prefix: str) -> object:
        return [("notes", name, row) for name, row in self._notes(node).get_deep_value().items()]

    def pull(self, sender: str, receiver: str) -> None:
        ours = self.at[receiver]
        ours.import_(self.at[sender].export(ExportMode.Updates(ours.oplog_vv)))

    def _notes(self, node: str) -> LoroMap:
        return self.at[node].get_map("notes")
