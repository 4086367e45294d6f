"""A log that was restored goes on under its old name, whether or not the node was told."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="restored-log-keeps-its-name",
    title="A restored node has its old log, and peers that were further ahead hear nothing of it",
    stands_for=(
        "Watchers are ahead of a store that was restored from a snapshot, and hear nothing of it "
        "any more: etcd, issue 16028, 'Restoring etcd without breaking API guarantees'"
    ),
    family="restores",
    decisions=3,
    pieces=lambda p: attrs.evolve(
        p,
        was_put_back=lambda _, __: False,
        at_end=max,
        is_next=lambda position, applied: position > applied,
    ),
)
