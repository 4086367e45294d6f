"""Systems that keep each row as one value, which a write replaces: documents, keys and values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncmodel.adapter.answers import Refused
from syncmodel.adapter.base import Adapter, Columns, unwritten
from syncmodel.model.values import Row


class WholeRows(Adapter):
    """The four operations, by `get` and `put`; inherit it before `InProcess` or `Processes`.

    Both are plain methods. A version is whatever `put` needs to know that nobody has written the
    row since it was read (a revision), or None where the system has no such thing.
    """

    def get(self, node: str, row: Row) -> tuple[Columns, Any] | None:
        """The row as the node has it, and which version that is; None if there is none."""
        raise unwritten(self, "get")

    def put(self, node: str, row: Row, columns: Columns | None, version: Any) -> bool | None:
        """Replace that version (None: there is no row) by these columns (None: delete it).

        Return False where the row is no longer so: nothing happened then.
        """
        raise unwritten(self, "put")

    def create(self, node: str, row: Row, columns: Columns) -> Columns:
        """Put it where there is none."""
        if self.put(node, row, dict(columns), None) is False:
            raise Refused("exists")
        return dict(columns)

    def set(self, node: str, row: Row, column: str, value: Any) -> Any:
        """Put it with another cell."""
        return self._changed(node, row, lambda columns: {**columns, column: value})

    def add(self, node: str, row: Row, column: str, by: int) -> Any:
        """Put it with the sum."""
        return self._changed(node, row, lambda columns: {**columns, column: columns[column] + by})

    def delete(self, node: str, row: Row) -> None:
        """Put nothing in its place."""
        self._changed(node, row, lambda _: None)

    def _changed(self, node: str, row: Row, change: Callable[[Columns], Any]) -> Any:
        """Replace what is there; what somebody else wrote meanwhile is read again."""
        while True:
            found = self.get(node, row)
            if found is None:
                raise Refused("no_such_row")
            columns, version = found
            changed = change(columns)
            if self.put(node, row, changed, version) is not False:
                return changed
