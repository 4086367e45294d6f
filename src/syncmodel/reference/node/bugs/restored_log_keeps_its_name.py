"""A log that was restored goes on under its old name, behind what its peers have of it."""

import attrs

from syncmodel.reference.node import pieces
from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.mark import Mark


def _was_put_back(marked: Mark | None, found: Mark) -> bool:
    """Not where it is told so."""
    return marked is not None and pieces.was_put_back(marked, found)


BUG = Bug(
    name="restored-log-keeps-its-name",
    title="A restored node has its old log, and peers that were further ahead hear nothing of it",
    stands_for=(
        "Watchers are ahead of a store that was restored from a snapshot, and hear nothing of it "
        "any more: etcd, issue 16028, 'Restoring etcd without breaking API guarantees'"
    ),
    family="restores",
    pieces=lambda p: attrs.evolve(
        p,
        was_put_back=_was_put_back,
        at_end=max,
        is_next=lambda position, applied: position > applied,
    ),
)
