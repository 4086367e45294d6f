"""The entries of a log that was put back: they are as they were, in a log of another name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from syncmodel.nostr.events import unsigned
from syncmodel.reference.node.entries import Stored, Tombstone
from syncmodel.reference.node.state import Node


def rewritten(stored: Iterable[Stored], node: Node, now_s: int) -> Iterator[Stored]:
    """Those entries that the node writes anew: none, but for a mistake."""
    for one in stored:
        if one.event.pubkey != node.pubkey or isinstance(one.value, Tombstone):
            continue
        stamp = node.pieces.restamped(one.event.created_at, now_s)
        if stamp != one.event.created_at:
            was = one.event
            event = unsigned(was.pubkey, stamp, was.kind, was.tags, was.content)
            yield replace(one, event=node.seal(event))
