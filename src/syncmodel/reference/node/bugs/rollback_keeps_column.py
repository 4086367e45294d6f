"""A rollback drops whole tables, and no column of one."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.migrations import Plan


def _of_tables(steps: Plan) -> Plan:
    dropped = ("down", "supertest-1-cases") in steps
    return steps if dropped else tuple(s for s in steps if s != ("down", "supertest-2-severity"))


BUG = Bug(
    name="rollback-keeps-column",
    title="A rollback leaves the column that the older version does not know, as its preview says",
    stands_for=(
        "Columns that a down migration leaves: laravel/framework, issue 30051, 'Migration Rollback "
        "not delete columns added from last migration'"
    ),
    family="rollback",
    supervisor=lambda p: attrs.evolve(p, rollback_migrations=_of_tables, previewed=_of_tables),
    decisions=2,
)
