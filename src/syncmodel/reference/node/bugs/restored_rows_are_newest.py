"""What a node finds on a disk that was put back it writes once more, as of now."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

#: So many seconds later than now: later than what was written in the same second.
_LATER_S = 5

BUG = Bug(
    name="restored-rows-are-newest",
    title="The rows of a restored node win over all that was written since, deletions too",
    stands_for=(
        "What a restored side has counts as more recent, and what was deleted is uploaded again: "
        "Nextcloud desktop, issue 6110, 'Improve restore method on data fingerprint changes'"
    ),
    family="restores",
    pieces=lambda p: attrs.evolve(p, restamped=lambda stamp, now_s: max(stamp, now_s + _LATER_S)),
)
