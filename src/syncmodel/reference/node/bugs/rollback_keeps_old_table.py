"""A rollback renames a table instead of dropping it."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.migrations import Migration

TABLE = "supertest_events"
OLD = f"{TABLE}_old"


def _renaming(one: Migration) -> Migration:
    if TABLE not in one.tables:
        return one
    down = (
        f"DROP INDEX {TABLE}_id",
        f"DROP INDEX {TABLE}_run_id",
        f"DROP TABLE IF EXISTS {OLD}",
        f"ALTER TABLE {TABLE} RENAME TO {OLD}",
    )
    return attrs.evolve(one, down=down, leaves=(OLD,))


BUG = Bug(
    name="rollback-keeps-old-table",
    title="Rolling the plugin back leaves its table of events behind, under another name",
    stands_for=(
        "What a migration replaces is kept under another name until someone drops it: "
        "github/gh-ost, `--ok-to-drop-table` (by default the old table stays)"
    ),
    family="rollback",
    supervisor=lambda p: attrs.evolve(p, migrations=tuple(map(_renaming, p.migrations))),
)
