"""The log that follows a lost one has the same identity."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

BUG = Bug(
    name="log-keeps-its-name",
    title="A rollback drops the log and begins another under the old name, at position 0",
    stands_for=(
        "What was deleted and made again under its name is taken for the old: Apache Kafka, "
        "KIP-516 (Topic Identifiers)"
    ),
    family="lost log",
    supervisor=lambda p: attrs.evolve(p, log_after=lambda lost, fresh_id: lost or fresh_id),
)
