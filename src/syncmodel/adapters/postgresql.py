"""PostgreSQL: two servers, each a provider and a subscriber of the other one, by pglogical.

`last_update_wins` keeps "the version of data with newest commit timestamp", row by row
(https://github.com/2ndQuadrant/pglogical/blob/REL2_x_STABLE/docs/README.md, Conflicts), and
changes are not forwarded, which "is useful for two-way replication between the nodes". Changes are
applied in the order of their commits, so a row that is written last says that all else has come.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any

import psycopg

from syncmodel.adapter import Columns, Guarantees, Processes, Refused, Row
from syncmodel.model.columns import Counter, Token
from syncmodel.model.net import Link
from syncmodel.model.schema import Schema, Table
from syncmodel.model.words import ALL
from syncmodel.steps.disks import FillsDisks

AT = "host=127.0.0.1 port=%d dbname=postgres user=postgres"
BIN = "/usr/lib/postgresql/15/bin"  # where Debian has the programs


class PostgreSql(Processes, FillsDisks):
    """PostgreSQL servers, two that replicate each other by pglogical."""

    schema = Schema(Table("notes", Token("title"), Counter("votes")), texts=ALL - {"nul"})
    guarantees = Guarantees(rows="wallclock-lww")
    answers = {psycopg.errors.UniqueViolation: "exists", psycopg.OperationalError: "unknown"}
    size, user = 2, "postgres"
    settle_s, poll_s, disk_bytes = 60.0, 0.001, 256 << 20
    stop_signal = signal.SIGINT  # SIGTERM would wait for clients
    probe = bytes.fromhex("0000000804d2162f")  # SSLRequest, which is answered by one byte

    async def configure(self, node: str) -> None:
        options = "--auth trust --username postgres --encoding UTF8 --locale C --no-sync"
        await self.run(node, f"{BIN}/initdb", "--pgdata", "data", *options.split())
        file = self.home(node) / "data/postgresql.auto.conf"
        file.write_text(self.text("postgresql.conf", node))

    def argv(self, node: str) -> Sequence[object]:
        return [f"{BIN}/postgres", "-D", "data"]

    def connect(self, node: str) -> psycopg.Connection:
        how: Any = {"autocommit": True, "connect_timeout": 5, "row_factory": psycopg.rows.dict_row}
        return psycopg.connect(AT % self.port(node), **how)

    def assemble(self) -> None:
        for node in self.nodes:
            self._all(node, self.text("postgresql.sql", node, at=AT % self.port(node)))
        for node, peer in permutations(self.nodes, 2):
            name, at = f"{node}_from_{peer}", AT % self.dials(node, peer)
            self._all(node, "SELECT subscribe(%s, %s)", name, at)
            self._all(node, "SELECT pglogical.wait_for_subscription_sync_complete(%s)", name)

    def mended(self, links: frozenset[Link]) -> None:
        for peer, node in sorted(links):
            if node not in self.down:
                self._all(node, "CALL dial_again(%s)", f"{node}_from_{peer}")

    def create(self, node: str, row: Row, columns: Columns) -> Any:
        into = "INSERT INTO notes VALUES (%s, %s, %s)"
        return self._row(node, into, row.name, columns["title"], columns["votes"])

    def set(self, node: str, row: Row, column: str, value: Any) -> Any:
        return self._row(node, f"UPDATE notes SET {column} = %s WHERE id = %s", value, row.name)

    def add(self, node: str, row: Row, column: str, by: int) -> Any:
        text = f"UPDATE notes SET {column} = {column} + %s WHERE id = %s"
        return self._row(node, text, by, row.name)

    def delete(self, node: str, row: Row) -> None:
        self._row(node, "DELETE FROM notes WHERE id = %s", row.name)

    def rows(self, node: str, prefix: str) -> Any:
        found = self._all(node, "SELECT * FROM notes WHERE starts_with(id, %s)", prefix)
        return [("notes", cells["id"], cells) for cells in found]

    def mark(self, node: str, tick: int) -> None:
        put = "INSERT INTO marks VALUES (%s, %s) ON CONFLICT (node) DO UPDATE SET tick = %s"
        self._all(node, put, node, tick, tick)

    def marks(self, node: str) -> Mapping[str, int]:
        return {one["node"]: one["tick"] for one in self._all(node, "SELECT * FROM marks")}

    def _row(self, node: str, text: str, *values: Any) -> Any:
        found = self._all(node, f"{text} RETURNING title, votes", *values)
        if not found:
            raise Refused("no_such_row")
        return found[0]

    def _all(self, node: str, text: str, *values: Any) -> list[Any]:
        with self.client(node) as client:
            cursor = client.execute(text, values or None)
            return cursor.fetchall() if cursor.description else []
