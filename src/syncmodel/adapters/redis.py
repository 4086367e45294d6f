"""Redis with one writer: n1 is the primary, all others are its replicas and refuse writes.

Replication is asynchronous (https://redis.io/docs/latest/operate/oss_and_stack/management/replication):
replicas may be stale and catch up in order. `appendfsync always` keeps what was acknowledged.
Scripts run alone, so an operation is one of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import redis
from redis import exceptions as said
from redis.backoff import NoBackoff
from redis.retry import Retry

from syncmodel.adapter import Columns, Guarantees, Processes, Refused, Row
from syncmodel.model.columns import Counter, Token
from syncmodel.model.schema import Schema, Table
from syncmodel.steps.disks import FillsDisks

#: With a shebang and without the flag `no-writes`, a replica refuses it before it runs
#: (https://redis.io/docs/latest/develop/programmability/lua-api, script flags).
#: KEYS: the row. ARGV: what to do; a column and a value, or all of them. Gives the row, or a code.
WRITE = """#!lua
local there = redis.call('EXISTS', KEYS[1]) == 1
local op = ARGV[1]
if op == 'create' and there then return 'exists' end
if op ~= 'create' and not there then return 'no_such_row' end
if op == 'delete' then redis.call('DEL', KEYS[1]) return nil end
if op == 'add' then redis.call('HINCRBY', KEYS[1], ARGV[2], ARGV[3])
else redis.call('HSET', KEYS[1], unpack(ARGV, 2)) end
return redis.call('HGETALL', KEYS[1])
"""
READ = """local f = {} for _, k in ipairs(redis.call('KEYS', ARGV[1])) do
f[#f+1] = {k, redis.call('HGETALL', k)} end return f"""


class Redis(Processes, FillsDisks):
    """Redis servers: one primary, and its replicas."""

    schema = Schema(Table("notes", Token("title"), Counter("votes")))
    guarantees = Guarantees(readers=("n2", "n3", "n4", "n5"), passes_on=False)
    answers = dict.fromkeys((said.ConnectionError, said.TimeoutError), "unknown")
    answers |= {said.ReadOnlyError: "read_only"}
    numbers, probe, poll_s = str, b"PING\r\n", 0.001

    def argv(self, node: str) -> Sequence[object]:
        follow = "" if node == "n1" else f"replicaof 127.0.0.1 {self.dials(node, 'n1')}"
        (self.home(node) / "redis.conf").write_text(self.text("redis.conf", node, follow=follow))
        return ["redis-server", "redis.conf"]

    def connect(self, node: str) -> Any:
        # Retries would hide what a request came to, and take seconds while a server is down.
        once = {"retry": Retry(NoBackoff(), 0), "socket_timeout": self.answer_s}
        client: Any = redis.Redis(port=self.port(node), decode_responses=True, **once)
        client.ping()
        return client

    def create(self, node: str, row: Row, columns: Columns) -> Any:
        return self._write(node, row, "create", *chain.from_iterable(columns.items()))

    def set(self, node: str, row: Row, column: str, value: Any) -> Any:
        return self._write(node, row, "set", column, value)

    def add(self, node: str, row: Row, column: str, by: int) -> Any:
        return self._write(node, row, "add", column, by)

    def delete(self, node: str, row: Row) -> None:
        self._write(node, row, "delete")

    def rows(self, node: str, prefix: str) -> Any:
        with self.client(node) as client:
            found = client.eval_ro(READ, 0, f"{prefix}*")
        return [("notes", name, _row(cells)) for name, cells in found]

    def position(self, node: str) -> Mapping[str, int]:
        # How far it is in the primary's stream; nothing while a replica has no primary, or writes
        # down what a full synchronisation brought: a kill loses that (docs/adapters.md).
        with self.client(node) as client:
            about = client.info("replication", "persistence")
        if about["aof_rewrite_in_progress"] or about["aof_rewrite_scheduled"]:
            return {}
        if about["role"] == "master":
            return {about["master_replid"]: about["master_repl_offset"]}
        up = about["master_link_status"] == "up" and not about["master_sync_in_progress"]
        return {about["master_replid"]: about["slave_repl_offset"]} if up else {}

    def _write(self, node: str, row: Row, *asked: Any) -> Any:
        with self.client(node) as client:
            stored = client.eval(WRITE, 1, row.name, *asked)
        if isinstance(stored, str):
            raise Refused(stored)
        return stored and _row(stored)


def _row(cells: Sequence[str]) -> dict[str, str]:
    return dict(zip(cells[::2], cells[1::2], strict=True))
