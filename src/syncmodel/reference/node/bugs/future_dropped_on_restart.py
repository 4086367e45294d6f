"""A node that starts takes its own entries from the future for damaged."""

import attrs

from syncmodel.reference.node.bugs.base import Bug

#: How far ahead of its clock a stamp may be, seconds.
BELIEVED_S = 10


def _believes(is_own: bool, ahead_s: int) -> bool:
    return not is_own or ahead_s <= BELIEVED_S


BUG = Bug(
    name="future-dropped-on-restart",
    title="A node whose clock went back over a restart drops what it wrote with later stamps",
    stands_for=(
        "Writes that vanish without a word as clocks lag: Kleppmann, 'Designing Data-Intensive "
        "Applications' (2017), chapter 8, 'Timestamps for ordering events'"
    ),
    family="clock",
    pieces=lambda p: attrs.evolve(p, believes=_believes),
)
