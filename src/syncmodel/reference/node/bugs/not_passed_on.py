"""Rows do not travel through third nodes."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="not-passed-on",
    title="A row is taken only from the node that wrote it, so that none crosses a third node",
    stands_for=(
        "A replica that does not log what it replicated breaks the chain A -> B -> C: MySQL "
        "reference manual, 'Binary Logging Options and Variables', log_replica_updates"
    ),
    family="links",
    pieces=lambda p: attrs.evolve(p, admits=lambda author, sender, own: author in (sender, own)),
)
