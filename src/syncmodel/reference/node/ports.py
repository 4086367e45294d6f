"""The inputs and outputs of the core. Values only; `core` gives them meaning.

A step's `Durable` outputs are one transaction; everything else happens after that is stored.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from syncmodel.nostr.events import Event
from syncmodel.nostr.messages import BadDelivery, Delivery, Eose, Ok, Req
from syncmodel.record import Record
from syncmodel.reference.node.entries import Row, RowKey, Stored


class Write(Record):
    """A request to the plugin's API that may change something; `path` is below the plugin's.

    `arrived` is the node's state when it arrived, if others may have been served since. `given_up`:
    its client is gone by the time that it is served.
    """

    method: str
    path: str
    body: bytes
    now_s: int
    arrived: Any = None
    given_up: bool = False


class Read(Record):
    """A question to the plugin's API: one row (`cases/ID`), or those of a run (`cases`)."""

    path: str
    run_id: str | None
    now_s: int


class PeerUp(Record):
    """We are connected to the relay of `peer` (a node's name)."""

    peer: str


class PeerDown(Record):
    """That connection is gone."""

    peer: str


class FromPeer(Record):
    """A message over the connection to the relay of `peer`.

    Signatures have been checked: what failed that is a BadDelivery by now.
    """

    peer: str
    message: Delivery | BadDelivery | Eose
    now_s: int


class Subscribe(Record):
    """Connection `conn` opens a subscription; `peer`: the node behind it, if that is proved."""

    conn: int
    req: Req
    peer: str | None = None


class Unsubscribe(Record):
    """Subscription `sub` of `conn` is closed; all of them where `sub` is None.

    `sent`: what it was to be sent has been sent. It has not where a connection was given up.
    """

    conn: int
    sub: str | None = None
    sent: bool = True


class Published(Record):
    """Connection `conn` hands in an event. Its signature has been checked."""

    conn: int
    event: Event
    now_s: int


class Resync(Record):
    """Ask `peer` (None: all) again, for everything when `full`, else from the cursor."""

    full: bool
    peer: str | None = None


class Trust(Record):
    """From now on accept (`trusted`) or refuse what `pubkey` signs."""

    pubkey: str
    trusted: bool


class Member(Record):
    """Node `name` is a member of the cluster from now on (`active`), or is none any more."""

    name: str
    active: bool


class Purge(Record):
    """Forget these deletes, as far as the node has them so: see `purging`."""

    deletes: Mapping[str, str]


Input: TypeAlias = (
    Write
    | Read
    | PeerUp
    | PeerDown
    | FromPeer
    | Subscribe
    | Unsubscribe
    | Published
    | Resync
    | Trust
    | Member
    | Purge
)


class Put(Record):
    """Store this entry in place of its author's last; the log now ends at its position."""

    stored: Stored


class Show(Record):
    """The plugin's table holds exactly `rows` under this id from now on (none: it is removed)."""

    key: RowKey
    rows: tuple[Row, ...]
    at_s: int


class Cursor(Record):
    """How far the log of `peer` has been processed; (None, 0) is not at all."""

    peer: str
    log_id: str | None
    applied: int


class Members(Record):
    """Whom this node trusts (public keys) and who has left the cluster (names)."""

    trusted: frozenset[str]
    inactive: frozenset[str]


class Purged(Record):
    """The log says nothing of these rows any more."""

    keys: tuple[RowKey, ...]


Durable: TypeAlias = Put | Show | Cursor | Members | Purged


class ToPeer(Record):
    """Send this to the relay of `peer`."""

    peer: str
    message: Req


class ToSubscriber(Record):
    """Send this to `conn`."""

    conn: int
    message: Delivery | Eose | Ok


class Redial(Record):
    """Drop the connection to `peer`, if there is one, and connect to `address` now."""

    peer: str
    address: str


class Hangup(Record):
    """Drop the connection to `peer` and dial it no more (it or we left the cluster)."""

    peer: str


class Answer(Record):
    """The answer to a Write or a Read: HTTP status and the JSON body."""

    status: int
    body: Mapping[str, Any]


class Drop(Record):
    """Close connection `conn`: the node behind it is no member any more."""

    conn: int


Output: TypeAlias = Durable | ToPeer | ToSubscriber | Redial | Hangup | Drop | Answer
