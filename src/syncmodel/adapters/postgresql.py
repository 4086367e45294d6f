"""PostgreSQL: two servers, each a provider and a subscriber of the other one, by pglogical.

`last_update_wins` keeps "the version of data with newest commit timestamp", row by row
(https://github.com/2ndQuadrant/pglogical/blob/REL2_x_STABLE/docs/README.md, Conflicts), and
changes are not forwarded, which "is useful for two-way replication between the nodes". Changes are
applied in the order of their commits, so a row that is written last says that all else has come.
"""

from __future__ import annotations

import signal
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import psycopg

from syncmodel.adapter import Processes, Refused, Unknown
from syncmodel.model.columns import Counter, Token
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.net import Link
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Row
from syncmodel.model.words import ALL

#: Where Debian has the programs, and what says that pglogical is there.
BIN = Path("/usr/lib/postgresql/15/bin")
EXTENSION = Path("/usr/share/postgresql/15/extension/pglogical.control")
#: Killed servers lose nothing that the kernel has, so fsync matters only where machines lose power.
CONFIGURATION = """
port = %d
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
dynamic_shared_memory_type = mmap
shared_buffers = 16MB
fsync = off
wal_level = logical
track_commit_timestamp = on
shared_preload_libraries = 'pglogical'
pglogical.conflict_resolution = 'last_update_wins'
"""
TABLES = """
CREATE EXTENSION pglogical;
CREATE TABLE notes (id text COLLATE "C" PRIMARY KEY, title text NOT NULL, votes bigint NOT NULL);
CREATE TABLE marks (node text PRIMARY KEY, tick bigint NOT NULL);
SELECT pglogical.create_node('%(node)s', '%(at)s');
SELECT pglogical.replication_set_add_table('default', 'notes');
SELECT pglogical.replication_set_add_table('default', 'marks');
"""
SUBSCRIBE = """
SELECT pglogical.create_subscription(%s, %s, synchronize_data := false, forward_origins := '{}')
"""
#: A worker that lost its provider comes back after five seconds, a new one dials at once; but not
#: where the old one ends later than that.
AGAIN = """
DO $$ BEGIN FOR i IN 1..2000 LOOP
  EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type LIKE 'pglogical apply%');
  PERFORM pg_sleep(0.005), pg_stat_clear_snapshot();
END LOOP; END $$
"""


class PostgreSql(Processes):
    """PostgreSQL servers, two that replicate each other by pglogical."""

    schema = Schema(Table("notes", Token("title"), Counter("votes")), texts=ALL - {"nul"})
    guarantees = Guarantees(rows="wallclock-lww")
    size = 2
    user = "postgres"
    settle_s = 60.0
    poll_s = 0.001
    #: SIGTERM would wait for clients.
    stop_signal = signal.SIGINT
    #: A request for TLS (SSLRequest), which is answered by one byte.
    probe = bytes.fromhex("0000000804d2162f")

    def __init__(self, count: int = 2, bugs: Sequence[str] = ()) -> None:
        """Nothing runs before `begin`."""
        super().__init__(count, bugs)
        self.idle = defaultdict[str, list[psycopg.Connection]](list)

    async def configure(self, node: str) -> None:
        """A store of its own."""
        options = "--auth trust --username postgres --encoding UTF8 --locale C --no-sync"
        await self.run(node, BIN / "initdb", "--pgdata", "data", *options.split())
        with (self.home(node) / "data/postgresql.conf").open("a") as file:
            file.write(CONFIGURATION % self.port(node))

    def argv(self, node: str) -> Sequence[object]:
        """In the foreground."""
        return [BIN / "postgres", "-D", "data"]

    def ready(self, node: str) -> bool:
        """It takes statements; who was connected with it before is not."""
        self._hang_up(node)
        return bool(self._all(node, "SELECT 1"))

    def assemble(self) -> None:
        """Tables on every node, and a subscription of each other one's changes."""
        for node in self.nodes:
            self._all(node, TABLES % {"node": node, "at": _at(self.port(node))})
        for node, peer in permutations(self.nodes, 2):
            name, at = f"{node}_from_{peer}", _at(self.dials(node, peer))
            self._all(node, SUBSCRIBE, name, at)
        for node, peer in permutations(self.nodes, 2):
            wait = "SELECT pglogical.wait_for_subscription_sync_complete(%s)"
            self._all(node, wait, f"{node}_from_{peer}")

    def mended(self, links: frozenset[Link]) -> None:
        """Have the subscribers dial again."""
        for peer, node in sorted(links):
            if node not in self.down:
                name = f"{node}_from_{peer}"
                self._all(node, "SELECT pglogical.alter_subscription_disable(%s, true)", name)
                self._all(node, AGAIN)
                self._all(node, "SELECT pglogical.alter_subscription_enable(%s, true)", name)

    async def close(self) -> None:
        """Leave no connection either."""
        for node in self.nodes:
            self._hang_up(node)
        await super().close()

    def create(self, node: str, row: Row, columns: Mapping[str, Any]) -> Any:
        """INSERT."""
        text = "INSERT INTO notes VALUES (%s, %s, %s) RETURNING title, votes"
        return self._row(node, text, row.name, columns["title"], columns["votes"])

    def set(self, node: str, row: Row, column: str, value: Any) -> Any:
        """UPDATE."""
        text = f"UPDATE notes SET {column} = %s WHERE id = %s RETURNING title, votes"
        return self._row(node, text, value, row.name)

    def add(self, node: str, row: Row, column: str, by: int) -> Any:
        """UPDATE, of what is there."""
        text = f"UPDATE notes SET {column} = {column} + %s WHERE id = %s RETURNING title, votes"
        return self._row(node, text, by, row.name)

    def delete(self, node: str, row: Row) -> None:
        """DELETE."""
        self._row(node, "DELETE FROM notes WHERE id = %s RETURNING title, votes", row.name)

    def rows(self, node: str, prefix: str) -> Any:
        """Every row whose id has the prefix."""
        found = self._all(node, "SELECT * FROM notes WHERE starts_with(id, %s)", prefix)
        return [("notes", name, {"title": title, "votes": votes}) for name, title, votes in found]

    def mark(self, node: str, tick: int) -> None:
        """A row of its own that says so."""
        put = "INSERT INTO marks VALUES (%s, %s) ON CONFLICT (node) DO UPDATE SET tick = %s"
        self._all(node, put, node, tick, tick)

    def marks(self, node: str) -> Mapping[str, int]:
        """Those that have come."""
        return dict(self._all(node, "SELECT node, tick FROM marks"))

    def _row(self, node: str, text: str, *values: Any) -> dict[str, Any]:
        try:
            found = self._all(node, text, *values)
        except psycopg.errors.UniqueViolation:
            raise Refused("exists") from None
        if not found:
            raise Refused("no_such_row")
        return {"title": found[0][0], "votes": found[0][1]}

    def _all(self, node: str, text: str, *values: Any) -> list[Any]:
        """What the statements give. A connection serves one call at a time, and is kept."""
        idle = self.idle[node]
        client = idle.pop() if idle else self._connection(node)
        try:
            cursor = client.execute(text, values or None)
            found = cursor.fetchall() if cursor.description else []
        except psycopg.IntegrityError:
            idle.append(client)
            raise
        except psycopg.OperationalError as error:
            client.close()
            raise Unknown(str(error)) from error
        idle.append(client)
        return found

    def _hang_up(self, node: str) -> None:
        for client in self.idle.pop(node, ()):
            client.close()

    def _connection(self, node: str) -> psycopg.Connection:
        try:
            return psycopg.connect(_at(self.port(node)), autocommit=True, connect_timeout=5)
        except psycopg.OperationalError as error:
            raise ConnectionRefusedError(str(error)) from error


def _at(port: int) -> str:
    return f"host=127.0.0.1 port={port} dbname=postgres user=postgres"
