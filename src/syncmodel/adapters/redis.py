"""Redis with one writer: n1 is the primary, all others are its replicas and refuse writes.

Replication is asynchronous (https://redis.io/docs/latest/operate/oss_and_stack/management/replication):
replicas may be stale and catch up in order. `appendfsync always` keeps what was acknowledged.
Scripts run alone, so an operation is one of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from syncmodel.adapter import Processes, Refused
from syncmodel.model.columns import Counter, Token
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Row

#: With a shebang and without the flag `no-writes`, a replica refuses it before it runs
#: (https://redis.io/docs/latest/develop/programmability/lua-api, script flags).
#: KEYS: the row. ARGV: what to do; a column and a value, or all of them. Gives the row, or a code.
WRITE = """#!lua
local there = redis.call('EXISTS', KEYS[1]) == 1
local op = ARGV[1]
if op == 'create' and there then return redis.error_reply('exists') end
if op ~= 'create' and not there then return redis.error_reply('no_such_row') end
if op == 'delete' then redis.call('DEL', KEYS[1]) return nil end
if op == 'add' then redis.call('HINCRBY', KEYS[1], ARGV[2], ARGV[3])
else redis.call('HSET', KEYS[1], unpack(ARGV, 2)) end
return redis.call('HGETALL', KEYS[1])
"""


class Redis(Processes):
    """Redis servers: one primary, and its replicas."""

    schema = Schema(Table("notes", Token("title"), Counter("votes")))
    guarantees = Guarantees(readers=("n2", "n3", "n4", "n5"), passes_on=False)
    probe = b"PING\r\n"

    def argv(self, node: str) -> Sequence[object]:
        """No snapshots, every write on disk before it is answered; replicas follow n1."""
        options = "--bind 127.0.0.1 --appendonly yes --appendfsync always --save".split()  # noqa: SIM905
        quick = "--repl-diskless-sync-delay 0 --repl-ping-replica-period 1".split()  # noqa: SIM905
        follow = [] if node == "n1" else ["--replicaof", "127.0.0.1", self.dials(node, "n1")]
        return ["redis-server", "--port", self.port(node), *options, "", *quick, *follow]

    def ready(self, node: str) -> bool:
        """Loaded, and a replica has its primary once it can reach it."""
        return bool(self._client(node).ping())

    def create(self, node: str, row: Row, columns: Mapping[str, Any]) -> Any:
        """A hash with these fields."""
        cells = [str(cell) for pair in columns.items() for cell in pair]
        return self._write(node, row, "create", *cells)

    def set(self, node: str, row: Row, column: str, value: Any) -> Any:
        """One field."""
        return self._write(node, row, "set", column, value)

    def add(self, node: str, row: Row, column: str, by: int) -> Any:
        """HINCRBY."""
        return self._write(node, row, "add", column, str(by))

    def delete(self, node: str, row: Row) -> None:
        """DEL."""
        self._write(node, row, "delete")

    def rows(self, node: str, prefix: str) -> Any:
        """Every hash whose key has the prefix, in one script."""
        read = "local f = {} for _, k in ipairs(redis.call('KEYS', ARGV[1])) do "
        read += "f[#f+1] = {k, redis.call('HGETALL', k)} end return f"
        found: Any = self._client(node).eval_ro(read, 0, f"{prefix}*")
        return [("notes", name, _row(cells)) for name, cells in found]

    def position(self, node: str) -> Mapping[str, int]:
        """How far it is in the primary's stream; nothing while a replica has no primary."""
        about: Any = self._client(node).info("replication")
        if about["role"] == "master":
            return {about["master_replid"]: about["master_repl_offset"]}
        up = about["master_link_status"] == "up" and not about["master_sync_in_progress"]
        return {about["master_replid"]: about["slave_repl_offset"]} if up else {}

    def _client(self, node: str) -> redis.Redis:
        # Retries would hide what a request came to, and take seconds while a server is down.
        once = Retry(NoBackoff(), 0)
        return redis.Redis(
            port=self.port(node), decode_responses=True, socket_timeout=self.answer_s, retry=once
        )

    def _write(self, node: str, row: Row, *asked: Any) -> Any:
        try:
            stored: Any = self._client(node).eval(WRITE, 1, row.name, *asked)
        except redis.exceptions.ReadOnlyError:
            raise Refused("read_only") from None
        except redis.exceptions.ResponseError as error:
            if str(error).split()[0] in ("exists", "no_such_row"):
                raise Refused(str(error).split()[0]) from None
            if "read only" in str(error):
                raise Refused("read_only") from None
            raise
        except redis.exceptions.ConnectionError as error:
            raise ConnectionError(str(error)) from error
        except redis.exceptions.TimeoutError as error:
            raise TimeoutError(str(error)) from error
        return None if stored is None else _row(stored)


def _row(cells: Sequence[str]) -> dict[str, Any]:
    row: dict[str, Any] = dict(zip(cells[::2], cells[1::2], strict=True))
    return {"title": row["title"], "votes": int(row.get("votes", 0))}
