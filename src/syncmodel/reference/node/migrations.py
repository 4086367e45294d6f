"""The tables of a node's database: which exist always, and which come and go with a plugin.

Lives here: the base tables, the named migrations up and down, the plan from one set of plugins to
another, and carrying it out. An up migration is written down whole with its tables, in the same
transaction: what undoes it is what was applied, whatever code or package there is by then. Not
here: reading and writing rows (`store`), the migrations that packages bring (`packages`), and when
a plan is carried out (`supervisor`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from typing import Any, Literal

import attrs

Direction = Literal["up", "down"]
Plan = tuple[tuple[Direction, str], ...]

_BASE = (
    """CREATE TABLE IF NOT EXISTS entries (
        kind INTEGER NOT NULL, d TEXT NOT NULL, author TEXT NOT NULL,
        position INTEGER NOT NULL, created_at INTEGER NOT NULL,
        id TEXT NOT NULL, event TEXT NOT NULL,
        PRIMARY KEY (kind, d, author)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS entries_position ON entries (position)",
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS cursors (
        peer TEXT PRIMARY KEY, log_id TEXT, applied INTEGER NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS migrations (
        name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL, migration TEXT)""",
)


@attrs.frozen
class Migration:
    """One reversible change of the tables, of one plugin, from its `version` on.

    `tables` are those that its down drops with all their rows, `kinds` the event kinds that go
    from the log with them; `leaves` are tables that are there after it and were not before.
    """

    name: str
    plugin: str
    version: int
    up: tuple[str, ...]
    down: tuple[str, ...]
    tables: tuple[str, ...] = ()
    kinds: tuple[int, ...] = ()
    leaves: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Migration:
        """The migration that `attrs.asdict` made this of, also once it was JSON."""
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        return cls(**fields)


# Those that are shipped with the node, in dependency order: what refers to a table comes after it.
MIGRATIONS = (
    Migration(
        name="supertest-1-cases",
        plugin="supertest",
        version=1,
        up=(
            """CREATE TABLE supertest_cases (
                id TEXT NOT NULL, run_id TEXT NOT NULL,
                title TEXT NOT NULL, counter INTEGER NOT NULL,
                inserted_at INTEGER NOT NULL, updated_at INTEGER NOT NULL)""",
            # Not unique: that a row shows once is the node's to keep and a tester's to check.
            "CREATE INDEX supertest_cases_id ON supertest_cases (id)",
            "CREATE INDEX supertest_cases_run_id ON supertest_cases (run_id)",
        ),
        down=("DROP TABLE supertest_cases",),
        tables=("supertest_cases",),
        kinds=(30100,),
    ),
    Migration(
        name="supertest-1-events",
        plugin="supertest",
        version=1,
        up=(
            # No reference is declared: an event may arrive before its case, and waits; and what is
            # not unique can't be referred to, SQLite calls that a mismatch wherever it looks.
            """CREATE TABLE supertest_events (
                id TEXT NOT NULL, run_id TEXT NOT NULL,
                case_id TEXT NOT NULL,
                body TEXT NOT NULL, inserted_at INTEGER NOT NULL)""",
            "CREATE INDEX supertest_events_id ON supertest_events (id)",
            "CREATE INDEX supertest_events_run_id ON supertest_events (run_id)",
        ),
        down=("DROP TABLE supertest_events",),
        tables=("supertest_events",),
        kinds=(30101,),
    ),
    Migration(
        name="supertest-2-severity",
        plugin="supertest",
        version=2,
        up=("ALTER TABLE supertest_cases ADD COLUMN severity TEXT NOT NULL DEFAULT 'normal'",),
        down=("ALTER TABLE supertest_cases DROP COLUMN severity",),
    ),
    Migration(
        name="supertest-2-text",
        plugin="supertest",
        version=2,
        up=("ALTER TABLE supertest_events RENAME COLUMN body TO text",),
        down=("ALTER TABLE supertest_events RENAME COLUMN text TO body",),
    ),
    Migration(
        name="supertest-3-severity",
        plugin="supertest",
        version=3,
        # What it held is in the log, from which the application makes it again.
        up=("ALTER TABLE supertest_cases DROP COLUMN severity",),
        down=("ALTER TABLE supertest_cases ADD COLUMN severity TEXT NOT NULL DEFAULT 'normal'",),
    ),
)


def ensure_base(connection: sqlite3.Connection, shipped: Sequence[Migration] = MIGRATIONS) -> None:
    """Create the tables that every node has, where they are missing.

    What a database has applied and not written down, as those of before do, is what is shipped
    under that name.
    """
    for statement in _BASE:
        connection.execute(statement)
    if not _writes_down(connection):
        try:
            connection.execute("ALTER TABLE migrations ADD COLUMN migration TEXT")
        except sqlite3.OperationalError:
            if not _writes_down(connection):  # or another process was first
                raise
    unknown = connection.execute("SELECT name FROM migrations WHERE migration IS NULL").fetchall()
    for one in shipped:
        if (one.name,) in unknown:
            row = (_written(one), one.name)
            connection.execute("UPDATE migrations SET migration = ? WHERE name = ?", row)


def applied(connection: sqlite3.Connection) -> tuple[str, ...]:
    """The names of the migrations whose tables are there, in the order they came."""
    return tuple(
        name for (name,) in connection.execute("SELECT name FROM migrations ORDER BY rowid")
    )


def as_applied(connection: sqlite3.Connection) -> tuple[Migration, ...]:
    """The migrations whose tables are there, as they were applied, in the order they came."""
    written = "SELECT migration FROM migrations WHERE migration IS NOT NULL ORDER BY rowid"
    return tuple(Migration.from_json(json.loads(text)) for (text,) in connection.execute(written))


def installed(connection: sqlite3.Connection) -> dict[str, int]:
    """The plugins whose tables are there, each with the version that they have.

    After a disable these are more than the running generation has.
    """
    return versions(applied(connection), as_applied(connection))


def tables(connection: sqlite3.Connection, plugin: str) -> list[str]:
    """The tables of a plugin that the database itself lists, whether or not the plugin runs."""
    listed = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return sorted(name for (name,) in listed if name.startswith(f"{plugin}_"))


@lru_cache(maxsize=64)
def columns(
    names: tuple[str, ...], migrations: tuple[Migration, ...] = MIGRATIONS
) -> Mapping[str, tuple[str, ...]]:
    """The tables that the up migrations of these names make, each with its columns."""
    by_name = {migration.name: migration for migration in migrations}
    with closing(sqlite3.connect(":memory:")) as connection:
        for name in names:
            for statement in by_name[name].up:
                connection.execute(statement)
        listed = "SELECT name FROM sqlite_master WHERE type = 'table'"
        tables = [str(name) for (name,) in connection.execute(listed)]
        return {
            table: tuple(row[1] for row in connection.execute(f"PRAGMA table_info({table})"))
            for table in tables
        }


def versions(names: Iterable[str], migrations: Sequence[Migration] = MIGRATIONS) -> dict[str, int]:
    """The plugins, each with its version, whose tables migrations of these names have made."""
    there = set(names)
    found: dict[str, int] = {}
    for migration in migrations:
        if migration.name in there:
            before = found.get(migration.plugin, 0)
            found[migration.plugin] = max(before, migration.version)
    return found


def plan(
    from_plugins: Mapping[str, int],
    to_plugins: Mapping[str, int],
    migrations: Sequence[Migration] = MIGRATIONS,
) -> Plan:
    """What leads from one set of plugins (name -> version) to another.

    First down in reverse dependency order, then up in dependency order.
    """

    def has(plugins: Mapping[str, int], migration: Migration) -> bool:
        return plugins.get(migration.plugin, 0) >= migration.version

    there = [one for one in migrations if has(from_plugins, one)]
    return between(there, [one for one in migrations if has(to_plugins, one)])


def between(there: Sequence[Migration], wanted: Sequence[Migration]) -> Plan:
    """What leads from the migrations that are there to those that are wanted, told by name.

    First down, what came last first; then up, in the order of those that are wanted.
    """
    before, after = {one.name for one in there}, {one.name for one in wanted}
    down = [one.name for one in reversed(there) if one.name not in after]
    up = [one.name for one in wanted if one.name not in before]
    return (*(("down", name) for name in down), *(("up", name) for name in up))


def due(steps: Plan, there: Iterable[str]) -> Plan:
    """What is still to be done of a plan, where migrations of these names are there."""
    names = set(there)
    return tuple((to, name) for to, name in steps if (name in names) == (to == "down"))


def undoing(steps: Plan) -> Plan:
    """What leads back from the end of a plan to its beginning."""
    return tuple(("down" if to == "up" else "up", name) for to, name in reversed(steps))


def directions(steps: Plan) -> dict[str, list[str]]:
    """A plan as clients see it: the names by direction, in order."""
    return {to: [name for direction, name in steps if direction == to] for to in ("up", "down")}


def run(
    connection: sqlite3.Connection,
    steps: Plan,
    *,
    new_log_id: str,
    now_s: int,
    migrations: Sequence[Migration] = MIGRATIONS,
) -> tuple[Migration, ...]:
    """Carry out a plan in the transaction that is open on `connection`; the caller ends it.

    Its ups are of `migrations`, its downs of what was applied; those are returned. If a table is
    dropped the log is a new one, `new_log_id`, which begins at position 0, and nothing counts as
    applied. Raises sqlite3.Error: roll back, and the tables are as they were.
    """
    if not connection.in_transaction:
        raise sqlite3.ProgrammingError("Migrations run in a transaction: BEGIN IMMEDIATE first.")
    there = {one.name: one for one in as_applied(connection)}
    known = {"up": {one.name: one for one in migrations}, "down": there}
    undone = []
    for direction, name in steps:
        if name not in known[direction]:
            raise sqlite3.ProgrammingError(f"There is no migration {name!r} to run {direction}.")
        _step(connection, direction, known[direction][name], now_s)
        if direction == "down":
            undone.append(there[name])
    if any(one.tables for one in undone):
        meta = [("log_id", new_log_id), ("position", 0)]
        connection.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", meta)
        forget_cursors(connection)
    return tuple(undone)


@contextmanager
def transaction(connection: sqlite3.Connection, *, whole: bool = True) -> Iterator[None]:
    """All or nothing, with no other writer meanwhile. The connection is in autocommit mode.

    `whole` False is a planted bug's: what was done before a failure stays.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK" if whole else "COMMIT")
        raise


def log_id(connection: sqlite3.Connection) -> str | None:
    """The identity of the node's log, None before the node has ever run."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'log_id'").fetchone()
    return None if row is None else str(row[0])


def forget_cursors(connection: sqlite3.Connection) -> None:
    """Nothing counts as applied any more: what was refused before is asked for again."""
    connection.execute("DELETE FROM cursors")


def _step(
    connection: sqlite3.Connection, direction: Direction, migration: Migration, now_s: int
) -> None:
    # What a package brings must not end the transaction that it is run in.
    connection.set_authorizer(_within_the_transaction)
    try:
        # Statement by statement: executescript would commit what is open.
        for statement in migration.up if direction == "up" else migration.down:
            connection.execute(statement)
    finally:
        connection.set_authorizer(None)
    if direction == "up":
        row = (migration.name, now_s, _written(migration))
        connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", row)
        return
    connection.execute("DELETE FROM migrations WHERE name = ?", (migration.name,))
    for kind in migration.kinds:
        connection.execute("DELETE FROM entries WHERE kind = ?", (kind,))


def _within_the_transaction(action: int, *_: object) -> int:
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_TRANSACTION else sqlite3.SQLITE_OK


def _writes_down(connection: sqlite3.Connection) -> bool:
    columns = connection.execute("PRAGMA table_info(migrations)")
    return "migration" in {column[1] for column in columns}


def _written(migration: Migration) -> str:
    return json.dumps(attrs.asdict(migration))
