"""A job is written down once it is done, and not before what it does."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="job-noted-afterwards",
    title="A job that was interrupted after its commit says that it ran no migration",
    stands_for=(
        "What was done is noted after it was done: ohdearquant/khive, issue 1103, 'khive-db: "
        "apply_schema_plan applies migration and records ledger row non-atomically'"
    ),
    family="deployments",
    supervisor=lambda p: attrs.evolve(p, notes_first=lambda: False),
)
