"""A read comes from a copy that replication feeds, and that own writes reach later."""

from collections.abc import Iterable

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.entries import Stored, Tombstone
from syncmodel.reference.node.pieces import Rows, wins


def _read(shown: Rows, versions: Iterable[Stored], own: str, _read_at: int | None) -> Rows:
    best: Stored | None = None
    for one in versions:
        if one.event.pubkey != own and (best is None or wins(one, best)):
            best = one
    if best is None:
        return shown
    return () if isinstance(best.value, Tombstone) else (best.value,)


BUG = Bug(
    name="own-write-unread",
    title="A read shows the newest that came from a peer, without what this node wrote over it",
    stands_for=(
        "Reads from a follower that has not got the client's own write yet (read your writes): "
        "Terry et al., 'Session Guarantees for Weakly Consistent Replicated Data' (PDIS 1994)"
    ),
    family="sessions",
    pieces=lambda p: attrs.evolve(p, read=_read),
)
