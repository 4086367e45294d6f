"""etcd: members of one Raft group.

"etcd ensures linearizability for all other operations by default"
(https://etcd.io/docs/v3.4/learning/api_guarantees/), so a write follows all that were accepted
before, and a member that reaches no majority takes none. Rows are read from the member itself
(serializable): what it has. A member that started without a majority serves nobody.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from syncmodel.adapter import Processes, Refused, Unknown
from syncmodel.model.columns import Counter, Token
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Row
from syncmodel.steps.base import PAIRS

#: The API by JSON (https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/). Seconds for an answer.
LIMIT_S = 1.0


class Etcd(Processes):
    """etcd, members of one Raft group."""

    schema = Schema(Table("notes", Token("title"), Counter("votes")))
    guarantees = Guarantees(quorum=True, rollback_keeps_log=True)
    #: All members dial one at the address that it advertises.
    links = PAIRS
    settle_s = 60.0
    poll_s = 0.001

    def __init__(self, count: int = 3, bugs: Sequence[str] = ()) -> None:
        """Nothing runs before `begin`."""
        super().__init__(count, bugs)
        self.clients: dict[str, httpx.Client] = {}

    def argv(self, node: str) -> Sequence[object]:
        """A member that peers reach at the door, and clients at a port of its own."""
        at = f"http://127.0.0.1:{self.client_port(node)}"
        members = [f"{peer}=http://127.0.0.1:{self.address(peer)}" for peer in self.nodes]
        options = {
            "name": node,
            "data-dir": "data",
            "listen-peer-urls": f"http://127.0.0.1:{self.port(node)}",
            "initial-advertise-peer-urls": f"http://127.0.0.1:{self.address(node)}",
            "listen-client-urls": at,
            "advertise-client-urls": at,
            "initial-cluster": ",".join(members),
            "heartbeat-interval": 30,
            "election-timeout": 300,
            "log-level": "warn",
        }
        return ["etcd", *(f"--{name}={value}" for name, value in options.items())]

    def ready(self, node: str) -> bool:
        """It answers its peers; clients it serves once it has a majority."""
        self._hang_up(node)
        return bool(
            httpx.get(f"http://127.0.0.1:{self.port(node)}/version", timeout=1, verify=False).text
        )

    async def close(self) -> None:
        """Leave no connection either."""
        for node in self.nodes:
            self._hang_up(node)
        await super().close()

    def create(self, node: str, row: Row, columns: Mapping[str, Any]) -> Any:
        """A key that is not there."""
        self._unless_without_leader(node)
        if not self._put(node, row, dict(columns), 0):
            raise Refused("exists")
        return dict(columns)

    def set(self, node: str, row: Row, column: str, value: Any) -> Any:
        """The value as it is, with another cell."""
        return self._changed(node, row, lambda cells: {**cells, column: value})

    def add(self, node: str, row: Row, column: str, by: int) -> Any:
        """The same."""
        return self._changed(node, row, lambda cells: {**cells, column: cells[column] + by})

    def delete(self, node: str, row: Row) -> None:
        """The key."""
        self._unless_without_leader(node)
        if not int(self._ask(node, "kv/deleterange", key=_key(row.name)).get("deleted", 0)):
            raise Refused("no_such_row")

    def rows(self, node: str, prefix: str) -> Any:
        """What the member has."""
        found = self._below(node, f"notes/{prefix}")
        return [("notes", name.removeprefix("notes/"), cells) for name, cells in found]

    def mark(self, node: str, tick: int) -> None:
        """A key of its own: it comes after all that was accepted."""
        self._ask(node, "kv/put", key=_text(f"marks/{node}"), value=_text(json.dumps(tick)))

    def marks(self, node: str) -> Mapping[str, int]:
        """Those that the member has."""
        return {name.removeprefix("marks/"): tick for name, tick in self._below(node, "marks/")}

    def _below(self, node: str, prefix: str) -> list[tuple[str, Any]]:
        """Keys and values of the member, in order."""
        last = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        asked = {"key": _text(prefix), "range_end": _text(last), "serializable": True}
        found = self._ask(node, "kv/range", **asked).get("kvs", [])
        return [(b64decode(kv["key"]).decode(), json.loads(b64decode(kv["value"]))) for kv in found]

    def _changed(self, node: str, row: Row, change: Any) -> Any:
        """Replace what is there, unless another one did meanwhile: then again."""
        self._unless_without_leader(node)
        while True:
            found = self._ask(node, "kv/range", key=_key(row.name)).get("kvs", [])
            if not found:
                raise Refused("no_such_row")
            cells = change(json.loads(b64decode(found[0]["value"])))
            if self._put(node, row, cells, found[0]["mod_revision"]):
                return cells

    def _put(self, node: str, row: Row, cells: Mapping[str, Any], revision: int | str) -> bool:
        """Store it if the key was last changed in that revision (0: it is not there)."""
        key = _key(row.name)
        same = {"key": key, "target": "MOD", "result": "EQUAL", "mod_revision": str(revision)}
        put = {"request_put": {"key": key, "value": _text(json.dumps(cells))}}
        return bool(self._ask(node, "kv/txn", compare=[same], success=[put]).get("succeeded"))

    def _unless_without_leader(self, node: str) -> None:
        """A member that knows no leader says so; a write would wait for one. Most of all members
        elect one again, sooner or later: only where there are too few it is a refusal."""
        if not int(self._ask(node, "maintenance/status").get("leader", 0)):
            raise self._without_leader(node)

    def _without_leader(self, node: str) -> Exception:
        heard = [n for n in self.nodes if (n, node) not in self.cut and n not in self.down]
        if 2 * len(heard) > len(self.nodes):
            return Unknown("it knows no leader yet")
        return Refused("no_quorum")

    def _hang_up(self, node: str) -> None:
        if node in self.clients:
            self.clients.pop(node).close()

    def _client(self, node: str) -> httpx.Client:
        if node not in self.clients:
            base = f"http://127.0.0.1:{self.client_port(node)}/v3/"
            # No TLS: its context takes longer to make than all requests of a step.
            self.clients[node] = httpx.Client(
                base_url=base, timeout=LIMIT_S, trust_env=False, verify=False
            )
        return self.clients[node]

    def _ask(self, node: str, what: str, **asked: Any) -> Any:
        try:
            answer = self._client(node).post(what, json=asked)
        except httpx.ConnectError:
            raise self._without_leader(node) from None
        except httpx.TransportError as error:
            raise Unknown(f"{type(error).__name__}: {error}") from error
        if answer.is_error:
            raise Unknown(answer.text)
        return answer.json()


def _text(text: str) -> str:
    return b64encode(text.encode()).decode()


def _key(name: str) -> str:
    return _text(f"notes/{name}")
