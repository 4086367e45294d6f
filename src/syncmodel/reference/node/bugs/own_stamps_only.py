"""A node's clock does not advance on what it receives."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="own-stamps-only",
    title="A new version is stamped later than this node's own last one, not than what it replaces",
    stands_for=(
        "A logical clock that ignores the stamps of received messages (rule IR2): Lamport, 'Time, "
        "Clocks, and the Ordering of Events in a Distributed System' (CACM 21(7), 1978)"
    ),
    family="clock",
    pieces=lambda p: attrs.evolve(p, stamp=lambda now_s, _known_s, own_s, _: max(now_s, own_s + 1)),
)
