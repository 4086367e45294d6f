"""What goes into the core and what comes out of it. Values only; what they do is `core`'s.

A step's `Durable` outputs are one transaction; everything else happens after that is stored.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import attrs

from syncmodel.node.entries import Row, RowKey, Stored
from syncmodel.nostr.events import Event
from syncmodel.nostr.messages import BadDelivery, Delivery, Eose, Ok, Req


@attrs.frozen
class Write:
    """A request to the plugin's API that may change something; `path` is below the plugin's."""

    method: str
    path: str
    body: bytes
    now_s: int


@attrs.frozen
class PeerUp:
    """We are connected to the relay of `peer` (a node's name)."""

    peer: str


@attrs.frozen
class PeerDown:
    """That connection is gone."""

    peer: str


@attrs.frozen
class FromPeer:
    """A message over the connection to the relay of `peer`.

    Signatures have been checked: what failed that is a BadDelivery by now.
    """

    peer: str
    message: Delivery | BadDelivery | Eose
    now_s: int


@attrs.frozen
class Subscribe:
    """Connection `conn` opens a subscription; `peer` is the node behind it, as far as is known."""

    conn: int
    req: Req
    peer: str | None = None


@attrs.frozen
class Unsubscribe:
    """Subscription `sub` of `conn` is closed; all of them where `sub` is None."""

    conn: int
    sub: str | None = None


@attrs.frozen
class Published:
    """Connection `conn` hands in an event. Its signature has been checked."""

    conn: int
    event: Event
    now_s: int


@attrs.frozen
class Resync:
    """Ask `peer` (None: all) again, for everything when `full`, else from the cursor."""

    full: bool
    peer: str | None = None


@attrs.frozen
class Trust:
    """From now on accept (`trusted`) or refuse what `pubkey` signs."""

    pubkey: str
    trusted: bool


@attrs.frozen
class Member:
    """Node `name` is a member of the cluster from now on (`active`), or is none any more."""

    name: str
    active: bool


Input: TypeAlias = (
    Write
    | PeerUp
    | PeerDown
    | FromPeer
    | Subscribe
    | Unsubscribe
    | Published
    | Resync
    | Trust
    | Member
)


@attrs.frozen
class Put:
    """Store this entry in place of its author's last; the log now ends at its position."""

    stored: Stored


@attrs.frozen
class Show:
    """The plugin's table holds exactly `rows` under this id from now on (none: it is removed)."""

    key: RowKey
    rows: tuple[Row, ...]
    at_s: int


@attrs.frozen
class Cursor:
    """How far the log of `peer` has been processed; (None, 0) is not at all."""

    peer: str
    log_id: str | None
    applied: int


@attrs.frozen
class Members:
    """Whom this node trusts (public keys) and who has left the cluster (names)."""

    trusted: frozenset[str]
    inactive: frozenset[str]


Durable: TypeAlias = Put | Show | Cursor | Members


@attrs.frozen
class ToPeer:
    """Send this to the relay of `peer`."""

    peer: str
    message: Req


@attrs.frozen
class ToSubscriber:
    """Send this to `conn`."""

    conn: int
    message: Delivery | Eose | Ok


@attrs.frozen
class Redial:
    """Drop the connection to `peer`, if there is one, and connect to `address` now."""

    peer: str
    address: str


@attrs.frozen
class Hangup:
    """Drop the connection to `peer` and dial it no more (it or we left the cluster)."""

    peer: str


@attrs.frozen
class Answer:
    """The answer to a Write: HTTP status and the JSON body."""

    status: int
    body: Mapping[str, Any]


@attrs.frozen
class Drop:
    """Close connection `conn`: the node behind it is no member any more."""

    conn: int


Output: TypeAlias = Durable | ToPeer | ToSubscriber | Redial | Hangup | Drop | Answer
