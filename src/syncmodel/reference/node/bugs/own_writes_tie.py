"""Two writes of one node in one second are in no order."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.pieces import stamp


def _stamp(now_s: int, newest_known_s: int, newest_own_s: int, is_delete: bool) -> int:
    if newest_known_s == newest_own_s == now_s:
        return now_s
    return stamp(now_s, newest_known_s, newest_own_s, is_delete)


BUG = Bug(
    name="own-writes-tie",
    title="What a node writes twice in a second has one stamp, and the lower id wins",
    stands_for=(
        "Stamps in whole seconds, where of two events with one stamp the lower id is "
        "kept, whichever came later: Nostr, NIP-01 (replaceable events)"
    ),
    family="ordering",
    pieces=lambda p: attrs.evolve(p, stamp=_stamp),
)
