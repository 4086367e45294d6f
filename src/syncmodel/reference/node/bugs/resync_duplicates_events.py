"""Replaying a log is not idempotent for events."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="resync-duplicates-events",
    title="An event that a backlog brings again is inserted into its table again",
    stands_for=(
        "At-least-once delivery into a consumer that is not idempotent: Apache Kafka, KIP-98 "
        "(Exactly Once Delivery), section Motivation"
    ),
    family="duplicate",
    pieces=lambda p: attrs.evolve(
        p, replayed=lambda shown, row, in_backlog: (*shown, row) if in_backlog else shown
    ),
)
