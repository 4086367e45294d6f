"""The down migration of one column empties its table."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.migrations import Migration


def _emptying(one: Migration) -> Migration:
    down = (*one.down, "DELETE FROM supertest_cases")
    return one if one.tables else attrs.evolve(one, down=down, kinds=(30100,))


BUG = Bug(
    name="downgrade-empties-cases",
    title="Rolling the plugin back from version 2 to version 1 loses every case of that node",
    stands_for=(
        "A migration that rebuilds a table and silently deletes rows: torrust/torrust-index, "
        "issue 526 (a SQLite migration truncates data)"
    ),
    family="rollback",
    supervisor=lambda p: attrs.evolve(p, migrations=tuple(map(_emptying, p.migrations))),
)
