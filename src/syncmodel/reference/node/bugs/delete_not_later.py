"""A delete takes no notice of what came from elsewhere."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.pieces import stamp


def _stamp(now_s: int, newest_known_s: int, newest_own_s: int, is_delete: bool) -> int:
    known_s = newest_own_s if is_delete else newest_known_s
    return stamp(now_s, known_s, newest_own_s, is_delete)


BUG = Bug(
    name="delete-not-later",
    title="A delete is stamped later than what its node wrote itself, not than another's version",
    stands_for=(
        "A delete that is stamped by a clock that is behind, and loses to what it "
        "deletes: Kingsbury, 'The trouble with timestamps' (2013)"
    ),
    family="clock",
    pieces=lambda p: attrs.evolve(p, stamp=_stamp),
)
