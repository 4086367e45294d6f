"""A full resync sends the rows and forgets what was deleted."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.entries import Tombstone
from syncmodel.reference.node.pieces import backlog

BUG = Bug(
    name="tombstone-lost-on-resync",
    title="A log that is served from its beginning leaves tombstones out: deleted rows stay",
    stands_for=(
        "Replicas repaired from live rows alone bring deleted data back: Apache Cassandra, "
        "'zombies' (documentation on tombstones and gc_grace_seconds)"
    ),
    family="tombstone",
    pieces=lambda p: attrs.evolve(
        p,
        backlog=lambda entries, after: [
            one for one in backlog(entries, after) if after or not isinstance(one.value, Tombstone)
        ],
    ),
)
