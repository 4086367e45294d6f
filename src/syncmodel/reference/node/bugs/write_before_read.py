"""A write is stamped with the snapshot that was read before, which is older than what was read."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

#: By how much a snapshot is behind the clock.
BEHIND_S = 60


def _stamped(stamp_s: int, read_at: int | None) -> int:
    return stamp_s if read_at is None else read_at - BEHIND_S


BUG = Bug(
    name="write-before-read",
    title="A write of a row that was read is stamped earlier than what was read",
    stands_for=(
        "A write that is ordered by the snapshot of its transaction's reads and not after it "
        "(writes follow reads): Terry et al., 'Session Guarantees for Weakly Consistent Replicated "
        "Data' (PDIS 1994)"
    ),
    family="sessions",
    pieces=lambda p: attrs.evolve(p, stamped=_stamped),
)
