"""The node's SQLite database: entries, cursors and identity of the log, and the plugin's tables.

One `apply` is one transaction. `migrations` decides which tables exist, `core` what goes into them.
Written inline: handing the write to a thread costs more than the write.
"""

import json
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs

from syncmodel.errors import SyncModelError
from syncmodel.nostr.events import Event, MalformedEventError
from syncmodel.reference.node import migrations
from syncmodel.reference.node.entries import (
    CASES,
    EVENTS,
    CaseRow,
    EventRow,
    RefusedEntryError,
    Row,
    RowKey,
    Stored,
    body_name,
    has_severity,
    read,
)
from syncmodel.reference.node.ports import Cursor, Durable, Members, Purged, Put, Show

BUSY_LIMIT_S: Final = 1.0
_TABLES: Final = {CASES: "supertest_cases", EVENTS: "supertest_events"}
_CASE_COLUMNS: Final = ("id", "run_id", "title", "counter")
_EVENT_COLUMNS: Final = ("id", "run_id", "case_id")


class StoreError(SyncModelError):
    """The database did not take a transaction (full disk, lock), which was rolled back."""


class DamagedStoreError(StoreError):
    """What is in the database is not what was put into it: nobody may be served from it."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"store_damaged: the node's database is damaged ({what}): restore a copy of it, or "
            "begin with an empty one."
        )


@attrs.frozen
class Loaded:
    """What a store holds when a node starts. `members` is None if nothing was ever stored of it."""

    log_id: str
    position: int
    stored: tuple[Stored, ...]
    cursors: tuple[Cursor, ...]
    members: Members | None


class Store:
    """The open database of one node. `plugin` is the version whose tables are there, None without.

    Every method raises StoreError when the database fails, and leaves the database as it was.
    """

    def __init__(self, path: Path, plugin: int | None) -> None:
        self._plugin = plugin
        with failing_as_store_error():
            self._db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_LIMIT_S)
            _look_at_pages(self._db)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            with self._transaction():
                migrations.ensure_base(self._db)
                fresh = [("log_id", secrets.token_hex(8)), ("position", 0)]
                self._db.executemany("INSERT OR IGNORE INTO meta VALUES (?, ?)", fresh)

    def close(self) -> None:
        """Close the database; what was applied is in it."""
        self._db.close()

    def load(self) -> Loaded:
        """Everything that `apply` was ever given and that still counts."""
        with self._transaction("DEFERRED"):
            meta = dict(self._db.execute("SELECT key, value FROM meta"))
            entries = self._db.execute("SELECT event, position FROM entries").fetchall()
            cursors = self._db.execute("SELECT peer, log_id, applied FROM cursors").fetchall()
        members = json.loads(meta["members"]) if "members" in meta else None
        return Loaded(
            log_id=meta["log_id"],
            position=meta["position"],
            stored=tuple(_stored(text, position) for text, position in entries),
            cursors=tuple(Cursor(*row) for row in cursors),
            members=None if members is None else Members(*map(frozenset, members)),
        )

    def apply(self, durables: Sequence[Durable]) -> None:
        """Store all of these in one transaction, in their order."""
        with self._transaction():
            for one in durables:
                self._write(one)

    def renew_log(self, *, lets_go: bool = True) -> str:
        """Give a log that was put back the identity of another one, and return that.

        Its entries and positions stay; nothing of any peer counts as applied (if `lets_go`).
        """
        log_id = secrets.token_hex(8)
        with self._transaction():
            self._db.execute("UPDATE meta SET value = ? WHERE key = 'log_id'", (log_id,))
            if lets_go:
                migrations.forget_cursors(self._db)
        return log_id

    def mend(self, table: Mapping[RowKey, tuple[Row, ...]]) -> None:
        """Make the plugin's tables hold exactly `table`.

        They differ from it after a migration, which knows columns and not what entries say of them.
        """
        if self._plugin is None:
            return
        with self._transaction():
            held = self._held()
            for key in {*held, *table}:
                rows = table.get(key, ())
                if held.get(key) != [self._values(row) for row in rows]:
                    self._write(Show(key, rows, 0))

    def state(self, run_id: str) -> dict[str, Any]:
        """What the plugin's tables show of one run, and the position, in one consistent read."""
        columns, of_events = self._columns(CASES), self._columns(EVENTS)
        with self._transaction("DEFERRED"):
            cases = self._db.execute(
                f"SELECT {', '.join(columns)} FROM supertest_cases WHERE run_id = ? ORDER BY id",
                (run_id,),
            ).fetchall()
            events = self._db.execute(
                f"SELECT {', '.join(of_events)} FROM supertest_events AS event WHERE run_id = ?"
                " AND EXISTS (SELECT 1 FROM supertest_cases WHERE id = event.case_id) ORDER BY id",
                (run_id,),
            ).fetchall()
            meta = dict(self._db.execute("SELECT key, value FROM meta WHERE key != 'members'"))
        return {
            "cases": [dict(zip(columns, row, strict=True)) for row in cases],
            "events": [dict(zip(of_events, row, strict=True)) for row in events],
            "position": meta["position"],
            "log_id": meta["log_id"],
        }

    def schema(self) -> dict[str, Any]:
        """The plugin's version, its tables with their columns, and the migrations applied."""
        with self._transaction("DEFERRED"):
            columns = {
                name: [row[1] for row in self._db.execute(f"PRAGMA table_info({name})")]
                for name in _TABLES.values()
            }
            applied = list(migrations.applied(self._db))
        return {
            "plugin": "supertest",
            "version": self._plugin,
            "tables": {name: found for name, found in columns.items() if found},
            "migrations": applied,
        }

    def _write(self, one: Durable) -> None:
        match one:
            case Put(stored):
                self._put(stored)
            case Show(key, rows, at_s):
                self._show(key, rows, at_s)
            case Cursor(peer, log_id, applied):
                row = (peer, log_id, applied)
                self._db.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?)", row)
            case Members(trusted, inactive):
                text = json.dumps([sorted(trusted), sorted(inactive)])
                self._db.execute("INSERT OR REPLACE INTO meta VALUES ('members', ?)", (text,))
            case Purged(keys):
                self._db.executemany("DELETE FROM entries WHERE kind = ? AND d = ?", keys)

    def _put(self, stored: Stored) -> None:
        event = stored.event
        text = json.dumps(event.to_json(), separators=(",", ":"))
        row = (event.kind, stored.value.id, event.pubkey, stored.position, event.created_at)
        self._db.execute(
            "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, event.id, text)
        )
        self._db.execute("UPDATE meta SET value = ? WHERE key = 'position'", (stored.position,))

    def _show(self, key: RowKey, rows: Sequence[Row], at_s: int) -> None:
        kind, name = key
        table = _TABLES[kind]
        columns = (*self._columns(kind), "inserted_at")
        (inserted_at,) = self._db.execute(
            f"SELECT min(inserted_at) FROM {table} WHERE id = ?", (name,)
        ).fetchone()
        self._db.execute(f"DELETE FROM {table} WHERE id = ?", (name,))
        stamps: tuple[int, ...] = (at_s if inserted_at is None else inserted_at,)
        if kind == CASES:
            columns, stamps = (*columns, "updated_at"), (*stamps, at_s)
        marks = ", ".join("?" * len(columns))
        for row in rows:
            self._db.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})",
                (*self._values(row), *stamps),
            )

    def _held(self) -> dict[RowKey, list[tuple[Any, ...]]]:
        held: dict[RowKey, list[tuple[Any, ...]]] = {}
        for kind, table in _TABLES.items():
            columns = ", ".join(self._columns(kind))
            for row in self._db.execute(f"SELECT {columns} FROM {table}"):
                held.setdefault((kind, row[0]), []).append(row)
        return held

    def _columns(self, kind: int) -> tuple[str, ...]:
        if kind == EVENTS:
            return (*_EVENT_COLUMNS, body_name(self._plugin))
        return (*_CASE_COLUMNS, "severity") if has_severity(self._plugin) else _CASE_COLUMNS

    def _values(self, row: CaseRow | EventRow) -> tuple[Any, ...]:
        return tuple(row.to_json(self._plugin).values())

    @contextmanager
    def _transaction(self, mode: str = "IMMEDIATE") -> Iterator[None]:
        with failing_as_store_error():
            self._db.execute(f"BEGIN {mode}")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                # A failed COMMIT may have ended the transaction itself (SQLite, lang_transaction).
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")


def _look_at_pages(connection: sqlite3.Connection) -> None:
    """Raises DamagedStoreError if the pages of the database do not fit together."""
    try:
        (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:
        raise  # busy, or no disk
    except sqlite3.DatabaseError as error:
        raise DamagedStoreError(str(error)) from error
    if said != "ok":
        raise DamagedStoreError(" ".join(said.split()))


def _stored(text: str, position: int) -> Stored:
    try:
        event = Event.from_json(json.loads(text))
        return Stored(event, position, read(event))
    except (ValueError, MalformedEventError, RefusedEntryError) as error:
        raise DamagedStoreError(f"an entry can't be read: {error}") from error


@contextmanager
def failing_as_store_error() -> Iterator[None]:
    """What SQLite raises within, as StoreError."""
    try:
        yield
    except sqlite3.Error as exc:
        raise StoreError(f"the node's database failed: {exc}") from exc
