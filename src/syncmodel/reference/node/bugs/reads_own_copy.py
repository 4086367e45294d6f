"""A read shows this node's own copy of a row, however old."""

from collections.abc import Iterable

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.entries import Stored, Tombstone
from syncmodel.reference.node.pieces import Rows


def _read(shown: Rows, versions: Iterable[Stored], own: str, _read_at: int | None) -> Rows:
    mine = [v.value for v in versions if v.event.pubkey == own]
    return tuple(v for v in mine if not isinstance(v, Tombstone)) or shown


BUG = Bug(
    name="reads-own-copy",
    title="A read shows what this node itself last wrote of a row, though a peer changed it since",
    stands_for=(
        "A cache that own writes fill and replicated ones do not invalidate: Nishtala et al., "
        "'Scaling Memcache at Facebook' (NSDI 2013), stale sets"
    ),
    family="sessions",
    pieces=lambda p: attrs.evolve(p, read=_read),
)
