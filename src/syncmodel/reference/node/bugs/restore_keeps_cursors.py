"""What counts as applied of peers' logs lies outside of what is put back."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="restore-keeps-cursors",
    title="A restored node goes on in its peers' logs where it was, and misses what lies between",
    stands_for=(
        "The checkpoint of a replication is not in the backup that is restored, and what came "
        "after it is never sent again: Community Health Toolkit, issue 8093, 'Prevent data loss "
        "through re-sync when restoring data from backup'"
    ),
    family="restores",
    decisions=2,
    pieces=lambda p: attrs.evolve(p, lets_go=lambda: False),
    supervisor=lambda p: attrs.evolve(p, keeps_cursors=lambda: True),
)
