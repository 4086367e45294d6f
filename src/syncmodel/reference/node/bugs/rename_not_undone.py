"""A rollback undoes all but the new name of a column."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.migrations import Plan


def _without_names(steps: Plan) -> Plan:
    dropped = ("down", "supertest-1-events") in steps
    return steps if dropped else tuple(s for s in steps if s != ("down", "supertest-2-text"))


BUG = Bug(
    name="rename-not-undone",
    title="A rollback leaves a column under the newer version's name",
    stands_for=(
        "Down migrations that rename to the same name: saulabs/reportable, pull request 40, 'Fixed "
        "column name for rollback of migration'; or that drop the column in its place: "
        "mikro-orm/mikro-orm, issue 4919, 'Invalid down migration when renaming the column'"
    ),
    family="rollback",
    supervisor=lambda p: attrs.evolve(p, rollback_migrations=_without_names),
)
