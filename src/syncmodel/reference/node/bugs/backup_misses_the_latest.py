"""A backup copies the database without what is still in its write-ahead log."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="backup-misses-the-latest",
    title="What a node wrote last before its backup is not there after the restore",
    stands_for=(
        "Only the main file of a SQLite database is copied, without its write-ahead log: Bindery, "
        "pull request 900, 'use VACUUM INTO so backups include WAL pages'"
    ),
    family="restores",
    supervisor=lambda p: attrs.evolve(p, copies_the_latest=lambda: False),
)
