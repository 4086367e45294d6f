"""A node that restarts goes on from the end of its peers' logs."""

import attrs
from msgspec.structs import replace

from syncmodel.reference.node.bugs.base import Bug

#: Past the end of any log.
FAR = 10**9

BUG = Bug(
    name="restart-from-now",
    title="What peers wrote while a node was down is skipped when it starts",
    stands_for=(
        "A consumer that restarts at the latest offset instead of the committed one: "
        "dashbitco/broadway_kafka, issue 76"
    ),
    family="restart",
    pieces=lambda p: attrs.evolve(p, restarts_from=lambda cursor: replace(cursor, applied=FAR)),
)
