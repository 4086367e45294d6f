"""What one node knows, as a value, and what can be read off it. `core` changes it.

Copying and hashing are cheap: everything is shared between versions of a state, and entries keep
their hashes. Nothing here looks at a clock, a store or a socket.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from operator import attrgetter
from typing import Final

import attrs
from immutables import Map
from msgspec.structs import replace

from syncmodel.nostr.events import Event
from syncmodel.nostr.messages import Req
from syncmodel.record import Record
from syncmodel.reference.node.entries import (
    CASES,
    CaseRow,
    EventRow,
    Row,
    RowKey,
    Stored,
    Tombstone,
)
from syncmodel.reference.node.pieces import Pieces

Authors = Map[str, Stored]


@attrs.frozen
class Peer:
    """Another node, as the configuration names it. The first address is the link to it."""

    name: str
    pubkey: str
    addresses: tuple[str, ...]


@attrs.frozen
class Node:
    """What never changes while a node runs: who it is, whom it knows, and its decisions.

    `seal` turns an unsigned event into a signed one and must be a function of the event alone.
    """

    name: str
    pubkey: str
    seal: Callable[[Event], Event]
    peers: tuple[Peer, ...] = ()
    pieces: Pieces = attrs.field(factory=Pieces)
    _by_name: Mapping[str, Peer] = attrs.field(init=False, repr=False, eq=False)

    @_by_name.default
    def _named(self) -> dict[str, Peer]:
        return {peer.name: peer for peer in self.peers}

    def peer(self, name: str) -> Peer | None:
        """The peer of that name."""
        return self._by_name.get(name)

    def peer_of(self, pubkey: str) -> Peer | None:
        """The peer with that key."""
        return next((peer for peer in self.peers if peer.pubkey == pubkey), None)


class Link(Record):
    """Our side of one peer: how far we processed its log, and how much of ours we sent it.

    `ended`: the backlog of this connection has been processed. Only then does the cursor
    (`log_id`, `applied`) move, for until then we can't know whose positions these are.
    `sent`: our position up to which it had been sent everything when its subscription ended.
    `given_up`: it is not dialled any more, unless it is asked for. `told_at`: our position when we
    were told that it is a member, until it has been sent what was there.
    """

    connected: bool = False
    ended: bool = False
    log_id: str | None = None
    applied: int = 0
    refused: int = 0
    sent: int = 0
    given_up: bool = False
    told_at: int | None = None

    def up(self) -> "Link":
        """A new connection; nothing of its backlog has been processed."""
        return replace(self, connected=True, ended=False, given_up=False)

    def down(self) -> "Link":
        """No connection."""
        return replace(self, connected=False, ended=False)

    def told(self, sent: int) -> "Link":
        """It has been sent our log up to there."""
        return replace(self, sent=sent, told_at=None)

    def at(self, log_id: str | None, applied: int) -> "Link":
        """This much of this log has been processed."""
        return replace(self, log_id=log_id, applied=applied)

    def at_end(self, log_id: str | None, applied: int) -> "Link":
        """The backlog has been processed, which was that of this log up to there."""
        return replace(self, ended=True, log_id=log_id, applied=applied)


NO_LINK: Final = Link()


class Subscription(Record):
    """A subscriber to what is new: the whole log, or what matches one of its filters."""

    req: Req
    peer: str | None

    @property
    def follows(self) -> bool:
        """Whether it follows our log, position by position, as peers do."""
        return self.req.filters[0].after is not None

    def asks_for(self, event: Event) -> bool:
        """Whether a new event is sent to it."""
        return self.follows or any(one.matches(event) for one in self.req.filters)


class State(Record, cache_hash=True):
    """One node. `rows`: the newest entry of each author per row; `table`: the plugin's tables.

    The tables hold the winner of each row that is not deleted, whether or not its case shows: an
    event waits there for its case. `plugin` is the version of the plugin, None without it.
    """

    log_id: str
    plugin: int | None = None
    position: int = 0
    rows: Map[RowKey, Authors] = Map()
    table: Map[RowKey, tuple[Row, ...]] = Map()
    links: Map[str, Link] = Map()
    subscriptions: Map[tuple[int, str], Subscription] = Map()
    trusted: frozenset[str] = frozenset()
    inactive: frozenset[str] = frozenset()
    #: When each row was read last (Unix seconds), as caches and snapshots need it.
    read_at: Map[RowKey, int] = Map()

    def link(self, peer: str) -> Link:
        """The link to `peer`; a fresh one before anything was heard of it."""
        return self.links.get(peer, NO_LINK)

    def with_link(self, peer: str, link: Link) -> "State":
        """This state with another link to that peer."""
        return replace(self, links=self.links.set(peer, link))


def entries(state: State) -> Iterator[Stored]:
    """Everything in the log, in no order."""
    return (stored for authors in state.rows.values() for stored in authors.values())


def own_log(state: State) -> tuple[str, int]:
    """(log_id, position) as reported to others.

    Without the plugin nothing is served: others see another log, which is empty, so that they never
    take a position of it to stand for rows that they were not sent.
    """
    if state.plugin is None:
        return f"{state.log_id}:empty", 0
    return state.log_id, state.position


def winner(state: State, key: RowKey, pieces: Pieces) -> Stored | None:
    """The version of a row that counts: the winner over the authors we trust."""
    authors = state.rows.get(key)
    if not authors:
        return None
    best: Stored | None = None
    for author, one in authors.items():
        if author not in state.trusted and not pieces.counts_anyway(one.event):
            continue
        if best is None or pieces.wins(one, best):
            best = one
    return best


def standing(stored: Stored | None) -> Row | None:
    """The row that a winner puts into the table; None for a tombstone or nothing."""
    if stored is None or isinstance(stored.value, Tombstone):
        return None
    return stored.value


def own_version(state: State, node: Node, key: RowKey) -> Stored | None:
    """What this node itself said last of a row."""
    authors = state.rows.get(key)
    return authors.get(node.pubkey) if authors else None


def is_hidden(state: State, key: RowKey) -> bool:
    """Whether an event is there under this key that waits for its case."""
    rows = state.table.get(key, ())
    return any(isinstance(row, EventRow) and not case_shows(state, row.case_id) for row in rows)


def hears_us(state: State, peer: str) -> bool:
    """Whether `peer` follows our log, as far as we can tell."""
    return any(one.peer == peer and one.follows for one in state.subscriptions.values())


def newest_stamp(state: State, key: RowKey) -> int:
    """The latest `created_at` known of a row, from any author; -1 when there is none."""
    authors = state.rows.get(key)
    return max((one.event.created_at for one in authors.values()), default=-1) if authors else -1


def case_shows(state: State, case_id: str) -> bool:
    """Whether that case is in the table."""
    return bool(state.table.get((CASES, case_id)))


def holds(state: State, event: Event) -> bool:
    """Whether exactly this event, signature and all, is stored already."""
    authors = state.rows.get((event.kind, event.tag("d") or ""))
    stored = authors.get(event.pubkey) if authors else None
    return stored is not None and stored.event == event


def read(state: State, run_id: str) -> dict[str, object]:
    """What the plugin's API shows of one run, in order of id."""
    cases, events = shown(state.table.values(), run_id)
    log_id, position = own_log(state)
    return {
        "cases": [row.to_json(state.plugin) for row in cases],
        "events": [row.to_json(state.plugin) for row in events],
        "position": position,
        "log_id": log_id,
    }


def shown(table: Iterable[tuple[Row, ...]], run_id: str) -> tuple[list[CaseRow], list[EventRow]]:
    """The cases and the events of one run that show, in order of id; an event with its case."""
    # Two plain lists: a long run reads many rows after every step.
    rows = list(chain.from_iterable(table))
    events: list[EventRow] = [row for row in rows if row.__class__ is EventRow]
    cases: list[CaseRow] = [row for row in rows if row.__class__ is CaseRow]
    there = {row.id for row in cases} if events else ()
    return (
        sorted([row for row in cases if row.run_id == run_id], key=attrgetter("id")),
        sorted(
            [row for row in events if row.run_id == run_id and row.case_id in there],
            key=attrgetter("id"),
        ),
    )


def to_send(state: State, peer: str) -> int:
    """How many positions of our log lie between us and what `peer` was last sent."""
    if hears_us(state, peer):
        return 0
    return max(0, own_log(state)[1] - state.link(peer).sent)


def sync_status(state: State, node: Node) -> dict[str, object]:
    """The result of `sync.status`: see docs/contract.md."""
    links = {peer.name: state.link(peer.name) for peer in node.peers}
    log_id, position = own_log(state)
    return {
        "log_id": log_id,
        "position": position,
        "peers": {
            name: {
                "connected": link.connected,
                "log_id": link.log_id,
                "applied": link.applied,
                "to_send": to_send(state, name),
                "refused": link.refused,
            }
            for name, link in links.items()
        },
        "idle": all(link.ended for link in links.values() if link.connected),
    }


def listed(state: State, node: Node) -> list[dict[str, object]]:
    """The nodes of `cluster_nodes.list`: see docs/contract.md."""
    own: tuple[str, ...] = ()
    known = [(node.name, node.pubkey, own)]
    known += [(peer.name, peer.pubkey, peer.addresses) for peer in node.peers]
    return [
        {
            "id": pubkey[:16],
            "pubkey": pubkey,
            "name": name,
            "status": "inactive" if name in state.inactive else "active",
            "trusted": pubkey in state.trusted,
            "addresses": list(addresses),
        }
        for name, pubkey, addresses in known
    ]


def reached(state: State, peer: str, log_id: str | None, position: int) -> bool:
    """Whether we are connected to `peer` and have processed its log (this one, if named) so far."""
    link = state.link(peer)
    right_log = log_id is None or link.log_id == log_id
    return link.connected and right_log and link.applied >= position
