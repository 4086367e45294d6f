"""A rollback drops the tables and keeps the log that they were made from."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="rollback-keeps-log",
    title="Rows that a rollback drops stay in the log, and are back after the next rollout",
    stands_for=(
        "Data of what was deleted is still on disk and is taken up again: Elasticsearch, dangling "
        "indices (reference, 'Dangling indices')"
    ),
    family="rollback",
    supervisor=lambda p: attrs.evolve(
        p, migrations=tuple(attrs.evolve(one, kinds=()) for one in p.migrations)
    ),
)
