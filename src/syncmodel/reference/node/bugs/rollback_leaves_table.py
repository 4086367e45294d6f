"""A rollback switches the generation and runs no down migration."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="rollback-leaves-table",
    title="A rollback leaves the tables which the older generation does not know, rows and all",
    stands_for=(
        "Down migrations that a direct rollback forgets: tribes-supertest, plugin "
        "rollout/rollback progress notes, 'Rollback/down migration orchestration'"
    ),
    family="rollback",
    supervisor=lambda p: attrs.evolve(p, rollback_migrations=lambda _plan: ()),
)
