"""What was refused without the plugin is not asked for again with it."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="rollout-keeps-cursors",
    title="A rollout keeps how far logs were applied, refusals counted: those rows stay away",
    stands_for=(
        "A checkpoint that outlives the filter it was made with: apache/pouchdb, issue 1060, "
        "'Replication with filter returns 0 doc when calling again'"
    ),
    family="rollback",
    supervisor=lambda p: attrs.evolve(p, forgets_cursors=lambda: False),
)
