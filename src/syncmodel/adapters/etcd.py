"""etcd: members of one Raft group.

Operations are linearizable (etcd.io/docs/v3.4/learning/api_guarantees), so a member that reaches no
majority takes no write. Rows are read from the member itself (serializable): what it has.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from syncmodel.adapter import Columns, Guarantees, Processes, Refused, Row, Unknown, WholeRows
from syncmodel.model.columns import Counter, Token
from syncmodel.model.schema import Schema, Table
from syncmodel.steps.base import PAIRS
from syncmodel.steps.disks import FillsDisks

AT = "http://127.0.0.1:%d"


class Etcd(WholeRows, Processes, FillsDisks):
    """etcd, members of one Raft group."""

    schema = Schema(Table("notes", Token("title"), Counter("votes")))
    guarantees = Guarantees(quorum=True, rollback_keeps_log=True)
    answers = {httpx.TransportError: "unknown", httpx.HTTPStatusError: "unknown"}
    links = PAIRS  # all members dial one at the address that it advertises
    settle_s, poll_s, disk_bytes = 60.0, 0.001, 256 << 20

    def argv(self, node: str) -> Sequence[object]:
        members = ",".join(f"{peer}={AT % self.address(peer)}" for peer in self.nodes)
        return ["etcd", *self.text("etcd.flags", node, members=members).split()]

    def ready(self, node: str) -> bool:
        # Clients it serves once it has a majority.
        return bool(httpx.get(f"{AT % self.port(node)}/version", timeout=1, verify=False).text)

    def connect(self, node: str) -> httpx.Client:
        # By JSON (dev-guide, gRPC gateway). To make a context of TLS would take as long as a step.
        at = f"{AT % self.client_port(node)}/v3/"
        return httpx.Client(base_url=at, timeout=1.0, trust_env=False, verify=False)

    def get(self, node: str, row: Row) -> tuple[Columns, str] | None:
        self._unless_without_leader(node)
        found = self._range(node, key=_text(f"notes/{row.name}"))
        return found[0][1:] if found else None

    def put(self, node: str, row: Row, columns: Columns | None, version: str | None) -> bool:
        if version is None:
            self._unless_without_leader(node)
        key = _text(f"notes/{row.name}")
        same = {"key": key, "target": "MOD", "mod_revision": version or "0"}  # 0: it is not there
        put = {"request_put": {"key": key, "value": _text(json.dumps(columns))}}
        done = [{"request_delete_range": {"key": key}} if columns is None else put]
        return bool(self._ask(node, "kv/txn", compare=[same], success=done).get("succeeded"))

    def rows(self, node: str, prefix: str) -> Any:
        return [("notes", name, cells) for name, cells in self._below(node, "notes/", prefix)]

    def mark(self, node: str, tick: int) -> None:
        self._ask(node, "kv/put", key=_text(f"marks/{node}"), value=_text(json.dumps(tick)))

    def marks(self, node: str) -> Mapping[str, int]:
        return dict(self._below(node, "marks/"))

    def _below(self, node: str, folder: str, prefix: str = "") -> list[tuple[str, Any]]:
        first = folder + prefix
        ends = {"range_end": _text(first[:-1] + chr(ord(first[-1]) + 1)), "serializable": True}
        found = self._range(node, key=_text(first), **ends)
        return [(name.removeprefix(folder), value) for name, value, _ in found]

    def _range(self, node: str, **asked: Any) -> list[tuple[str, Any, str]]:
        found = self._ask(node, "kv/range", **asked).get("kvs", [])
        said = [(b64decode(kv["key"]).decode(), b64decode(kv["value"]), kv) for kv in found]
        return [(key, json.loads(value), kv["mod_revision"]) for key, value, kv in said]

    def _unless_without_leader(self, node: str) -> None:
        # It says so; a write would wait for one. Too few members elect none: that is a refusal.
        if not int(self._ask(node, "maintenance/status").get("leader", 0)):
            raise self._without_leader(node)

    def _without_leader(self, node: str) -> Exception:
        heard = [n for n in self.nodes if (n, node) not in self.cut and n not in self.down]
        most = 2 * len(heard) > len(self.nodes)
        return Unknown("it knows no leader yet") if most else Refused("no_quorum")

    def _ask(self, node: str, what: str, **asked: Any) -> Any:
        with self.client(node) as client:
            try:
                return client.post(what, json=asked).raise_for_status().json()
            except httpx.ConnectError:
                raise self._without_leader(node) from None


def _text(text: str) -> str:
    return b64encode(text.encode()).decode()
