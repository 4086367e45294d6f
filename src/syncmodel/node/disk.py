"""What a node has stored, as a value: the store of a simulated node and of tests.

`store` keeps the same things in SQLite. Here as there, only what was committed outlives a crash.
"""

from collections.abc import Sequence

import attrs
from immutables import Map

from syncmodel.node import core
from syncmodel.node.entries import RowKey, Stored
from syncmodel.node.pieces import Pieces
from syncmodel.node.ports import Cursor, Durable, Members, Put
from syncmodel.node.state import Node, State

Durables = tuple[Durable, ...]


def due(
    pending: Durables, durables: Sequence[Durable], pieces: Pieces
) -> tuple[Durables, Durables]:
    """(what is committed now in one transaction, what is still pending after that).

    What was left behind before goes first, so that a row's versions are stored in their order;
    unless some of this is left behind as well.
    """
    now, behind = pieces.commit(durables)
    return (now, (*pending, *behind)) if behind else ((*pending, *now), ())


@attrs.frozen(cache_hash=True)
class Disk:
    """The durable half of a node, without the plugin's tables: they follow from the entries."""

    log_id: str
    trusted: frozenset[str] = frozenset()
    inactive: frozenset[str] = frozenset()
    position: int = 0
    entries: Map[tuple[RowKey, str], Stored] = Map()
    cursors: Map[str, Cursor] = Map()

    def apply(self, durables: Sequence[Durable]) -> "Disk":
        """The disk after one transaction."""
        entries, cursors, position = self.entries, self.cursors, self.position
        trusted, inactive = self.trusted, self.inactive
        for one in durables:
            if isinstance(one, Put):
                entries = entries.set((one.stored.key, one.stored.event.pubkey), one.stored)
                position = max(position, one.stored.position)
            elif isinstance(one, Cursor):
                cursors = cursors.set(one.peer, one)
            elif isinstance(one, Members):
                trusted, inactive = one.trusted, one.inactive
        return Disk(self.log_id, trusted, inactive, position, entries, cursors)

    def boot(self, node: Node, plugin: int | None) -> State:
        """The state of a node that starts from this disk."""
        return core.boot(
            node,
            log_id=self.log_id,
            plugin=plugin,
            stored=self.entries.values(),
            position=self.position,
            cursors=self.cursors.values(),
            trusted=self.trusted,
            inactive=self.inactive,
        )
