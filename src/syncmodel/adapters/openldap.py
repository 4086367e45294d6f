"""OpenLDAP: every server writes, and consumes the changes of each of the others (syncrepl).

Multi-provider replication (https://www.openldap.org/doc/admin25/replication.html, 18.2.2) has the
entry with the later entryCSN, a stamp in microseconds, win as a whole. How far a server is, its
contextCSN says, for each server that ever wrote (syncrepl is that of RFC 4533).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPResponseTimeoutError, LDAPSocketOpenError
from ldap3.protocol.rfc4527 import post_read_control
from ldap3.utils.dn import escape_rdn

from syncmodel.adapter import Processes, Refused, Unknown
from syncmodel.model.columns import Counter, Token
from syncmodel.model.guarantees import Guarantees
from syncmodel.model.schema import Schema, Table
from syncmodel.model.values import Row

BASE, ADMIN, PASSWORD = "o=notes", "cn=admin,o=notes", "not-a-secret"
OID = "1.3.6.1.4.1.4203.666"  # OpenLDAP's own arc for experiments
CONFIGURATION = f"""\
include /etc/ldap/schema/core.schema
attributetype ( {OID}.1 NAME 'noteId' EQUALITY caseExactMatch SUBSTR caseExactSubstringsMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( {OID}.2 NAME 'noteTitle' EQUALITY caseExactMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( {OID}.3 NAME 'noteVotes' EQUALITY integerMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
objectclass ( {OID}.4 NAME 'note' SUP top STRUCTURAL MUST ( noteId $ noteTitle $ noteVotes ) )
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload syncprov
pidfile slapd.pid
serverID %(number)s
database mdb
maxsize 67108864
suffix "{BASE}"
rootdn "{ADMIN}"
rootpw {PASSWORD}
directory data
index noteId,objectClass,entryCSN,entryUUID eq
overlay syncprov
%(peers)s
multiprovider on
"""
PEER = f"""\
syncrepl rid=%(rid)03d provider=ldap://127.0.0.1:%(port)s searchbase="{BASE}" bindmethod=simple
  binddn="{ADMIN}" credentials={PASSWORD} type=refreshAndPersist retry="1 +" network-timeout=1
"""
ATTRIBUTES = {"title": "noteTitle", "votes": "noteVotes"}
CODES = {"entryAlreadyExists": "exists", "noSuchObject": "no_such_row"}


class OpenLdap(Processes):
    """OpenLDAP servers, each a provider and a consumer of each other one."""

    schema = Schema(Table("notes", Token("title"), Counter("votes")))
    guarantees = Guarantees(rows="wallclock-lww")
    #: An anonymous bind, which is answered, whether it is allowed or not.
    probe = bytes.fromhex("300c020101600702010304008000")

    def configure(self, node: str) -> None:
        """Its own number, and each peer at the door of a link of its own."""
        peers = [peer for peer in self.nodes if peer != node]
        texts = [PEER % {"rid": int(p[1:]), "port": self.dials(node, p)} for p in peers]
        said = CONFIGURATION % {"number": int(node[1:]), "peers": "".join(texts)}
        (self.home(node) / "slapd.conf").write_text(said)
        (self.home(node) / "data").mkdir()

    def argv(self, node: str) -> Sequence[object]:
        """In the foreground, with nothing in its log."""
        at = f"ldap://127.0.0.1:{self.port(node)}"
        return ["/usr/sbin/slapd", "-d", "0", "-h", at, "-f", "slapd.conf"]

    def ready(self, node: str) -> bool:
        """It lets the administrator in."""
        with self._client(node) as client:
            return bool(client.bound)

    def assemble(self) -> None:
        """The entry that all rows are below."""
        with self._client("n1") as client:
            client.add(BASE, ["organization"], {"o": "notes"})

    def create(self, node: str, row: Row, columns: Mapping[str, Any]) -> Any:
        """An entry."""
        cells = {ATTRIBUTES[name]: str(value) for name, value in columns.items()}
        self._sent(node, "add", row, "note", {"noteId": row.name, **cells})
        return dict(columns)

    def set(self, node: str, row: Row, column: str, value: Any) -> Any:
        """Replace one attribute, and read the entry in the same request (RFC 4527)."""
        return self._modify(node, row, column, ldap3.MODIFY_REPLACE, value)

    def add(self, node: str, row: Row, column: str, by: int) -> Any:
        """RFC 4525's increment."""
        return self._modify(node, row, column, ldap3.MODIFY_INCREMENT, by)

    def delete(self, node: str, row: Row) -> None:
        """The entry."""
        self._sent(node, "delete", row)

    def rows(self, node: str, prefix: str) -> Any:
        """Every entry whose id has the prefix."""
        with self._client(node) as client:
            client.search(BASE, f"(noteId={prefix}*)", ldap3.LEVEL, attributes=["*"])
            found = [entry["attributes"] for entry in client.response]
        return [("notes", cells["noteId"], _row(cells)) for cells in found]

    def position(self, node: str) -> Mapping[str, str]:
        """The last change of each server that it has."""
        with self._client(node) as client:
            client.search(BASE, "(objectClass=*)", ldap3.BASE, attributes=["contextCSN"])
            stands = client.response[0]["attributes"]["contextCSN"] if client.response else []
        return {csn.split("#")[2]: csn for csn in stands}

    def _client(self, node: str) -> ldap3.Connection:
        server = ldap3.Server("127.0.0.1", self.port(node), connect_timeout=self.answer_s)
        return ldap3.Connection(
            server, ADMIN, PASSWORD, auto_bind=True, receive_timeout=int(self.answer_s)
        )

    def _modify(self, node: str, row: Row, column: str, how: str, value: Any) -> Any:
        asked = {ATTRIBUTES[column]: [(how, [str(value)])]}
        after = [post_read_control(["*"])]
        done = self._sent(node, "modify", row, asked, controls=after)
        return _row(done["controls"]["1.3.6.1.1.13.2"]["value"]["result"])

    def _sent(self, node: str, what: str, row: Row, *given: Any, **more: Any) -> Any:
        try:
            client = self._client(node)
        except LDAPSocketOpenError as error:
            raise ConnectionRefusedError(str(error)) from error
        try:
            getattr(client, what)(f"noteId={escape_rdn(row.name)},{BASE}", *given, **more)
            said = client.result
        except LDAPResponseTimeoutError as error:
            raise TimeoutError(str(error)) from error
        finally:
            client.unbind()
        if said["description"] in CODES:
            raise Refused(CODES[said["description"]])
        if said["description"] != "success":
            raise Unknown(f"{said['description']}: {said['message']}")
        return said


def _row(cells: Mapping[str, Any]) -> dict[str, Any]:
    title, votes = (cells[name] for name in ATTRIBUTES.values())
    title, votes = (one[0] if isinstance(one, list) else one for one in (title, votes))
    return {"title": title, "votes": int(votes)}
