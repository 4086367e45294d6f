"""Which of a node's rows are on this node alone, where its peers hold this and that. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from syncmodel.nostr.events import Event
from syncmodel.reference.node.entries import CASES, EVENTS, RowKey
from syncmodel.reference.node.state import Node, State, winner

TABLES: Final = {CASES: "supertest_cases", EVENTS: "supertest_events"}

Held = Mapping[RowKey, Event]


def told(state: State, node: Node, held: Iterable[Held], silent: Iterable[str]) -> dict[str, Any]:
    """`rows_only_here`: the ids of the rows of each table that no peer here has so, or
    later; `not_asked`: the peers of which nobody knows."""
    found: dict[str, list[str]] = {name: [] for name in TABLES.values()}
    others, not_asked = list(held), sorted(silent)
    for key in sorted(state.table):
        ours = winner(state, key, node.pieces)
        if ours is None:
            continue
        theirs = any(_reaches(one.get(key), ours.event) for one in others)
        if not node.pieces.is_elsewhere(theirs, len(not_asked)):
            found[TABLES[key[0]]].append(key[1])
    return {"rows_only_here": found, "not_asked": not_asked}


def newest(events: Iterable[tuple[RowKey, Event]]) -> Held:
    """Of each row the event that beats all others (NIP-01)."""
    found: dict[RowKey, Event] = {}
    for key, event in events:
        if not _reaches(found.get(key), event):
            found[key] = event
    return found


def _reaches(one: Event | None, other: Event) -> bool:
    """Whether this is that event, or one that beats it."""
    if one is None:
        return False
    return (one.created_at, other.id) >= (other.created_at, one.id)
