"""Two requests at once do not see each other."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.entries import Stored, Tombstone


def _base(winner: Stored, _own: Stored | None, arrived: Stored | None) -> Stored:
    return winner if arrived is None or isinstance(arrived.value, Tombstone) else arrived


BUG = Bug(
    name="write-on-what-arrived",
    title="A write rests on the row as it was when its request came: of two increments one is lost",
    stands_for=(
        "Read, add and save without a lock: Django documentation, 'Query Expressions', "
        "'Avoiding race conditions using F()'"
    ),
    family="merge",
    pieces=lambda p: attrs.evolve(p, base=_base),
    # A live node's requests come whole, and each is carried out before the next one is looked at.
    live=False,
)
