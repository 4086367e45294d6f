"""Two versions with the same content are taken for one."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="equal-content-is-duplicate",
    title="An entry with the content of its author's last one is a duplicate: a second delete",
    stands_for=(
        "Deduplication by content instead of identity: Amazon SQS developer guide, FIFO queues, "
        "`ContentBasedDeduplication` (identical content is treated as a duplicate)"
    ),
    family="duplicate",
    pieces=lambda p: attrs.evolve(p, is_same=lambda stored, event: stored.content == event.content),
)
