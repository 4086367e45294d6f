"""What a node has stored, as a value: the store of a simulated node and of tests.

`store` keeps the same things in SQLite. Here as there, only what was committed outlives a crash.
"""

from collections.abc import Mapping, Sequence

from immutables import Map
from msgspec.structs import replace

from syncmodel.record import Record
from syncmodel.reference.node import core, migrations
from syncmodel.reference.node.entries import RowKey, Stored
from syncmodel.reference.node.migrations import MIGRATIONS, Migration, Plan
from syncmodel.reference.node.pieces import Pieces
from syncmodel.reference.node.ports import Cursor, Durable, Members, Purged, Put
from syncmodel.reference.node.state import Node, State

Durables = tuple[Durable, ...]


def due(
    pending: Durables, durables: Sequence[Durable], pieces: Pieces
) -> tuple[Durables, Durables]:
    """(what is committed now in one transaction, what is still pending after that).

    What was left behind before goes first, so that a row's versions are stored in their order.
    """
    return pieces.commit((*pending, *durables))


class Disk(Record, cache_hash=True):
    """The durable half of a node, without the plugin's tables: they follow from the entries.

    `applied` are the names of the migrations whose tables are there, in the order they came;
    `left` are tables that a migration left behind.
    """

    log_id: str
    trusted: frozenset[str] = frozenset()
    inactive: frozenset[str] = frozenset()
    position: int = 0
    entries: Map[tuple[RowKey, str], Stored] = Map()
    cursors: Map[str, Cursor] = Map()
    applied: tuple[str, ...] = ()
    left: frozenset[str] = frozenset()

    def apply(self, durables: Sequence[Durable]) -> "Disk":
        """The disk after one transaction."""
        entries, cursors, position = self.entries, self.cursors, self.position
        trusted, inactive = self.trusted, self.inactive
        for one in durables:
            if isinstance(one, Cursor):
                cursors = cursors.set(one.peer, one)
            elif isinstance(one, Put):
                entries = entries.set((one.stored.key, one.stored.event.pubkey), one.stored)
                position = max(position, one.stored.position)
            elif isinstance(one, Members):
                trusted, inactive = one.trusted, one.inactive
            elif isinstance(one, Purged):
                gone = frozenset(one.keys)
                entries = Map({at: entry for at, entry in entries.items() if at[0] not in gone})
        return replace(
            self,
            trusted=trusted,
            inactive=inactive,
            position=position,
            entries=entries,
            cursors=cursors,
        )

    def boot(self, node: Node, plugin: int | None, now_s: int) -> State:
        """The state of a node that starts from this disk, when its clock shows this."""
        return core.boot(
            node,
            now_s=now_s,
            log_id=self.log_id,
            plugin=plugin,
            stored=self.entries.values(),
            position=self.position,
            cursors=self.cursors.values(),
            trusted=self.trusted,
            inactive=self.inactive,
        )

    def migrated(
        self, steps: Plan, *, new_log_id: str, known: Sequence[Migration] = MIGRATIONS
    ) -> "Disk":
        """The disk once a plan was carried out on it, as `migrations.run` does in the database."""
        by_name = {migration.name: migration for migration in known}
        applied, entries, left, dropped = self.applied, self.entries, self.left, False
        for direction, name in steps:
            migration = by_name[name]
            if direction == "up":
                applied = (*applied, name)
                continue
            applied = tuple(one for one in applied if one != name)
            if migration.kinds:
                kept = {k: v for k, v in entries.items() if k[0][0] not in migration.kinds}
                entries = Map(kept)
            left |= frozenset(migration.leaves)
            dropped = dropped or bool(migration.tables)
        disk = replace(self, applied=applied, entries=entries, left=left)
        if not dropped:
            return disk
        return replace(disk, log_id=new_log_id, position=0, cursors=Map())

    def tables(self, known: Sequence[Migration] = MIGRATIONS) -> list[str]:
        """The plugin's tables that are there, as `migrations.tables` has them."""
        there = (one.tables for one in known if one.name in self.applied)
        return sorted(self.left.union(*there))

    def plan(self, plugins: Mapping[str, int], known: Sequence[Migration] = MIGRATIONS) -> Plan:
        """The migrations from the tables as they are to those of these plugins (with versions)."""
        return migrations.plan(migrations.versions(self.applied, known), plugins, known)
