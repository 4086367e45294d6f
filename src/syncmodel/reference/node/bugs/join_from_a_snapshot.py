"""A node that joins is sent what was there when its join was told."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="join-from-a-snapshot",
    title="A node that joins misses what is written between its join and its first connection",
    stands_for=(
        "What is written while a node is added gets lost: scylladb/scylladb, issue 539, 'Add "
        "node: loosing data while bootstrapping'"
    ),
    family="membership",
    pieces=lambda p: attrs.evolve(
        p, served_to=lambda end, told_at: end if told_at is None else told_at
    ),
    live=False,
)
