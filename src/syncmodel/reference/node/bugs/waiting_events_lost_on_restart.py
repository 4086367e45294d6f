"""What waits for its dependency does not survive a restart."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="waiting-events-lost-on-restart",
    title="An event whose case is not there when a node starts is missing when the case comes back",
    stands_for=(
        "Updates that wait for a missing dependency are kept in memory and not persisted: "
        "yjs/yjs, pull request 274, 'Differential updates' (pending structs)"
    ),
    family="restart",
    pieces=lambda p: attrs.evolve(p, waits_on=lambda case_shows: case_shows),
)
