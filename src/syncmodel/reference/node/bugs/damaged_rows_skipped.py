"""A node that skips what it can't make sense of in its own store, and serves the rest."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="damaged-rows-skipped",
    title="A node whose store was damaged starts all the same, without some of its rows",
    stands_for=(
        "Damaged files of a store are skipped without a word, and the database starts without "
        "what was in them: memgraph/memgraph#4742, 'Unreadable snapshot/WAL files are skipped "
        "silently'; scylladb/scylladb#3847, 'commitlog replay failures are silently ignored'"
    ),
    family="durability",
    pieces=lambda p: attrs.evolve(p, refuses_damage=lambda there: False),  # noqa: ARG005
)
