"""A position of a lost log is used in the one that came after it."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="checkpoint-kept",
    title="After a log was lost, a peer goes on from its old position in the new log",
    stands_for=(
        "A consumer's offset outlives the log that it belongs to: Apache Kafka, KIP-320 (Allow "
        "fetchers to detect and handle log truncation)"
    ),
    family="lost log",
    pieces=lambda p: attrs.evolve(p, resume=lambda _own_log_id, _asked_log_id, after: after),
)
