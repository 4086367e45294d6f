"""The reference node without sockets, clock, randomness and store: `step` is the whole of it.

`step(state, input, node)` gives the next state and the outputs to carry out. The `Durable`
outputs of one step are one transaction (a row and the cursor that covers it, together); messages
and answers go out after that is stored. The same function runs on the wire (`server`), in the
simulator and under the checker. Signatures are checked before an event gets here.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from immutables import Map
from msgspec.structs import replace

from syncmodel.nostr.events import Event
from syncmodel.nostr.messages import BadDelivery, Delivery, Eose, Filter, Ok, Req
from syncmodel.reference.node import reads, writes
from syncmodel.reference.node.admission import admit, is_known, readable
from syncmodel.reference.node.entries import (
    EVENTS,
    KINDS,
    EventRow,
    RefusedEntryError,
    RowKey,
    Stored,
    Tombstone,
    Value,
)
from syncmodel.reference.node.membership import is_member, member, trust
from syncmodel.reference.node.ports import (
    Cursor,
    Drop,
    FromPeer,
    Input,
    Member,
    Output,
    PeerDown,
    PeerUp,
    Published,
    Purge,
    Put,
    Read,
    Redial,
    Resync,
    Show,
    Subscribe,
    ToPeer,
    ToSubscriber,
    Trust,
    Unsubscribe,
    Write,
)
from syncmodel.reference.node.purging import purge
from syncmodel.reference.node.serving import Served, served
from syncmodel.reference.node.state import (
    Link,
    Node,
    State,
    Subscription,
    case_shows,
    is_hidden,
    own_log,
)
from syncmodel.reference.node.tables import in_order, project, table_of

LOG: Final = "log"
Step = tuple[State, tuple[Output, ...]]


def boot(
    node: Node,
    *,
    now_s: int,
    log_id: str,
    plugin: int | None,
    stored: Iterable[Stored] = (),
    position: int = 0,
    cursors: Iterable[Cursor] = (),
    trusted: frozenset[str] = frozenset(),
    inactive: frozenset[str] = frozenset(),
) -> State:
    """The state of a node that starts, from what its store holds. No peer is connected yet."""
    rows: dict[RowKey, dict[str, Stored]] = {}
    for one in node.pieces.taken_up(stored):
        event = one.event
        if not node.pieces.believes(event.pubkey == node.pubkey, event.created_at - now_s):
            continue
        rows.setdefault(one.key, {})[one.event.pubkey] = one
    going_on = map(node.pieces.restarts_from, cursors)
    links = {one.peer: Link(log_id=one.log_id, applied=one.applied) for one in going_on}
    state = State(
        log_id=log_id,
        plugin=plugin,
        position=position,
        rows=Map({key: Map(authors) for key, authors in rows.items()}),
        links=Map(links),
        trusted=trusted,
        inactive=inactive,
    )
    return state if plugin is None else replace(state, table=table_of(state, node))


def step(state: State, given: Input, node: Node) -> Step:
    """The next state and the outputs, in the order in which they are to be carried out."""
    return _STEPS[type(given)](state, given, node)


def _write(state: State, write: Write, node: Node) -> Step:
    after, outputs = _carried_out(state, write, node)
    if node.pieces.repeats(write.given_up):
        after, again = _carried_out(after, write, node)
        outputs += again
    return after, outputs


def _carried_out(state: State, write: Write, node: Node) -> Step:
    try:
        event, value, status = writes.next_version(state, node, write)
    except writes.DeniedError as denied:
        return state, (denied.answer(),)
    answer = writes.answer(state, node, event.kind, value, status)
    hidden = is_hidden(state, (event.kind, value.id))
    if isinstance(value, Tombstone) and not node.pieces.keeps_deletion(hidden):
        return state, (answer,)
    if not node.pieces.store_takes(value):
        return state, (answer,)
    state, outputs = _offer(state, event, value, node)
    return state, (*outputs, answer)


def _read(state: State, given: Read, node: Node) -> Step:
    state, answer = reads.answered(state, given, node)
    return state, (answer,)


def _peer_up(state: State, up: PeerUp, node: Node) -> Step:
    link = state.link(up.peer)
    state = state.with_link(up.peer, link.up())
    after = node.pieces.asks_after(link.applied, (one.applied for one in state.links.values()))
    asked = Filter(kinds=KINDS, log_id=link.log_id, after=after)
    return state, (ToPeer(up.peer, Req(LOG, (asked,))),)


def _peer_down(state: State, down: PeerDown, node: Node) -> Step:
    link = state.link(down.peer)
    dials = not link.connected or node.pieces.dials_again(link.ended)
    return state.with_link(down.peer, replace(link.down(), given_up=not dials)), ()


def _from_peer(state: State, given: FromPeer, node: Node) -> Step:
    peer, message = given.peer, given.message
    link = state.link(peer)
    match message:
        case Eose():
            before = link.applied if link.log_id == message.log_id else 0
            applied = node.pieces.at_end(before, message.position or 0)
            link = link.at_end(message.log_id, applied)
            state = state.with_link(peer, link)
            return state, (Cursor(peer, message.log_id, applied),)
        case Delivery():
            if link.ended and not node.pieces.is_next(message.position or 0, link.applied):
                return state, ()
            state, outputs, refused = _accept(state, given, message.event, node)
        case BadDelivery():
            outputs, refused = (), True
    if refused:
        link = replace(link, refused=link.refused + 1)
        state = state.with_link(peer, link)
    if not link.ended or message.position is None:
        return state, outputs
    applied = max(link.applied, message.position)
    state = state.with_link(peer, link.at(link.log_id, applied))
    return state, (*outputs, Cursor(peer, link.log_id, applied))


def _accept(
    state: State, given: FromPeer, event: Event, node: Node
) -> tuple[State, tuple[Output, ...], bool]:
    """(state, outputs, whether it was refused) of an entry that a peer sent."""
    try:
        value = readable(state, event, given.now_s, node)
        admit(state, given.peer, event, node)
    except RefusedEntryError:
        return state, (), True
    if is_known(state, event, value, node):
        return *_replay(state, given.peer, value, node), False
    waits = isinstance(value, EventRow) and not case_shows(state, value.case_id)
    if waits and not node.pieces.keeps_event(False):
        return state, (), False
    row_known = (event.kind, value.id) in state.rows
    if isinstance(value, Tombstone) and not node.pieces.keeps_tombstone(row_known):
        return state, (), False
    return *_offer(state, event, value, node), False


def _replay(state: State, peer: str, value: Value, node: Node) -> Step:
    key = (EVENTS, value.id)
    if not isinstance(value, EventRow) or value not in state.table.get(key, ()):
        return state, ()
    before = state.table[key]
    after = node.pieces.replayed(before, value, not state.link(peer).ended)
    if after == before:
        return state, ()
    state = replace(state, table=state.table.set(key, after))
    return state, (Show(key, after, 0),)


def _offer(state: State, event: Event, value: Value, node: Node) -> Step:
    """Store `event` if it beats what its author said of the row before, and tell subscribers."""
    stored = Stored(event, state.position + 1, value)
    key = stored.key
    authors = state.rows.get(key, Map())
    before = authors.get(event.pubkey)
    if before is not None and not node.pieces.wins(stored, before):
        return state, ()
    rows = state.rows.set(key, authors.set(event.pubkey, stored))
    state = replace(state, position=stored.position, rows=rows)
    state, shows = project(state, key, node)
    pushes = _pushes(state, stored) if _is_pushed(state, stored, bool(shows), node) else ()
    return state, (Put(stored), *shows, *pushes)


def _is_pushed(state: State, stored: Stored, changes_table: bool, node: Node) -> bool:
    def all_connected() -> bool:
        return all(state.link(peer.name).connected for peer in node.peers)

    is_own = stored.event.pubkey == node.pubkey
    return node.pieces.wakes(changes_table) and node.pieces.forwards(is_own, all_connected)


def _pushes(state: State, stored: Stored) -> tuple[Output, ...]:
    """The new entry for everyone who asked, also for the peer it came from (no echo suppression: a
    peer that never gets its own entries back could not know that it has processed our log)."""
    live: dict[tuple[str, bool], Delivery] = {}
    outputs: list[Output] = []
    for (conn, sub), one in in_order(state.subscriptions):
        if one.asks_for(stored.event):
            # One value for all who get the same text, so that the shell writes that text once.
            position = stored.position if one.follows else None
            message = live.setdefault((sub, one.follows), Delivery(sub, stored.event, position))
            outputs.append(ToSubscriber(conn, message))
    return tuple(outputs)


def opened(state: State, given: Subscribe, node: Node) -> tuple[State, Served]:
    """The state with a subscription more, which is sent what is new from then on, and the stream of
    what it is sent before."""
    subscription = Subscription(given.req, given.peer)
    key = (given.conn, given.req.sub)
    state = replace(state, subscriptions=state.subscriptions.set(key, subscription))
    return state, served(state, subscription, node)


def _subscribe(state: State, given: Subscribe, node: Node) -> Step:
    if given.peer is not None and not is_member(state, node, given.peer):
        return state, (Drop(given.conn),)
    state, stream = opened(state, given, node)
    sends = (ToSubscriber(given.conn, message) for message in stream if message is not None)
    return state, tuple(sends)


def _unsubscribe(state: State, given: Unsubscribe, node: Node) -> Step:  # noqa: ARG001 - as all steps
    for key, one in state.subscriptions.items():
        if key[0] == given.conn and given.sub in (None, key[1]):
            state = replace(state, subscriptions=state.subscriptions.delete(key))
            if one.peer is not None and one.follows:
                sent = own_log(state)[1] if given.sent else _had(state, one)
                state = state.with_link(one.peer, state.link(one.peer).told(sent))
    return state, ()


def _had(state: State, one: Subscription) -> int:
    """How much of our log its peer had when it subscribed, as it said itself."""
    wanted = one.req.filters[0]
    return wanted.after or 0 if wanted.log_id == own_log(state)[0] else 0


def _published(state: State, given: Published, node: Node) -> Step:
    event = given.event
    try:
        value = readable(state, event, given.now_s, node)
    except RefusedEntryError as refusal:
        no = Ok(event.id, False, f"{_prefix(refusal.code)}: {refusal.code}: {refusal}")
        return state, (ToSubscriber(given.conn, no),)
    if is_known(state, event, value, node):
        yes = Ok(event.id, True, "duplicate: this node has it")
        return state, (ToSubscriber(given.conn, yes),)
    state, outputs = _offer(state, event, value, node)
    return state, (*outputs, ToSubscriber(given.conn, Ok(event.id, True)))


def _prefix(code: str) -> str:
    """NIP-01's word for a refusal: it is not ours to take, or no one's."""
    return "blocked" if code in ("no_plugin", "untrusted", "unknown_kind") else "invalid"


def _resync(state: State, given: Resync, node: Node) -> Step:
    outputs: list[Output] = []
    for peer in node.peers:
        if given.peer not in (None, peer.name) or not is_member(state, node, peer.name):
            continue
        link = state.link(peer.name)
        if given.full and link.connected:
            link = link.at(None, 0)
            outputs.append(Cursor(peer.name, None, 0))
        elif not given.full:
            link = link.at(link.log_id, node.pieces.resyncs_from(link.applied))
        state = state.with_link(peer.name, link.down())
        outputs.append(Redial(peer.name, node.pieces.resync_route(peer.addresses)))
    return state, tuple(outputs)


_STEPS: Final[dict[type, Callable[[State, Any, Node], Step]]] = {
    Write: _write,
    Read: _read,
    PeerUp: _peer_up,
    PeerDown: _peer_down,
    FromPeer: _from_peer,
    Subscribe: _subscribe,
    Unsubscribe: _unsubscribe,
    Published: _published,
    Resync: _resync,
    Trust: trust,
    Member: member,
    Purge: purge,
}
