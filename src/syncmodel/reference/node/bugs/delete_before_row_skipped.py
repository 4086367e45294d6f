"""A delete of a row that is not there yet is skipped."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="delete-before-row-skipped",
    title="A tombstone is thrown away by a node that does not know the row it deletes",
    stands_for=(
        "A replicated delete that finds no row is skipped, and the row comes after it: PostgreSQL "
        "documentation, 'Logical Replication', section 'Conflicts' (missing data is skipped)"
    ),
    family="tombstone",
    pieces=lambda p: attrs.evolve(p, keeps_tombstone=lambda row_known: row_known),
)
