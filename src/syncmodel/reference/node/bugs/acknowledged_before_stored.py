"""A write is acknowledged before it is stored."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="acknowledged-before-stored",
    title="Whatever is written is stored only when it is next read, and acknowledged at once",
    stands_for=(
        "Success is returned before the write is durable: PostgreSQL documentation, 'Reliability "
        "and the Write-Ahead Log', section 'Asynchronous Commit'"
    ),
    family="durability",
    pieces=lambda p: attrs.evolve(p, commit=lambda durables: ((), tuple(durables))),
)
