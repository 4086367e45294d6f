"""A resync takes the end of a log for what it has read."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

#: Past the end of any log.
FAR = 10**9

BUG = Bug(
    name="resync-from-now",
    title="A resync that is not full goes on from the end of each peer's log, whatever was missed",
    stands_for=(
        "Taking a database's current sequence number for the last one that was read skips "
        "updates: apache/pouchdb, issue 3999 (discussion of checkpoints)"
    ),
    family="resync",
    pieces=lambda p: attrs.evolve(p, resyncs_from=lambda _applied: FAR),
)
