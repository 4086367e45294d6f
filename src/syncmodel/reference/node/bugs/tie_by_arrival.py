"""Two writes of one second: each node keeps the one that it heard of first."""

import attrs

from syncmodel.reference.node.bugs.base import Bug
from syncmodel.reference.node.entries import Stored


def _wins(one: Stored, other: Stored) -> bool:
    return (one.event.created_at, -one.position) > (other.event.created_at, -other.position)


BUG = Bug(
    name="tie-by-arrival",
    title="Of two versions with one stamp the first to arrive wins, which differs between nodes",
    stands_for=(
        "Last-write-wins without a deterministic tie-break: Kingsbury, 'Call me maybe: Cassandra' "
        "(2013), on equal timestamps"
    ),
    family="ordering",
    pieces=lambda p: attrs.evolve(p, wins=_wins),
)
