"""A node that purges forgets deletes that others have not seen."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="purged-too-early",
    title="A purge forgets every delete, also those that a node behind a cut has not seen",
    stands_for=(
        "A tombstone that two of three replicas have is collected after gc_grace_seconds, and the "
        "third one's copy of the row is repaired into all: scylladb/scylladb#15243"
    ),
    family="tombstone",
    pieces=lambda p: attrs.evolve(p, purges=lambda told, mine: [*mine]),  # noqa: ARG005
)
