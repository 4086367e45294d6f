"""Down migrations run as the up migrations did."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="down-in-wrong-order",
    title="A rollback runs the down migrations in the order of the up migrations",
    stands_for=(
        "Down migrations that are not run in reverse: salsita/node-pg-migrate, issue 45, 'Running "
        "`down` migrations with count > 1 runs in the wrong order?'"
    ),
    family="deployments",
    supervisor=lambda p: attrs.evolve(p, rollback_migrations=lambda steps: steps[::-1]),
)
