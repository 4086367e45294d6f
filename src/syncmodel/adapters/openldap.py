"""OpenLDAP: every server writes, and consumes the changes of each of the others (syncrepl).

Multi-provider replication (https://www.openldap.org/doc/admin25/replication.html, 18.2.2) has the
entry with the later entryCSN win as a whole (syncrepl: RFC 4533).
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from typing import Any

import ldap3
from ldap3.core import exceptions as said
from ldap3.protocol.rfc4527 import post_read_control
from ldap3.utils.dn import escape_rdn

from syncmodel.adapter import IDS, Columns, Guarantees, Processes, Row
from syncmodel.model.columns import Counter, Token
from syncmodel.model.schema import Schema, Table
from syncmodel.steps.disks import FillsDisks

BASE, ADMIN = "o=notes", ("cn=admin,o=notes", "not-a-secret")
LOOKS = IDS - {"normal form", "trailing"}  # which is one id to it (RFC 4518, 2.4 and 2.6.1)


class OpenLdap(Processes, FillsDisks):
    """OpenLDAP servers, each a provider and a consumer of each other one."""

    schema = Schema(Table("notes", Token("title"), Counter("votes")), ids=LOOKS)
    guarantees, numbers = Guarantees(rows="wallclock-lww"), str
    answers = {
        said.LDAPEntryAlreadyExistsResult: "exists",
        said.LDAPNoSuchObjectResult: "no_such_row",
        **dict.fromkeys((said.LDAPOperationResult, said.LDAPCommunicationError), "unknown"),
        said.LDAPResponseTimeoutError: "unknown",
    }
    probe = bytes.fromhex("300c020101600702010304008000")  # an anonymous bind, which is answered

    def configure(self, node: str) -> None:
        doors = {peer: self.dials(node, peer) for peer in self.nodes if peer != node}
        peers = "".join(self.text("openldap-peer.conf", p, door=at) for p, at in doors.items())
        (self.home(node) / "slapd.conf").write_text(self.text("openldap.conf", node, peers=peers))

    def argv(self, node: str) -> Sequence[object]:
        at = f"ldap://127.0.0.1:{self.port(node)}"
        return ["/usr/sbin/slapd", "-d0", "-h", at, "-f", "slapd.conf"]

    def connect(self, node: str) -> ldap3.Connection:
        at = ("127.0.0.1", self.port(node))
        socket.create_connection(at).close()  # where nobody is, ldap3 leaves its socket open
        how = {"receive_timeout": int(self.answer_s), "raise_exceptions": True}
        return ldap3.Connection(ldap3.Server(*at), *ADMIN, auto_bind=True, **how)

    def disconnect(self, client: ldap3.Connection) -> None:
        client.unbind()

    def assemble(self) -> None:
        with self.client("n1") as client:
            client.add(BASE, ["organization"], {"o": "notes"})

    def create(self, node: str, row: Row, columns: Columns) -> Columns:
        cells = {f"note{name}": str(value) for name, value in columns.items()}
        with self.client(node) as client:
            client.add(_name(row), "note", {"noteid": row.name} | cells)
        return columns

    def set(self, node: str, row: Row, column: str, value: Any) -> Columns:
        return self._modify(node, row, column, ldap3.MODIFY_REPLACE, value)

    def add(self, node: str, row: Row, column: str, by: int) -> Columns:
        return self._modify(node, row, column, ldap3.MODIFY_INCREMENT, by)  # RFC 4525

    def delete(self, node: str, row: Row) -> None:
        with self.client(node) as client:
            client.delete(_name(row))

    def rows(self, node: str, prefix: str) -> Any:
        with self.client(node) as client:
            client.search(BASE, f"(noteid={prefix}*)", ldap3.LEVEL, attributes=["*"])
            return [("notes", one.noteid.value, _row(one)) for one in client.entries]

    def position(self, node: str) -> Mapping[str, str]:
        with self.client(node) as client:
            client.search(BASE, "(o=*)", ldap3.BASE, attributes=["contextCSN"])
            return {csn.split("#")[2]: csn for csn in client.entries[0].contextCSN.values}

    def _modify(self, node: str, row: Row, column: str, how: str, value: Any) -> Columns:
        asked, after = {f"note{column}": [(how, [str(value)])]}, [post_read_control(["*"])]
        with self.client(node) as client:
            client.modify(_name(row), asked, controls=after)
            return _row(client.result["controls"]["1.3.6.1.1.13.2"]["value"]["result"])


def _name(row: Row) -> str:
    return f"noteid={escape_rdn(row.name)},{BASE}"


def _row(cells: Any) -> Columns:
    return {name: str(cells[f"note{name}"][0]) for name in ("title", "votes")}
