"""What a node accepts from elsewhere: which events, from whom, and whether it has them already.

Not here: what an event says (`entries`), and what happens to an accepted one (`core`).
"""

from syncmodel.nostr.events import Event
from syncmodel.reference.node.entries import RefusedEntryError, Value, read
from syncmodel.reference.node.state import Node, State, hears_us


def readable(state: State, event: Event, now_s: int, node: Node) -> Value:
    """What an event from elsewhere says; raises RefusedEntryError if we do not accept it."""
    if state.plugin is None:
        raise RefusedEntryError("no_plugin", "this node has no plugin for this kind")
    if event.pubkey not in state.trusted and not node.pieces.counts_anyway(event):
        raise RefusedEntryError("untrusted", "this node does not trust the author")
    if event.created_at > node.pieces.latest_stamp(now_s):
        raise RefusedEntryError("stamp_ahead", "created_at is too far ahead of the clock")
    return read(event)


def admit(state: State, peer: str, event: Event, node: Node) -> None:
    """Raises RefusedEntryError if an event that we could read is not taken from this peer."""
    sender = node.peer(peer)
    if sender is not None and not node.pieces.admits(event.pubkey, sender.pubkey, node.pubkey):
        raise RefusedEntryError("not_admitted", "this node does not take the author's rows from it")
    if not node.pieces.hears(lambda: hears_us(state, peer)):
        raise RefusedEntryError("not_heard", "this node does not listen to that peer")


def is_known(state: State, event: Event, value: Value, node: Node) -> bool:
    """Whether this event, which says `value`, is what is stored of its author and row."""
    authors = state.rows.get((event.kind, value.id))
    stored = authors.get(event.pubkey) if authors else None
    return stored is not None and node.pieces.is_same(stored.event, event)
