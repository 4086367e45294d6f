"""A row that arrives before the row it refers to is dropped."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="event-before-case-dropped",
    title="An event that arrives before its case is thrown away, and counts as processed",
    stands_for=(
        "Replication that breaks causal dependencies between rows: Bailis et al., 'Bolt-on Causal "
        "Consistency' (SIGMOD 2013), the reply that arrives before its post"
    ),
    family="referential",
    pieces=lambda p: attrs.evolve(p, keeps_event=lambda case_shows: case_shows),
)
