"""PouchDB Server: the protocol of CouchDB, with every leaf of a document kept.

Of conflicting revisions each node shows the same one, "the replicas will still agree"; the others
stay, and "deleting the winning revision" shows the next (https://docs.couchdb.org/en/stable,
Replication and conflict model). Nodes replicate when they are told to (`_replicate`): they pull.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import quote

import httpx

from syncmodel.adapter import Columns, Guarantees, Processes, Row, WholeRows
from syncmodel.model.columns import Counter, Token
from syncmodel.model.schema import Schema, Table
from syncmodel.steps.disks import FillsDisks

AT = "http://127.0.0.1:%d/"


class PouchDb(WholeRows, Processes, FillsDisks):
    """PouchDB servers, which the tester has replicate."""

    schema = Schema(Table("notes", Token("title"), Counter("votes")))
    guarantees = Guarantees(rows="multi-value")
    #: How far the sender was when the receiver last pulled, in each run.
    pulled: ClassVar[dict[tuple[str, str, str], int]] = {}
    answers = {httpx.TransportError: "unknown", httpx.HTTPStatusError: "unknown"}

    def argv(self, node: str) -> Sequence[object]:
        options = "--dir . --host 127.0.0.1 --no-stdout-logs --port"
        return ["pouchdb-server", *options.split(), self.port(node)]

    def connect(self, node: str) -> httpx.Client:
        # A context of TLS takes longer to make than a step does.
        limits: Any = {"timeout": self.answer_s, "trust_env": False, "verify": False}
        client = httpx.Client(base_url=AT % self.port(node), **limits)
        client.put("notes")  # it is there already, but for the first time
        return client

    def get(self, node: str, row: Row) -> tuple[Columns, str] | None:
        found = self._ask(node, "GET", _path(row))
        return (found, found.pop("_rev")) if found else None

    def put(self, node: str, row: Row, columns: Columns | None, version: str | None) -> bool:
        rev = {} if version is None else {"_rev": version}
        gone = {"_deleted": True} if columns is None else {}
        said = self._ask(node, "PUT", _path(row), {**(columns or gone), **rev})
        return bool(said)

    def rows(self, node: str, prefix: str) -> Any:
        ends = f'startkey="{prefix}"&endkey="{prefix}\uffff"'
        found = self._ask(node, "GET", f"notes/_all_docs?include_docs=true&{ends}")
        return [("notes", one["id"], one["doc"]) for one in found["rows"]]

    def pull(self, sender: str, receiver: str) -> bool:
        # Each takes a fifth of a second, so one that has nothing to bring is left out.
        link, stand = (self.prefix, sender, receiver), self._ask(sender, "GET", "notes")
        if self.pulled.get(link) == stand["update_seq"]:
            return False
        ways = {"source": f"{AT % self.dials(receiver, sender)}notes", "target": "notes"}
        self._ask(receiver, "POST", "_replicate", ways)
        self.pulled[link] = stand["update_seq"]
        return True

    def _ask(self, node: str, method: str, path: str, body: Any = None) -> Any:
        """What it answers; None for what is not there, or no longer so."""
        with self.client(node) as client:
            said = client.request(method, path, json=body)
            if said.status_code in (404, 409):
                return None
            return said.raise_for_status().json()


def _path(row: Row) -> str:
    return f"notes/{quote(row.name, safe='')}"
